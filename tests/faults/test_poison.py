"""What kills or stalls its worker is set aside after five tries; its neighbours are done once."""

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devserver.process import spawn, stop
from models.event import lane_of
from models.store import Stores
from services import suspects
from services.jobs import Job
from tests.machine import HANGS
from tests.shop import Shop, event
from workers.bells import DramatiqJobs

RULES = """
event cart_updated { total: money USD }
trigger greet { on cart_updated  reenter parallel  then { wait 1 minute  tag "x" } }
segment shoppers { count(cart_updated, ever) >= 1 }
"""


async def worked_off(shop: Shop, environment: dict[str, str], folder: Path) -> int:
    """Start a worker again and again until nothing waits; return how often it died."""
    deaths, process = 0, None
    try:
        async with asyncio.timeout(HANGS):
            while await is_anything_left(shop):
                if process is None or process.poll() is not None:
                    deaths += process is not None
                    process = spawn(
                        [Path(sys.executable), "-m", "tests.faults.poisoned"],
                        log=folder / f"worker-{deaths}.log",
                        environment=os.environ | environment,
                        death_signal=signal.SIGKILL,
                    )
                await ring_all(environment["FANFARE_REDIS_URL"])
                await asyncio.sleep(0.25)
    finally:
        if process is not None:
            stop(process)
    return deaths


async def is_anything_left(shop: Shop) -> bool:
    stores, now = shop.stores, datetime.now(UTC)
    return bool(
        await stores.events.count_pending()
        or await stores.runs.documents.count_documents({"due_at": {"$exists": True}})
        or await stores.looks.due_lanes(now)
    )


async def ring_all(redis_url: str) -> None:
    jobs = DramatiqJobs(redis_url)
    await jobs.ring(Job.WORK_LANE, [str(lane) for lane in range(64)])
    jobs.close()


@pytest.mark.faults
@pytest.mark.parametrize("poison", ["event", "circle", "run", "person"])
async def test_what_kills_its_worker_is_set_aside_after_five_tries(
    database, mongodb_uri, redis, redis_url, smtp, tmp_path, poison
):
    shop = Shop(Stores.over(database), smtp.url)
    shop.clock.business = shop.clock.real = datetime.now(UTC) - timedelta(hours=1)
    await shop.publish(RULES)
    await shop.fill()
    doom = "cursed" if poison == "person" else "doom"
    neighbours = [name for n in range(9_999) if lane_of(name := f"n{n}") == lane_of(doom)][:8]
    for name in (doom, *neighbours):
        await shop.person(name)
    id_ = {"event": "poison", "circle": "circle"}.get(poison, "harmless")
    await shop.tell(
        *(event("cart_updated", f"a{name}", user=name, total="1") for name in neighbours[:4]),
        event("cart_updated", id_, user=doom, total="1"),
        *(event("cart_updated", f"b{name}", user=name, total="1") for name in neighbours[4:]),
    )
    log = tmp_path / "poison.log"
    environment = {
        "FANFARE_MONGODB_URI": mongodb_uri,
        "FANFARE_REDIS_URL": redis_url,
        "FANFARE_DATABASE": database.name,
        "FANFARE_SMTP_URL": smtp.url,
        "FANFARE_SECRET": "a secret for tests, long enough to sign",
        "POISON_LOG": str(log),
    }
    if poison == "run":  # the event is harmless; the run that it starts is not
        await shop.work()

    deaths = await worked_off(shop, environment, tmp_path)

    tries = log.read_text().split()
    assert tries == [doom] * 5
    assert deaths == 5
    for name in neighbours:
        (run,) = await shop.runs(name)
        assert run["state"] == "done", name
    done = sorted(effect["user"] for effect in await shop.effects() if effect["user"] != doom)
    assert done == sorted(neighbours)
    told = [entry for entry in await shop.stores.outbox.waiting(500) if "set_aside" in entry.type]
    assert [entry.type for entry in told] == [
        f"alert.{'event' if poison == 'circle' else poison}_set_aside"
    ]
    if poison in ("event", "circle"):
        assert await shop.runs(doom) == []
        assert await shop.stores.events.count_set_aside() == 1
        assert await suspects.put_back([f"api|{id_}"], stores=shop.stores, jobs=shop.bells) == 1
        await shop.work()
        assert len(await shop.runs(doom)) == 1
    elif poison == "person":  # who is looked at with what happens next
        assert set(await shop.members("shoppers")) == {doom, *neighbours}
        assert [run["state"] for run in await shop.runs(doom)] == ["done"]
    else:
        (run,) = await shop.runs(doom)
        assert (run["state"], run["reason"].partition(":")[0]) == ("ended", "failed")
