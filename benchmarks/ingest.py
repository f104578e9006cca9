"""Events from accept to effect: 100 triggers and 50 segments live, real processes, durable writes.

One API process, one worker unless told otherwise, one scheduler, mongod and Valkey on one machine.
Events go in through `POST /v1/events`, 500 to a request; every fifth starts a journey that does
something to its user.
Beside it a bare script does the same writes with the same indexes, as they were found to be. Then
events come at half the rate reached, and what is measured is the time from accept to the first
effect, and a worker's memory.

Run: python benchmarks/ingest.py [SECONDS] [WORKERS]
"""

import asyncio
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from subprocess import Popen
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import httpx2
import orjson
from _api import environment_of
from _http import await_ready
from pymongo import UpdateOne
from pymongo.read_concern import ReadConcern

import devserver.mongod
import devserver.valkey
from devserver.mongod import Profile
from devserver.process import free_port, spawn, stop
from models.api_key import Scope
from models.campaign import Act
from models.ids import new_id
from models.principal import Principal, Role
from models.store import Stores, connect, prepare
from models.user import User
from services import api_keys, releases
from services.releases import RulesFile
from services.tokens import Tokens

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
WORKERS = int(sys.argv[2]) if len(sys.argv) > 2 else 1
USERS = 20_000
BATCH = 500
AHEAD = 10_000
CACHE = 4.0  # GB: less than a server with so much memory as this one would take by itself
CATEGORIES = [f"C{number:02}" for number in range(50)]
_KEPT = frozenset({"facts", "tags", "recheck"})
ADMIN = Principal("bench", frozenset({Role.ADMIN}), "bench")


def rules() -> str:
    """100 triggers, of which an event starts one in five times, and 50 segments."""
    triggers = "\n".join(
        f'trigger t{n} {{ on viewed where category = "C{n % 50:02}" and amount >= '
        f"{95 if n < 50 else 85} USD and amount < {100 if n < 50 else 95} USD "
        f'then {{ tag "t{n}" }} }}'
        for n in range(100)
    )
    segments = "\n".join(
        f'segment s{n} {{ count(viewed where category = "{CATEGORIES[n]}", last 30 days) >= '
        f"{n % 5 + 1} and user.household_size >= {n % 4} }}"
        for n in range(50)
    )
    return f"""
    event viewed {{ sku: text  category: text  amount: money USD }}
    attributes user {{ household_size: number }}
    {triggers}
    {segments}
    """


