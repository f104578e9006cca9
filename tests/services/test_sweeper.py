"""Bells that were lost are rung again, and not more often than needed."""

from datetime import timedelta

import pytest

from models.event import lane_of
from services import sweeper
from services.jobs import Job
from services.sweeper import Watch
from tests.shop import event
from tests.staging import once

RULES = """
event cart_updated { total: money USD }
trigger later { on cart_updated  then { wait 1 hour tag "x" } }
"""


@pytest.fixture
@once
async def ready(shop):
    await shop.publish(RULES)
    await shop.person()
    await shop.tell(event("cart_updated", "c1", total="1"))
    shop.bells.rung.clear()
    return shop


async def sweep(shop, watch: Watch, *, after: float) -> list[str]:
    shop.clock.real += timedelta(seconds=after)
    await sweeper.sweep(watch, stores=shop.stores, jobs=shop.bells, clock=shop.clock)
    return shop.bells.take(Job.WORK_LANE)


async def ring_due(shop, watch: Watch, *, after: float) -> list[str]:
    shop.clock.real += timedelta(seconds=after)
    await sweeper.ring_due(
        watch, stores=shop.stores, rulebook=shop.rulebook, jobs=shop.bells, clock=shop.clock
    )
    return shop.bells.take(Job.WORK_LANE)


async def test_events_that_wait_for_three_seconds_are_rung_for_again(ready):
    watch = Watch()

    assert await sweep(ready, watch, after=0) == []
    assert await sweep(ready, watch, after=2) == []
    assert await sweep(ready, watch, after=1) == [str(lane_of("ann"))]
    assert await sweep(ready, watch, after=1) == []
    await ready.work()
    assert await sweep(ready, watch, after=9) == []


async def test_due_runs_are_rung_for_as_soon_as_they_are_due(ready):
    watch = Watch()
    await ready.work()

    assert await ring_due(ready, watch, after=0) == []
    ready.clock.business += timedelta(hours=1)
    assert await ring_due(ready, watch, after=0.1) == [str(lane_of("ann"))]
    assert await ring_due(ready, watch, after=0.1) == []
    assert await ring_due(ready, watch, after=0.5) == [str(lane_of("ann"))]
    await ready.work()
    assert await ring_due(ready, watch, after=1) == []
