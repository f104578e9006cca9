"""100,000 runs that come due in one minute, whose next step is `tag`: how long until all is done.

A mongod whose majority writes are journalled, a Valkey, the scheduler and two workers, all as
processes of their own. What counts is elapsed time until no run is due, nothing unsettled, and
every person tagged by exactly one effect.

Run: python benchmarks/timers.py [RUNS]
"""

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from _measure import cpu_of

from devserver import mongod, valkey
from devserver.process import spawn, stop
from dsl import Moment
from engine.journeys import resume
from engine.plans import plan_of
from engine.starting import begin
from models.campaign import Act
from models.event import Event
from models.run import Run
from models.store import Stores, connect, prepare
from models.user import User
from services.releases import RulesFile, release
from services.rulebook import Rulebook

RUNS = 100_000
WORKERS = 2
CHUNK = 5_000
RULES = """
event cart_updated { total: money USD }
trigger nudge { on cart_updated  then { wait 1 hour  tag "nudged" } }
"""


async def run(count: int, folder: Path) -> None:
    """Prepare everything, let the workers at it, and tell how long they take."""
    with (
        mongod.running(folder / "mongod", mongod.Profile.DURABLE) as database,
        valkey.running(folder / "valkey") as queue,
    ):
        stores = Stores.over(connect(database.uri, "bench"))
        await prepare(stores.runs.database)
        now = datetime.now(UTC)
        await release([RulesFile("rules", "Rules", RULES)], Act("bench", now), stores=stores)
        await people_and_runs(count, now, stores)
        fanfare = Path(sys.executable).with_name("fanfare")
        environment = os.environ | {
            "FANFARE_MONGODB_URI": database.uri,
            "FANFARE_REDIS_URL": queue.url,
            "FANFARE_DATABASE": "bench",
            "FANFARE_SECRET": "a secret for a benchmark, long enough to sign",
        }
        processes = [
            spawn(
                [fanfare, command],
                log=folder / f"{number}.log",
                environment=environment,
                death_signal=signal.SIGKILL,
            )
            for number, command in enumerate(["scheduler", *["worker"] * WORKERS])
        ]
        try:
            before = cpu_of(database.process.pid)
            took = await drained(count, stores)
            spent = {
                "mongod": cpu_of(database.process.pid) - before,
                "workers": sum(cpu_of(process.pid) for process in processes[1:]),
            }
        finally:
            for process in processes:
                stop(process)
        await check(count, stores)
        print(f"{count:,} runs in {took:.1f} s, {count / took:,.0f} a second, none twice")
        print(", ".join(f"{name} {seconds:.0f} s of CPU" for name, seconds in spent.items()))


async def people_and_runs(count: int, now: datetime, stores: Stores) -> None:
    """Write people, and a run for each that waits, due at some time of the last minute."""
    published = await Rulebook(stores).current()
    trigger = published.program.triggers["nudge"]
    told = now - timedelta(hours=1, minutes=1)
    event = Event(
        id="bench|0",
        name="cart_updated",
        user_id="u0",
        at=told,
        received_at=told,
        publication=published.number,
        data={"total": 2_500},
    )
    campaign = published.campaign_of["nudge"]
    first = begin(trigger, event, campaign, published.program)
    moment = Moment(now=told, zone="UTC", program=published.program)
    waiting = resume(first, plan_of(trigger), {"user": {}}, moment, str).run

    def runs(start: int) -> Iterator[Run]:
        for number in range(start, min(start + CHUNK, count)):
            due = now - timedelta(seconds=60 * (1 - number / count))
            yield replace(
                waiting, id=f"run{number:07}", user_id=f"u{number:07}", due_at=due, version=1
            )

    for start in range(0, count, CHUNK):
        part = list(runs(start))
        await stores.users.save_many([User(id=run.user_id, created_at=told) for run in part])
        await stores.runs.start(part)


async def drained(count: int, stores: Stores) -> float:
    """Wait until nothing is due; return how long it took from the first move on."""
    begun, settled = None, {"due_at": {"$exists": False}}
    while True:
        done = await stores.runs.documents.count_documents({"due_at": {"$exists": True}})
        now = time.monotonic()
        if begun is None and done < count:
            begun = now
        if begun is not None and done == 0:
            assert await stores.runs.documents.count_documents(settled) == count
            return now - begun
        await asyncio.sleep(0.2)


async def check(count: int, stores: Stores) -> None:
    """See that everything was done, and once."""
    runs, effects, people = stores.runs.documents, stores.effects.documents, stores.users.documents
    assert await runs.count_documents({"state": "done", "version": 2}) == count
    assert await effects.count_documents({"kind": "tag"}) == count
    assert await people.count_documents({"tags": ["nudged"]}) == count
    ended = set[str]()
    async for block in stores.feed.documents.find():
        for entry in block["entries"]:
            if entry["type"] == "run.ended":
                assert entry["_id"] not in ended, "told twice"
                ended.add(entry["_id"])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(run(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS, Path(name)))
