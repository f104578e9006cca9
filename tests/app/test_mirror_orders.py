"""The connector in examples/crm: killed again and again, its copy is exact in the end."""

import asyncio
import json
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from models.api_key import Scope
from models.feed import Block, FeedEntry
from models.principal import Role
from services import api_keys
from tests.client import Api
from tests.waiting import until

SCRIPT = Path(__file__).parents[2] / "examples" / "crm" / "mirror_orders.py"
NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
BLOCK = 100


def entry(seq: int) -> FeedEntry:
    """Return the entry at a place: of every four orders one comes back and one is cancelled."""
    order, step = f"o{seq // 5 * 5 + min(seq % 5, 2)}", seq % 5
    if step < 3:
        data = {"order": order, "currency": "USD", "total": f"{seq}.00", "lines": []}
        return FeedEntry(f"e{seq}", "order.placed", NOW, user_id="ann", data=data)
    kind = "order.returned" if step == 3 else "order.cancelled"
    return FeedEntry(f"e{seq}", kind, NOW, user_id="ann", data={"order": order})


async def tell(api: Api, blocks: range) -> None:
    for number in blocks:
        first = (number - 1) * BLOCK + 1
        # Among orders there is always something else, too.
        told = [entry(seq) for seq in range(first, first + BLOCK - 1)]
        told.append(FeedEntry(f"e{first + BLOCK - 1}", "run.started", NOW))
        assert await api.stores.feed.append(Block(number, first, tuple(told), NOW))


def copied(crm: Path) -> int:
    if not crm.exists():
        return 0
    with closing(sqlite3.connect(crm, timeout=60)) as database:
        try:
            count: int = database.execute("select count(*) from entries").fetchone()[0]
        except sqlite3.OperationalError:
            return 0  # it has made no tables yet
    return count


def has(crm: Path, goal: int) -> bool:
    return copied(crm) >= goal


@asynccontextmanager
async def running(url: str, crm: Path, key: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the script; at the end it is killed without a warning."""
    script = await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), url, str(crm), env={**os.environ, "FANFARE_KEY": key}
    )
    try:
        yield script
    finally:
        script.send_signal(signal.SIGKILL)
        await script.wait()


async def mirror(address: str, api: Api, crm: Path, *, blocks: int, kills: int) -> None:
    ada = await api.caller(Role.ADMIN)
    _, key = await api_keys.create(
        "crm",
        [Scope.FEED],
        caller=ada.principal,
        stores=api.stores,
        tokens=api.tokens,
        now=datetime.now(UTC),
    )
    url = address.replace("ws://", "http://")
    await api.stores.identities.link_external("C-1017", "ann")
    total = blocks * (BLOCK - 1)
    # Half was before, half comes meanwhile.
    await tell(api, range(1, blocks // 2 + 1))
    telling = asyncio.create_task(tell(api, range(blocks // 2 + 1, blocks + 1)))
    for goal in [total * kill // (kills + 1) for kill in range(1, kills + 1)] + [total]:
        async with running(url, crm, key):
            await until(partial(has, crm, goal), within=600)
    await telling


def check(crm: Path, blocks: int) -> None:
    """Compare the copy with all that was told."""
    told = {seq: entry(seq) for seq in range(1, blocks * BLOCK + 1) if seq % BLOCK != 0}
    with closing(sqlite3.connect(crm)) as database:
        rows = database.execute("select cursor, type, data from entries").fetchall()
        found = database.execute("select number, state, returns from orders").fetchall()
        buyers = database.execute("select distinct user from orders").fetchall()
    orders = {number: (state, returns) for number, state, returns in found}
    assert {seq: (kind, json.loads(data)) for seq, kind, data in rows} == {
        seq: (each.type, each.data) for seq, each in told.items()
    }
    expected: dict[str, tuple[str, int]] = {}
    for each in told.values():
        state, returns = expected.get(each.data["order"], ("", 0))
        match each.type:
            case "order.placed":
                expected[each.data["order"]] = ("placed", 0)
            case "order.returned":
                expected[each.data["order"]] = (state, returns + 1)
            case _:
                expected[each.data["order"]] = ("cancelled", returns)
    assert orders == expected
    assert buyers == [("C-1017",)]


async def test_a_connector_that_is_killed_ends_with_an_exact_copy(
    address: str, api: Api, tmp_path: Path
) -> None:
    await mirror(address, api, tmp_path / "crm.db", blocks=30, kills=4)

    check(tmp_path / "crm.db", 30)


@pytest.mark.faults
async def test_a_connector_killed_twenty_times_copies_100_000_entries(
    address: str, api: Api, tmp_path: Path
) -> None:
    await mirror(address, api, tmp_path / "crm.db", blocks=1_000, kills=20)

    check(tmp_path / "crm.db", 1_000)
