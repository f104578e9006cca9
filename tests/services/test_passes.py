"""Lanes that are worked on together."""

import asyncio

from services import lanes
from services.jobs import Job
from services.rung import TOGETHER, Rung
from tests.shop import event


async def test_what_a_process_is_rung_for_while_at_work_is_done_together(shop, monkeypatch):
    await shop.publish('event seen {} trigger t { on seen then { tag "been" } }')
    people = [f"p{n}" for n in range(200)]
    await asyncio.gather(*(shop.person(name) for name in people))
    await shop.tell(*(event("seen", f"c{name}", user=name) for name in people))
    held: list[int] = []
    acquire_all = shop.stores.leases.acquire_all

    async def acquire(names, *, seconds):
        held.append(len(names))
        return await acquire_all(names, seconds=seconds)

    monkeypatch.setattr(shop.stores.leases, "acquire_all", acquire)
    numbers = [int(lane) for lane in shop.bells.take(Job.WORK_LANE)]
    await asyncio.gather(*(lanes.work([number], shop.lanes) for number in numbers))

    assert await shop.stores.events.count_pending() == 0
    assert await shop.stores.runs.documents.count_documents({}) == len(people)
    assert len(numbers) > 50
    assert len(held) < 20
    assert max(held) == TOGETHER
    assert shop.lanes.rung == Rung()
