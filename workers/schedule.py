"""What happens by itself: due runs are rung for, lost bells swept, campaigns begun and ended.

One leader at a time by a lease; any number may stand by. Two leaders at once are harmless: they
only ring bells, and every move a sweep makes is conditional on the state it was found in.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from models.audit import SealKeys
from models.errors import Unavailable
from models.lease import Lease
from models.store import Stores
from services import (
    audiences,
    buying,
    campaigns,
    chaining,
    deliveries,
    depletion,
    draws,
    erasures,
    fillings,
    letters,
    measuring,
    occurrences,
    points,
    redeeming,
    runs,
    sequencer,
    settling,
    stocks,
    sweeper,
)
from services.clock import Clock
from services.draws import Beacon
from services.effects import Means
from services.importing import working
from services.jobs import Jobs
from services.occurrences import Ahead
from services.reporting import rollup
from services.rulebook import Rulebook
from services.sweeper import Watch

log = logging.getLogger(__name__)

LEASE = 5.0
STAND_BY = 1.0
DUE_EVERY = 0.2
SWEEP_EVERY = 1.0
CAMPAIGNS_EVERY = 1.0
OCCURRENCES_EVERY = 0.5
STOCKS_EVERY = 1.0
DRAWS_EVERY = 1.0
MEASURES_EVERY = 2.0
POINTS_EVERY = 1.0
AUDIENCES_EVERY = 5.0
AUDIT_EVERY = 1.0
PRUNE_EVERY = 3_600.0
ERASURES_EVERY = 2.0
FEED_EVERY = 0.25
SEGMENTS_EVERY = 0.5
IMPORTS_EVERY = 2.0
BOUNDS_EVERY = 2.0
REPORTS_EVERY = 10.0  # a row is written once for all that came meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What the scheduler needs."""

    stores: Stores
    rulebook: Rulebook
    jobs: Jobs
    clock: Clock
    seal_keys: SealKeys
    beacon: Beacon | None = None
    audit_days: int | None = None


async def run(schedule: Schedule, stopping: asyncio.Event) -> None:
    """Lead whenever nobody else does, until told to stop."""
    ordering = asyncio.create_task(
        sequencer.run(stores=schedule.stores, wall=schedule.clock.wall, stopping=stopping)
    )
    while not stopping.is_set():
        try:
            lease = await schedule.stores.leases.acquire("scheduler", seconds=LEASE)
            if lease is not None:
                await _lead(lease, schedule, stopping)
        except Unavailable as error:
            log.warning("the scheduler waits: %s", error.message)
        await _pause(STAND_BY, stopping)
    await ordering


async def _lead(lease: Lease, schedule: Schedule, stopping: asyncio.Event) -> None:
    watch, ahead = Watch(), Ahead()
    tasks = [
        asyncio.create_task(_every(DUE_EVERY, lambda: _ring_due(watch, schedule))),
        asyncio.create_task(_every(SWEEP_EVERY, lambda: _sweep(watch, schedule))),
        asyncio.create_task(
            _every(CAMPAIGNS_EVERY, lambda: _look_after_campaigns(watch, schedule))
        ),
        asyncio.create_task(_every(OCCURRENCES_EVERY, lambda: _look_ahead(ahead, schedule))),
        asyncio.create_task(_every(STOCKS_EVERY, lambda: _look_after_stocks(schedule))),
        asyncio.create_task(_every(BOUNDS_EVERY, lambda: _look_after_bounds(schedule))),
        asyncio.create_task(_every(DRAWS_EVERY, lambda: _look_after_draws(schedule))),
        asyncio.create_task(_every(AUDIENCES_EVERY, lambda: _look_after_audiences(schedule))),
        asyncio.create_task(_every(AUDIT_EVERY, lambda: _link(schedule))),
        asyncio.create_task(_every(PRUNE_EVERY, lambda: _prune(schedule))),
        asyncio.create_task(_every(ERASURES_EVERY, lambda: _erase(schedule))),
        asyncio.create_task(_every(FEED_EVERY, lambda: _spread(schedule))),
        asyncio.create_task(_every(MEASURES_EVERY, lambda: _look_after_measures(schedule))),
        asyncio.create_task(_every(POINTS_EVERY, lambda: _look_after_points(schedule))),
        asyncio.create_task(_every(IMPORTS_EVERY, lambda: _look_after_imports(schedule))),
        asyncio.create_task(_every(REPORTS_EVERY, lambda: _count(schedule))),
        asyncio.create_task(_every(SEGMENTS_EVERY, lambda: _look_after_segments(watch, schedule))),
    ]
    try:
        while not stopping.is_set():
            await _pause(LEASE / 3, stopping)
            if await schedule.stores.leases.renew(lease, seconds=LEASE) is None:
                log.warning("another scheduler leads")
                return
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(Unavailable):
            await schedule.stores.leases.release(lease)


