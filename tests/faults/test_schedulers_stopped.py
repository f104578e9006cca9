"""Three schedulers, each stopped for a while: every occurrence comes, and comes once."""

import asyncio
import os
import signal
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.clock import Clock
from devserver.process import spawn, stop
from models.store import Stores
from tests.client import SECRET
from tests.shop import Shop

# A day passes in 72 seconds; six hours, within which what is late is caught up, in 18: longer than
# it takes until another leads.
SPEED = 1_200
ZONES = [f"Etc/GMT{offset:+}" for offset in range(-12, 13)]
HOURS = ("00:30", "07:15", "12:00", "18:45")
RULES = "\n".join(
    f'trigger at_{hour[:2]} {{ every day at {hour} in user timezone  then {{ tag "{hour}" }} }}'
    for hour in HOURS
)


@pytest.mark.faults
async def test_every_occurrence_comes_once_whichever_scheduler_is_stopped(
    database, mongodb_uri, redis, redis_url, smtp, tmp_path
):
    shop = Shop(Stores.over(database), smtp.url)
    began = datetime.now(UTC)
    start = began - timedelta(days=10)
    clock = Clock.parse(f"{start.isoformat()}@{began.isoformat()}*{SPEED}")
    shop.clock.business = shop.clock.real = start
    await shop.publish(RULES)
    await asyncio.gather(*(shop.person(f"p{n}", timezone=z) for n, z in enumerate(ZONES)))
    environment = os.environ | {
        "FANFARE_MONGODB_URI": mongodb_uri,
        "FANFARE_REDIS_URL": redis_url,
        "FANFARE_DATABASE": database.name,
        "FANFARE_SMTP_URL": smtp.url,
        "FANFARE_SECRET": SECRET,
        "FANFARE_CLOCK": str(clock),
    }
    fanfare = Path(sys.executable).with_name("fanfare")
    processes = [
        spawn(
            [fanfare, command],
            log=tmp_path / f"{number}-{command}.log",
            environment=environment,
            death_signal=signal.SIGKILL,
        )
        for number, command in enumerate(["worker", *["scheduler"] * 3])
    ]
    try:
        await asyncio.sleep(4)
        for scheduler in processes[1:]:
            scheduler.send_signal(signal.SIGSTOP)
            await asyncio.sleep(12)
            scheduler.send_signal(signal.SIGCONT)
        while clock.now() < start + timedelta(hours=28):  # noqa: ASYNC110 (nobody tells us)
            await asyncio.sleep(0.5)
    finally:
        for process in processes:
            stop(process)

    day = {"at": {"$lt": start + timedelta(days=1)}}
    occurrences = await shop.stores.occurrences.documents.find(day).to_list()
    # In the workspace's zone, too, where nobody is.
    assert Counter(each["state"] for each in occurrences) == {"done": (len(ZONES) + 1) * len(HOURS)}
    runs = await shop.stores.runs.documents.find().to_list()
    times = Counter((run["user"], run["trigger"], run["started_by"]) for run in runs)
    assert max(times.values()) == 1
    assert len({(user, trigger) for user, trigger, _ in times}) == len(ZONES) * len(HOURS)
    assert {run["state"] for run in runs} == {"done"}
