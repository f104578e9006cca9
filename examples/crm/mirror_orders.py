"""Mirrors a shop's orders into a small CRM: a SQLite file. Kill it at any moment; start it again.

    FANFARE_KEY=fanfare_… python mirror_orders.py https://shop.example/graphql crm.db

What came and its cursor are written in one transaction. So whatever is cut off, this script, the
connection or the server, it goes on with exactly what comes next: nothing is lost, nothing double.
"""

import json
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx2

FEED = """subscription ($after: String) {
  feed(types: ["order.*"], after: $after, batch: 500) {
    cursor
    entries { cursor type at userId userExternalIds data }
  }
}"""
TABLES = """
create table if not exists entries (
  cursor integer primary key, type text, at text, user text, data text
);
create table if not exists orders (
  number text primary key, user text, currency text, total text, state text,
  returns integer default 0
);
create table if not exists progress (one integer primary key check (one = 1), cursor text);
insert or ignore into progress values (1, '0');
"""
# A copy cannot go on from here: somebody has to look.
FINAL = {"CURSOR_EXPIRED", "CURSOR_UNKNOWN", "UNAUTHENTICATED", "FORBIDDEN"}
LONGEST_PAUSE = 30.0


class Ended(Exception):
    """The server has ended the subscription, and says why."""


def main(url: str, path: str, key: str) -> None:
    """Follow orders for ever."""
    crm = sqlite3.connect(path, isolation_level=None)
    crm.executescript(TABLES)
    pause = 0.5
    while True:
        (cursor,) = crm.execute("select cursor from progress").fetchone()
        try:
            for batch in follow(url, key, cursor):
                write(crm, batch)
                pause = 0.5
        except (httpx2.HTTPError, Ended) as error:
            if str(error) in FINAL or str(error).startswith("Client error '401"):
                raise SystemExit(f"cannot go on after {cursor}: {error}") from error
            sys.stderr.write(f"again in {pause} s: {error}\n")
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def follow(url: str, key: str, after: str) -> Iterator[dict[str, Any]]:
    """Yield what the feed tells of orders after a cursor, as long as the connection holds."""
    headers = {"authorization": f"Bearer {key}", "accept": "text/event-stream"}
    asked = {"query": FEED, "variables": {"after": after}}
    # There is a sign of life every 12 seconds.
    patience = httpx2.Timeout(10, read=60)
    with httpx2.stream("POST", url, json=asked, headers=headers, timeout=patience) as response:
        response.raise_for_status()
        for line in response.iter_lines():
            if line.startswith("data: "):
                answer = json.loads(line.removeprefix("data: "))
                if "errors" in answer:
                    raise Ended(answer["errors"][0]["extensions"]["code"])
                yield answer["data"]["feed"]


def write(crm: sqlite3.Connection, batch: dict[str, Any]) -> None:
    """Write a batch and how far it leads, or nothing of both."""
    crm.execute("begin immediate")
    for entry in batch["entries"]:
        data = entry["data"]
        row = (int(entry["cursor"]), entry["type"], entry["at"], entry["userId"], json.dumps(data))
        crm.execute("insert into entries values (?, ?, ?, ?, ?)", row)
        match entry["type"]:
            case "order.placed":
                # What the shop calls the buyer, if Fanfare has been told.
                buyer = next(iter(entry["userExternalIds"]), entry["userId"])
                order = (data["order"], buyer, data["currency"], data["total"], "placed")
                crm.execute(
                    "insert into orders (number, user, currency, total, state)"
                    " values (?, ?, ?, ?, ?)",
                    order,
                )
            case "order.returned":
                change = "update orders set returns = returns + 1 where number = ?"
                crm.execute(change, (data["order"],))
            case "order.cancelled":
                change = "update orders set state = 'cancelled' where number = ?"
                crm.execute(change, (data["order"],))
    crm.execute("update progress set cursor = ?", (batch["cursor"],))
    crm.execute("commit")


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2], os.environ["FANFARE_KEY"])
    except KeyboardInterrupt:
        raise SystemExit(130) from None
