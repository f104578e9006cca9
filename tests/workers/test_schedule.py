"""One of many schedulers leads; another takes over when it goes."""

import asyncio
from datetime import date, timedelta

import pytest

from models.audit import Actor, Credential, SealKeys
from models.store import Stores
from services import chaining
from services.audit import Recorder
from services.jobs import Job
from tests.shop import Shop, event
from tests.waiting import until
from workers.schedule import Schedule, run

KEYS = SealKeys.of("a secret for tests, long enough to sign")
RULES = """
event cart_updated { total: money USD }
trigger later { on cart_updated  then { wait 1 hour tag "x" } }
"""


@pytest.fixture
def shop(database, smtp) -> Shop:
    return Shop(Stores.over(database), smtp.url)


async def test_due_runs_are_rung_for_by_whoever_leads(shop):
    await shop.publish(RULES)
    await shop.person()
    await shop.tell(event("cart_updated", "c1", total="1"))
    await shop.work()
    shop.bells.rung.clear()
    shop.clock.business += timedelta(hours=2)
    first, second = [scheduler(shop) for _ in range(2)]

    await rung(shop)
    first[1].set()
    await first[0]
    shop.bells.rung.clear()
    await rung(shop)

    second[1].set()
    await second[0]
    assert await shop.stores.leases.acquire("scheduler", seconds=1)


async def test_runs_of_a_campaign_that_has_ended_are_stopped(shop):
    await shop.publish(RULES)
    await shop.person()
    await shop.tell(event("cart_updated", "c1", total="1"))
    await shop.work()
    workspace = await shop.stores.workspace.get()
    await shop.stores.workspace.documents.update_one({}, {"$set": {"current": 0}})
    await shop.rulebook.refresh()
    task, stopping = scheduler(shop)

    async def stopped() -> bool:
        return (await shop.runs())[0]["state"] != "waiting"

    await until(stopped)
    stopping.set()
    await task
    assert workspace.current == 1
    assert (await shop.runs())[0]["reason"] == "campaign_ended"


async def test_segments_are_filled_and_people_looked_at_by_whoever_is_rung(shop):
    await shop.person(birthday=date(1980, 3, 12))
    await shop.publish("segment jubilee { days_until(user.birthday) <= 7 }")
    task, stopping = scheduler(shop)

    await rung(shop, Job.FILL_SEGMENTS)
    await shop.fill()
    await shop.work()
    assert await shop.members("jubilee") == {}
    shop.clock.business += timedelta(days=3)
    shop.bells.rung.clear()
    await rung(shop)
    await shop.work()

    stopping.set()
    await task
    assert await shop.members("jubilee") == {"ann": "day 2026-03-05"}


async def test_old_entries_of_the_audit_log_go_by_themselves(shop: Shop) -> None:
    recorder = Recorder(shop.stores, shop.clock.wall)
    for number in range(3):
        async with recorder.record(f"change{number}", Actor(Credential.COMMAND)):
            pass
    await chaining.link(stores=shop.stores, wall=shop.clock.wall(), keys=KEYS)
    shop.clock.turn(days=31)
    task, stopping = scheduler(shop, audit_days=30)

    await until(lambda: kept(shop, 1))

    stopping.set()
    await task
    assert (await chaining.check(stores=shop.stores, keys=KEYS))[1] == []


async def kept(shop: Shop, entries: int) -> bool:
    return await shop.stores.audit.documents.count_documents({}) == entries


def scheduler(
    shop: Shop, *, audit_days: int | None = None
) -> tuple[asyncio.Task[None], asyncio.Event]:
    stopping = asyncio.Event()
    schedule = Schedule(
        stores=shop.stores,
        rulebook=shop.rulebook,
        jobs=shop.bells,
        clock=shop.clock,
        seal_keys=KEYS,
        audit_days=audit_days,
    )
    return asyncio.create_task(run(schedule, stopping)), stopping


async def rung(shop: Shop, wanted: Job = Job.WORK_LANE) -> None:
    async with asyncio.timeout(60):
        while wanted not in {job for job, _ in shop.bells.rung}:
            await asyncio.sleep(0.02)
            shop.clock.real += timedelta(milliseconds=50)