async def _ring_due(watch: Watch, schedule: Schedule) -> None:
    await sweeper.ring_due(
        watch,
        stores=schedule.stores,
        rulebook=schedule.rulebook,
        jobs=schedule.jobs,
        clock=schedule.clock,
    )


async def _sweep(watch: Watch, schedule: Schedule) -> None:
    await sweeper.sweep(watch, stores=schedule.stores, jobs=schedule.jobs, clock=schedule.clock)
    await letters.sweep(stores=schedule.stores, jobs=schedule.jobs, wall=schedule.clock.wall())
    await settling.sweep(
        stores=schedule.stores,
        rulebook=schedule.rulebook,
        jobs=schedule.jobs,
        clock=schedule.clock,
    )


async def _look_after_campaigns(watch: Watch, schedule: Schedule) -> None:
    """Publish and end campaigns whose time has come; stop the runs of those that have ended."""
    now = schedule.clock.now()
    await campaigns.publish_due(now, stores=schedule.stores)
    await campaigns.end_due(now, stores=schedule.stores)
    published = await schedule.rulebook.current()
    if watch.publication != published.number:
        means = Means(
            stores=schedule.stores,
            rulebook=schedule.rulebook,
            jobs=schedule.jobs,
            clock=schedule.clock,
            chain=None if schedule.beacon is None else schedule.beacon.chain,
        )
        await runs.stop_ended(published, means)
        watch.publication = published.number


async def _look_ahead(ahead: Ahead, schedule: Schedule) -> None:
    """Plan what comes by the clock, and ring for what has come."""
    published = await schedule.rulebook.current()
    await occurrences.plan_ahead(
        ahead,
        published,
        stores=schedule.stores,
        now=schedule.clock.now(),
        wall=schedule.clock.wall(),
    )
    await occurrences.ring_due(
        published, stores=schedule.stores, jobs=schedule.jobs, clock=schedule.clock
    )


async def _look_after_stocks(schedule: Schedule) -> None:
    await stocks.look_after(schedule.clock.now(), stores=schedule.stores)


async def _look_after_bounds(schedule: Schedule) -> None:
    published = await schedule.rulebook.current()
    await depletion.tell(published, stores=schedule.stores, now=schedule.clock.now())


async def _look_after_measures(schedule: Schedule) -> None:
    await measuring.look_after(
        await schedule.rulebook.current(), stores=schedule.stores, wall=schedule.clock.wall()
    )


async def _look_after_draws(schedule: Schedule) -> None:
    await draws.look_after(
        await schedule.rulebook.current(),
        stores=schedule.stores,
        now=schedule.clock.now(),
        wall=schedule.clock.wall(),
        beacon=schedule.beacon,
    )


async def _look_after_points(schedule: Schedule) -> None:
    current = await schedule.rulebook.current()
    stores, now = schedule.stores, schedule.clock.now()
    await points.look_after(stores=stores, current=current, now=now)
    wall = schedule.clock.wall()
    await buying.sweep(stores=stores, current=current, now=now, wall=wall)
    await redeeming.sweep(stores=stores, current=current, now=now, wall=wall)


async def _link(schedule: Schedule) -> None:
    stores, wall, keys = schedule.stores, schedule.clock.wall, schedule.seal_keys
    while await chaining.link(stores=stores, wall=wall(), keys=keys) == chaining.BLOCK:
        pass


async def _prune(schedule: Schedule) -> None:
    if schedule.audit_days is not None:
        before = schedule.clock.wall() - timedelta(days=schedule.audit_days)
        await chaining.prune(stores=schedule.stores, before=before, keys=schedule.seal_keys)


async def _erase(schedule: Schedule) -> None:
    await erasures.look_after(stores=schedule.stores, wall=schedule.clock.wall())


async def _spread(schedule: Schedule) -> None:
    await deliveries.spread(stores=schedule.stores, jobs=schedule.jobs, wall=schedule.clock.wall())


async def _count(schedule: Schedule) -> None:
    await rollup.follow(stores=schedule.stores)


async def _look_after_segments(watch: Watch, schedule: Schedule) -> None:
    await fillings.look_after(
        stores=schedule.stores, rulebook=schedule.rulebook, jobs=schedule.jobs
    )
    await sweeper.ring_looks(
        watch, stores=schedule.stores, jobs=schedule.jobs, clock=schedule.clock
    )


async def _look_after_imports(schedule: Schedule) -> None:
    await working.look_after(stores=schedule.stores, jobs=schedule.jobs, clock=schedule.clock)


async def _look_after_audiences(schedule: Schedule) -> None:
    await audiences.ring_due(stores=schedule.stores, jobs=schedule.jobs, wall=schedule.clock.wall())


async def _every(seconds: float, act: Callable[[], Awaitable[object]]) -> None:
    """Act again and again; what fails once is tried again the next time."""
    while True:
        try:
            await act()
        except Unavailable as error:
            log.warning("the schedule waits: %s", error.message)
        except Exception:
            log.exception("a tick of the schedule failed")
        await asyncio.sleep(seconds)


async def _pause(seconds: float, stopping: asyncio.Event) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
