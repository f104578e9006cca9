"""Three schedulers, each stopped for a while: every occurrence comes, and comes once."""

import asyncio
import signal
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from app.clock import Clock
from devserver.process import stop
from models.store import Stores
from tests.client import SECRET
from tests.faults.processes import Processes
from tests.machine import HANGS
from tests.shop import Shop
from tests.waiting import until

# Six hours of business, within which what is late is caught up, pass in 54 seconds: far longer than
# it takes until another leads, however slow the machine.
SPEED = 400
LENGTH = timedelta(hours=8)
ZONES = [f"Etc/GMT{offset:+}" for offset in range(-12, 13)]
HOURS = [f"{hour:02}:30" for hour in range(0, 24, 2)]
EACH = 4  # of so many HOURS it is at some time within LENGTH, wherever one is
RULES = "\n".join(
    f'trigger at_{hour[:2]} {{ every day at {hour} in user timezone  then {{ tag "{hour}" }} }}'
    for hour in HOURS
)


@pytest.fixture
def processes(database, mongodb_uri, redis, redis_url, smtp, tmp_path):
    began = datetime.now(UTC)
    clock = Clock.parse(f"{(began - timedelta(days=10)).isoformat()}@{began.isoformat()}*{SPEED}")
    running = Processes(
        {
            "FANFARE_MONGODB_URI": mongodb_uri,
            "FANFARE_REDIS_URL": redis_url,
            "FANFARE_DATABASE": database.name,
            "FANFARE_SMTP_URL": smtp.url,
            "FANFARE_SECRET": SECRET,
            "FANFARE_CLOCK": str(clock),
        },
        tmp_path,
    )
    running.clock = clock
    yield running
    running.stop()


async def leader(shop: Shop) -> int | None:
    """Return how many have led so far; None if nobody does yet."""
    lease = await shop.stores.leases.documents.find_one({"_id": "scheduler"})
    return None if lease is None else lease["token"]


@pytest.mark.faults
async def test_every_occurrence_comes_once_whichever_scheduler_is_stopped(
    processes, database, smtp
):
    shop, clock = Shop(Stores.over(database), smtp.url), processes.clock
    await asyncio.gather(*(shop.person(f"p{n}", timezone=z) for n, z in enumerate(ZONES)))
    schedulers = [f"scheduler-{number}" for number in range(3)]
    processes.start("worker", "worker")
    for name in schedulers:
        processes.start(name, "scheduler")
    await until(lambda: leader(shop), within=HANGS)
    await until(lambda: "working" in processes.log("worker"), within=HANGS)
    start = shop.clock.business = shop.clock.real = clock.now()
    await shop.publish(RULES)

    for name in schedulers:
        processes.running[name].send_signal(signal.SIGSTOP)
        await asyncio.sleep(12)
        processes.running[name].send_signal(signal.SIGCONT)
    window = {"at": {"$gte": start, "$lt": start + LENGTH}}
    # In the workspace's zone, too, where nobody is.
    every = EACH * (len(ZONES) + 1)

    async def over() -> bool:
        done = {**window, "state": "done"}
        runs = shop.stores.runs.documents
        return (
            clock.now() > start + LENGTH
            and await shop.stores.occurrences.documents.count_documents(done) >= every
            and not await runs.count_documents({"due_at": {"$exists": True}})
        )

    await until(over, within=HANGS)
    for name in (*schedulers, "worker"):
        stop(processes.running[name])

    assert await leader(shop) > 1, "nobody took over"
    occurrences = await shop.stores.occurrences.documents.find(window).to_list()
    assert Counter(each["state"] for each in occurrences) == {"done": every}
    runs = await shop.stores.runs.documents.find().to_list()
    times = Counter((run["user"], run["trigger"], run["started_by"]) for run in runs)
    assert max(times.values()) == 1
    who = {zone: f"p{number}" for number, zone in enumerate(ZONES)}
    wanted = {
        (who[each["zone"]], each["trigger"], each["local"][:10])
        for each in occurrences
        if each["zone"] in who
    }
    assert len(wanted) == EACH * len(ZONES)
    assert wanted <= times.keys()
    assert {run["state"] for run in runs} == {"done"}
