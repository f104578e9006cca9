"""Real workers are killed and Redis emptied while events come in: nothing lost, nothing twice."""

import asyncio
import random
import time
from ctypes import CDLL
from os import listdir
from signal import SIGTERM

import pytest

from app.clock import Clock
from app.worker import THREADS
from models.store import Stores
from services import events
from tests.client import SECRET
from tests.faults.processes import Processes
from tests.faults.rescue import drained, fast_clock, open_shop, rescued
from tests.machine import HANGS
from tests.shop import Shop, event
from tests.waiting import until
from workers.bells import DramatiqJobs


@pytest.fixture
async def processes(database, mongodb_uri, redis, redis_url, smtp, tmp_path):
    clock = fast_clock()
    running = Processes(
        {
            "FANFARE_MONGODB_URI": mongodb_uri,
            "FANFARE_REDIS_URL": redis_url,
            "FANFARE_DATABASE": database.name,
            "FANFARE_SMTP_URL": smtp.url,
            "FANFARE_CLOCK": clock,
            "FANFARE_SECRET": SECRET,
        },
        tmp_path,
    )
    running.clock = Clock.parse(clock)
    yield running
    running.stop()


async def survives(
    processes, database, redis, redis_url, smtp, *, people: int, seconds: float, pause: float
) -> None:
    """Send an event for each person while killing and flushing; check what came of it."""
    shop = Shop(Stores.over(database), smtp.url)
    names = await open_shop(shop, people)
    for name in ("worker-1", "worker-2"):
        processes.start(name, "worker")
    processes.start("scheduler", "scheduler")
    jobs = DramatiqJobs(redis_url)
    kills = 0

    async def send() -> None:
        for place in range(0, people, 10):
            some = names[place : place + 10]
            await events.ingest(
                [event("cart_updated", f"c{name}", user=name, total="25") for name in some],
                stores=shop.stores,
                rulebook=shop.rulebook,
                jobs=jobs,
                now=processes.clock.now(),
            )
            await asyncio.sleep(seconds / (people / 10))

    sending = asyncio.create_task(send())
    dice = random.Random(7)
    end = time.monotonic() + seconds
    await asyncio.sleep(1.5)  # until the workers have begun
    while time.monotonic() < end:
        name = dice.choice(["worker-1", "worker-2"])
        processes.kill(name)
        kills += 1
        if kills % 2:
            redis.flushall()
        processes.start(name, "worker")
        await asyncio.sleep(dice.uniform(0.5, 1.5) * pause)
    await sending
    await drained(shop, within=HANGS)
    jobs.close()

    assert await rescued(shop, smtp, people) <= kills * THREADS


async def test_a_short_round(processes, database, redis, redis_url, smtp):
    await survives(processes, database, redis, redis_url, smtp, people=100, seconds=6, pause=2)


@pytest.mark.faults
async def test_a_long_round(processes, database, redis, redis_url, smtp):
    await survives(processes, database, redis, redis_url, smtp, people=1_000, seconds=75, pause=2.5)


async def stops(processes, database, redis_url, smtp, *, people: int, times: int) -> None:
    """Tell the only worker to stop while it is at work, start it again, and so on."""
    shop = Shop(Stores.over(database), smtp.url)
    names = await open_shop(shop, people)
    processes.start("worker", "worker")
    processes.start("scheduler", "scheduler")
    jobs = DramatiqJobs(redis_url)
    share = people // times
    for round_ in range(times):
        await events.ingest(
            [
                event("cart_updated", f"c{name}", user=name, total="25")
                for name in names[round_ * share : (round_ + 1) * share]
            ],
            stores=shop.stores,
            rulebook=shop.rulebook,
            jobs=jobs,
            now=processes.clock.now(),
        )
        arrived = len(smtp.messages)
        await until(lambda: len(smtp.messages) > arrived)  # noqa: B023 (awaited right here)

        process = processes.running["worker"]
        process.terminate()
        await until(lambda: process.poll() is not None)  # noqa: B023

        assert process.returncode == 0
        held = await database["leases"].count_documents(
            {"_id": {"$regex": "^lane:"}, "claim": {"$ne": ""}}
        )
        assert held == 0
        assert not [e for e in await shop.effects() if e["state"] in ("sending", "unknown")]
        processes.start("worker", "worker")
    await drained(shop, within=HANGS)
    jobs.close()

    assert await rescued(shop, smtp, people) == 0


async def test_a_worker_stops_whichever_of_its_threads_is_told(processes, database, smtp):
    await open_shop(Shop(Stores.over(database), smtp.url), 1)
    processes.start("worker", "worker")
    process = processes.running["worker"]
    await until(lambda: "app.worker working" in processes.log("worker"))
    threads = map(int, listdir(f"/proc/{process.pid}/task"))

    assert CDLL(None).tgkill(process.pid, max(threads), SIGTERM) == 0

    await until(lambda: process.poll() is not None)
    assert process.returncode == 0


async def test_a_worker_stops_however_often_it_is_told(processes, database, smtp):
    await open_shop(Shop(Stores.over(database), smtp.url), 1)
    processes.start("worker", "worker")
    process = processes.running["worker"]
    await until(lambda: "app.worker working" in processes.log("worker"))

    for _ in range(2_000):  # some while it heeds another
        process.terminate()

    await until(lambda: process.poll() is not None)
    assert process.returncode == 0


async def test_a_worker_told_to_stop_finishes_what_it_does(processes, database, redis_url, smtp):
    await stops(processes, database, redis_url, smtp, people=50, times=1)


@pytest.mark.faults
async def test_a_worker_told_to_stop_twenty_times(processes, database, redis_url, smtp):
    await stops(processes, database, redis_url, smtp, people=1_000, times=20)