@dataclass
class Stack:
    """Our processes, the servers that they use, and how to reach them."""

    uri: str
    url: str
    processes: Mapping[str, Popen[bytes]]
    servers: Mapping[str, Popen[bytes]]
    key: str = ""

    def memory(self, name: str) -> float:
        """Return a process's resident memory in MiB."""
        status = Path(f"/proc/{self.processes[name].pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@contextmanager
def stack(folder: Path) -> Iterator[Stack]:
    with ExitStack() as open_:
        mongod = open_.enter_context(
            devserver.mongod.running(folder / "mongod", Profile.DURABLE, cache=CACHE)
        )
        valkey = open_.enter_context(devserver.valkey.running(folder / "valkey"))
        key = asyncio.run(set_up(mongod.uri))
        port = free_port()
        environment = environment_of(mongod.uri, valkey.url, port, folder)
        running = {}
        workers = [f"worker-{number}" for number in range(1, WORKERS + 1)]
        for name in ("serve", *workers, "scheduler"):
            command = [sys.executable, "-m", "app.cli", name.partition("-")[0]]
            running[name] = spawn(
                command,
                log=folder / f"{name}.log",
                environment=environment,
                death_signal=signal.SIGKILL,
            )
            open_.callback(stop, running[name])
        url = f"http://127.0.0.1:{port}"
        await_ready(url)
        servers = {"mongod": mongod.process, "valkey": valkey.process}
        yield Stack(mongod.uri, url, running, servers, key)


async def set_up(uri: str) -> str:
    """Make people and rules; return an API key."""
    database = connect(uri, "bench")
    await prepare(database)
    stores = Stores.over(database)
    now = datetime.now(UTC)
    dice = random.Random(3)
    await stores.users.save_many(
        [
            User(
                id=f"u{n:05}",
                created_at=now,
                name=f"U{n}",
                attributes={"household_size": dice.randint(1, 6)},
            )
            for n in range(USERS)
        ]
    )
    await releases.release([RulesFile("bench", "Bench", rules())], Act("bench", now), stores=stores)
    _, token = await api_keys.create(
        "b",
        [Scope.EVENTS],
        caller=ADMIN,
        stores=stores,
        tokens=Tokens("a secret for benchmarks"),
        now=now,
    )
    return token


def batch(dice: random.Random, size: int) -> bytes:
    return b"\n".join(
        orjson.dumps(
            {
                "id": new_id(),
                "name": "viewed",
                "user": f"u{dice.randrange(USERS):05}",
                "data": {
                    "sku": f"S{dice.randrange(5000)}",
                    "category": dice.choice(CATEGORIES),
                    "amount": f"{dice.uniform(0, 100):.2f}",
                },
            }
        )
        for _ in range(size)
    )


async def flood(running: Stack, seconds: float) -> tuple[int, float]:
    """Send for so long as fast as is taken; return how many, and in what time all was done."""
    dice = random.Random(5)
    database = connect(running.uri, "bench")
    stores = Stores.over(database)
    headers = {"authorization": f"Bearer {running.key}", "content-type": "application/x-ndjson"}
    sent = 0
    began = time.monotonic()
    async with httpx2.AsyncClient(timeout=60) as http:
        ahead = False

        async def look() -> None:
            """See now and then whether we are further ahead than what is worked on in seconds."""
            nonlocal ahead
            while time.monotonic() - began < seconds:
                ahead = await stores.events.count_pending(most=AHEAD) >= AHEAD
                await asyncio.sleep(0.5)

        async def send() -> None:
            nonlocal sent
            while time.monotonic() - began < seconds:
                if ahead:  # not to measure a queue
                    await asyncio.sleep(0.05)
                    continue
                answer = await http.post(
                    f"{running.url}/v1/events", content=batch(dice, BATCH), headers=headers
                )
                answer.raise_for_status()
                sent += BATCH

        await asyncio.gather(look(), send(), send())
    await drained(database)
    return sent, time.monotonic() - began


async def drained(database: Any) -> None:
    """Wait until no event is to be applied and no run to be settled."""
    waits = ("events", {"pending": True}), ("runs", {"unsettled": {"$exists": True}})
    for name, query in waits:
        while await database[name].find_one(query, {"_id": 1}):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def steady(running: Stack, rate: float, seconds: float) -> list[float]:
    """Send at a rate; return the seconds from accept to effect of events that have one, sorted."""
    dice = random.Random(9)
    database = connect(running.uri, "bench")
    headers = {"authorization": f"Bearer {running.key}", "content-type": "application/x-ndjson"}
    accepted: dict[str, float] = {}
    seen: dict[str, float] = {}
    size = 50
    ready = asyncio.Event()

    effects = database["effects"].with_options(read_concern=ReadConcern("majority"))

    async def watch() -> None:
        operations = [{"$match": {"operationType": "insert"}}]
        async with effects.watch(operations) as changes:
            ready.set()
            async for change in changes:
                seen[change["fullDocument"]["run"]] = time.monotonic()

    watching = asyncio.create_task(watch())
    await ready.wait()
    async with httpx2.AsyncClient(timeout=60) as http:

        async def send() -> None:
            body = batch(dice, size)
            answer = await http.post(f"{running.url}/v1/events", content=body, headers=headers)
            at = time.monotonic()
            for line in answer.content.splitlines():
                accepted[f"api|{orjson.loads(line)['id']}"] = at

        began = time.monotonic()
        tasks = []
        for number in range(int(rate * seconds / size)):
            await asyncio.sleep(max(0.0, began + number * size / rate - time.monotonic()))
            tasks.append(asyncio.create_task(send()))
        await asyncio.gather(*tasks)
    await drained(database)
    await asyncio.sleep(1)
    watching.cancel()
    started = {
        run["_id"]: run["started_by"]
        async for run in database["runs"].find({"_id": {"$in": list(seen)}}, {"started_by": 1})
    }
    return sorted(
        max(0.0, at - accepted[started[run]])
        for run, at in seen.items()
        if started.get(run) in accepted
    )


async def bare(uri: str, most: int) -> float:
    """Write what came of events without any rules, batch by batch, eight at a time; events/s.

    All that is there in the end is written, with the steps that make it safe: events wait until
    they are applied, runs until they are settled.
    """
    source, target = connect(uri, "bench"), connect(uri, "bare")
    await prepare(target)
    stores = Stores.over(target)
    events = await source["events"].find().sort("_id", 1).limit(most).to_list()
    runs = {run["started_by"]: run async for run in source["runs"].find()}
    effects = {effect["run"]: effect async for effect in source["effects"].find()}
    people = {user["_id"]: user async for user in source["users"].find()}
    blocks = iter(await source["feed"].find().sort("_id", 1).to_list())
    joined: dict[str, list[dict[str, Any]]] = {}
    async for member in source["memberships"].find():
        joined.setdefault(member["user"], []).append(member)
    await target["users"].insert_many(
        [{name: v for name, v in user.items() if name not in _KEPT} for user in people.values()]
    )
    parts = [events[place : place + BATCH] for place in range(0, len(events), BATCH)]

    async def write(part: Sequence[dict[str, Any]]) -> None:
        ids = [event["_id"] for event in part]
        await target["events"].insert_many([{**e, "pending": True} for e in part], ordered=False)
        await target["batches"].insert_one({"_id": new_id(), "received_at": part[0]["received_at"]})
        started = [runs[event_id] for event_id in ids if event_id in runs]
        if started:
            waiting = [{**run, "unsettled": [], "due_at": run["started_at"]} for run in started]
            await target["runs"].insert_many(waiting, ordered=False)
            done = [effects[run["_id"]] for run in started if run["_id"] in effects]
            await target["effects"].insert_many(done, ordered=False)
            tags = [
                UpdateOne({"_id": e["user"]}, {"$addToSet": {"tags": e["data"]["tag"]}})
                for e in done
            ]
            await target["users"].bulk_write(tags, ordered=False)
            await stores.runs.forgettable.update_many(
                {"_id": {"$in": [run["_id"] for run in started]}},
                {"$unset": {"unsettled": "", "due_at": ""}},
            )
        touched = sorted({event["user"] for event in part})
        await target["users"].bulk_write(
            [_as_kept(people[user]) for user in touched], ordered=False
        )
        if members := [each for user in touched for each in joined.pop(user, ())]:
            await target["memberships"].insert_many(members, ordered=False)
        if block := next(blocks, None):
            await target["feed"].insert_one(block)
        applied = {"$unset": {"pending": ""}}
        await stores.events.forgettable.update_many({"_id": {"$in": ids}}, applied)

    began = time.monotonic()
    queue = iter(parts)

    async def worker() -> None:
        for part in queue:
            await write(part)

    await asyncio.gather(*(worker() for _ in range(8)))
    return len(events) / (time.monotonic() - began)


def _as_kept(user: dict[str, Any]) -> UpdateOne:
    """Return the update that keeps what was counted of someone's events."""
    facts = user.get("facts", {})
    kept = {"facts.measures": facts.get("measures", {}), "recheck": user["recheck"]}
    update = {"$set": kept, "$inc": {"facts.version": 1}, "$max": {"facts.last": facts.get("last")}}
    return UpdateOne({"_id": user["_id"]}, update)


async def live(uri: str) -> None:
    """Wait until the segments have been filled and the measures are read."""
    stores = Stores.over(connect(uri, "bench"))
    while True:
        standing, measures = await stores.standings.get(), await stores.measures.all()
        filled = standing.publication and standing.filling is None
        seen = not await stores.looks.due_lanes(datetime.now(UTC))  # everybody who is new
        if filled and seen and measures and all(each.state == "live" for each in measures):
            return
        await asyncio.sleep(0.2)


async def measure(running: Stack) -> None:
    await live(running.uri)
    await flood(running, 5)  # warm
    before = running.memory("worker-1")
    sent, seconds = await flood(running, SECONDS)
    rate = sent / seconds
    print(f"Fanfare: {sent:,} events in {seconds:.1f} s, {rate:,.0f}/s")
    plain = await bare(running.uri, 60_000)
    print(f"bare script: {plain:,.0f}/s; Fanfare is {rate / plain:.2f} x")
    took = await steady(running, rate / 2, min(SECONDS, 30))
    if took:
        print(
            f"at {rate / 2:,.0f}/s, accept to effect: p50 {took[len(took) // 2] * 1000:.0f} ms, "
            f"p99 {took[len(took) * 99 // 100] * 1000:.0f} ms ({len(took):,} effects)"
        )
    after = running.memory("worker-1")
    print(f"a worker's memory: {before:.0f} MiB before, {after:.0f} MiB after")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, stack(Path(folder)) as running:
        asyncio.run(measure(running))


if __name__ == "__main__":
    main()
