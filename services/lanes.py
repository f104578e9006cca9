"""Work on lanes: apply events and move due runs, one worker to a lane, user by user, in time order.

    lease lanes → read a page, with everyone whom it is about (services.pages) → decide, purely
    → write moved runs, each with what follows, and people (services.writing)
    → settle (effects, feed, moves of segments) → mark the events applied → the next page → release

Killed anywhere, the next holder finds the events pending and the runs unsettled, and repeats what
is keyed by what it is. A holder that lost its lease without noticing is stopped by the versions of
the runs it wants to move.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from itertools import groupby
from operator import attrgetter

from models.beacon import Chain
from models.errors import Unavailable
from models.event import Event, lane_of
from models.lease import Lease
from models.store import Stores
from services import earning, entering, memberships, pages, runs, suspects, writing
from services.clearance import Clearance
from services.clock import Clock
from services.effects import Means
from services.jobs import Job, Jobs
from services.journeys import Journeys
from services.keeping import kept
from services.pages import PAGE, Page
from services.rulebook import Rulebook
from services.rung import TOGETHER, Rung
from services.suppression import Suppression

log = logging.getLogger(__name__)

LEASE = 10.0  # seconds
_AGAIN = 0.5  # seconds until a database that is away is asked again
PASSES = 4  # at once in a process: some are at work while others wait for the database
FAILURES = 5  # after so many an event is set aside, or a run ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Lanes:
    """What work on lanes needs. `stopping` is asked between pages.

    Draws are promised to a round of `chain`. After `turn` seconds with the same lanes other workers
    may have them. Without `suppression` no address is barred when a step sends.
    """

    stores: Stores
    rulebook: Rulebook
    jobs: Jobs
    clock: Clock
    stopping: Callable[[], bool] = lambda: False
    rung: Rung = field(default_factory=Rung)
    chain: Chain | None = None
    turn: float = math.inf
    suppression: Suppression | None = None

    @property
    def means(self) -> Means:
        """What carrying out effects needs."""
        return Means(
            stores=self.stores,
            rulebook=self.rulebook,
            jobs=self.jobs,
            clock=self.clock,
            chain=self.chain,
        )


class Outcome(Enum):
    DRAINED = auto()
    OTHERS_WAIT = auto()  # lanes that can be worked on together with these
    HAD_ITS_TURN = auto()
    STOPPED = auto()  # a lease is lost, or the process is to stop


async def work(numbers: Sequence[int], lanes: Lanes) -> None:
    """Do what waits in lanes, but those that another worker holds. Safe to run twice, also at once.

    A process works in few passes at once. What it is rung for meanwhile waits for one of them,
    which goes on with all of it together: the more there is to do, the larger pages are, and the
    less is asked and leased for each event.
    """
    rung = lanes.rung
    rung.add(numbers)
    if rung.passes >= PASSES:
        return
    rung.passes += 1
    until = time.monotonic() + lanes.turn
    try:
        while not lanes.stopping() and (taken := rung.take()):
            if await _pass(taken, until, lanes) is Outcome.HAD_ITS_TURN:
                others = [str(number) for number in rung.others()]
                await lanes.jobs.ring(Job.WORK_LANE, others)
                return
    finally:
        rung.passes -= 1


async def _pass(taken: Sequence[int], until: float, lanes: Lanes) -> Outcome:
    """Work on lanes that were taken, those of them that no other worker holds.

    Whoever is rung for a lane that is held goes away again; the holder looks once more after it
    has let go, so that nothing told meanwhile is left lying.
    """
    failing = set[int]()
    try:
        if not await _anything(taken, lanes):
            return Outcome.DRAINED
        leases = await lanes.stores.leases.acquire_all(
            [f"lane:{number:02}" for number in taken], seconds=LEASE
        )
        if not leases:
            return Outcome.DRAINED
        outcome = await _hold(leases, until, failing, lanes)
    finally:
        lanes.rung.busy.difference_update(taken)
    if outcome is not Outcome.STOPPED:
        # Where something fails, the next bell tries again.
        lanes.rung.add({_number(lease) for lease in leases} - failing)
    return outcome


def _number(lease: Lease) -> int:
    return int(lease.name.partition(":")[2])


async def _hold(leases: Sequence[Lease], until: float, failing: set[int], lanes: Lanes) -> Outcome:
    """Work on lanes that are held here, and let go of them. Adds those that fail to `failing`."""
    suspects = [_number(lease) for lease in leases if lease.abandoned]
    others = [_number(lease) for lease in leases if not lease.abandoned]
    outcome = Outcome.DRAINED
    try:
        async with kept(leases, seconds=LEASE, stores=lanes.stores) as lost:
            for suspect in suspects:
                outcome = await _drain([suspect], lost, until, failing, lanes, wary=1)
                if outcome is Outcome.STOPPED:
                    return outcome
            return await _drain(others, lost, until, failing, lanes) if others else outcome
    finally:
        await _let_go(leases, lanes)


async def _let_go(leases: Sequence[Lease], lanes: Lanes) -> None:
    """Release leases, as soon as the database is there: whoever does not is taken for dead, and
    what waits in their lanes suspected of it.
    """
    while True:
        try:
            await lanes.stores.leases.release_all(leases)
        except Unavailable:
            if lanes.stopping():
                return
            await asyncio.sleep(_AGAIN)
        else:
            return


async def _anything(numbers: Sequence[int], lanes: Lanes) -> bool:
    """Whether anything waits: far cheaper than leases, and most bells come late."""
    current = await lanes.rulebook.current()
    now, paused = lanes.clock.now(), sorted(current.paused)
    pending, due, noted = await asyncio.gather(
        lanes.stores.events.any_pending(numbers),
        lanes.stores.runs.due(numbers, now, paused=paused, limit=1),
        lanes.stores.looks.any_due(numbers, now),
    )
    return pending or bool(due) or noted


async def _drain(
    numbers: Sequence[int],
    lost: asyncio.Event,
    until: float,
    failing: set[int],
    lanes: Lanes,
    *,
    wary: int = PAGE,
) -> Outcome:
    """Do page after page, `until` a turn is over; `wary` is how much is taken at once at first.

    A lane in which somebody's work fails is added to `failing` and left; the others go on.
    """
    unseen = set[int]()  # where looking fails: nobody's journey waits for that
    while not lanes.stopping():
        if lost.is_set():
            return Outcome.STOPPED
        going = [number for number in numbers if number not in failing]
        if not going:
            return Outcome.DRAINED
        seeing = [number for number in going if number not in unseen]
        looked = await _look(seeing, unseen, lanes, most=wary)
        page = await _read(going, lanes, most=wary)
        nothing = page is None and not looked
        if nothing and wary == PAGE:
            failing |= unseen
            return Outcome.DRAINED
        if page is not None:
            failing |= await _apply(page, lanes)
        wary = PAGE if nothing else min(2 * wary, PAGE)
        if wary < PAGE:
            continue
        if time.monotonic() >= until:
            return Outcome.HAD_ITS_TURN
        if len(numbers) < TOGETHER and lanes.rung.others():
            return Outcome.OTHERS_WAIT
    return Outcome.STOPPED


async def _read(numbers: Sequence[int], lanes: Lanes, *, most: int = PAGE) -> Page | None:
    """Read the next page; None if nothing waits. Finishes first what a killed worker left."""
    stores = lanes.stores
    while True:
        now = lanes.clock.now()
        current = await lanes.rulebook.current()
        events, due = await pages.waiting(numbers, now, sorted(current.paused), stores, most=most)
        unsettled = [run for run in due if run.unsettled is not None]
        if not unsettled:
            break
        await runs.settle(unsettled, lanes.means)
    if not events and not due:
        return None
    return await pages.read(
        events,
        due,
        current,
        stores=stores,
        rulebook=lanes.rulebook,
        now=lanes.clock.now(),  # none of what was read just now lies ahead of it
        wall=lanes.clock.wall(),
    )


async def _look(numbers: Sequence[int], unseen: set[int], lanes: Lanes, *, most: int = PAGE) -> int:
    """Look at people who may have come into or left segments; return how many.

    Where that fails it stays noted and is tried again with the next bell: the lane is added to
    `unseen`.
    """
    if not numbers:
        return 0
    try:
        return await memberships.look(
            numbers,
            stores=lanes.stores,
            rulebook=lanes.rulebook,
            jobs=lanes.jobs,
            now=lanes.clock.now(),
            most=most,
        )
    except Unavailable:
        raise
    except Exception:
        if len(numbers) > 1:
            return sum([await _look([number], unseen, lanes) for number in numbers])
        log.exception("cannot look at people of lane %d", *numbers)
        unseen.update(numbers)
        return 0


async def _apply(page: Page, lanes: Lanes) -> frozenset[int]:
    """Decide on a page and write what was decided; return lanes in which a user's work fails.

    All of the page's, with nothing more written, if another worker has moved its runs.
    """
    stores = lanes.stores
    decided: dict[str, Journeys] = {}
    failing = set[int]()
    clearance = Clearance(page.facts, stores, lanes.suppression, page.rules.current)
    users = sorted({event.user_id for event in page.events} | {run.user_id for run in page.due})
    ordered = sorted(page.events, key=attrgetter("user_id", "at", "id"))
    events = {user: list(group) for user, group in groupby(ordered, attrgetter("user_id"))}
    for user_id in users:
        journeys = Journeys(
            user_id,
            page.facts.get(user_id),
            page.runs.get(user_id, ()),
            page.rules,
            stores.limits,
            stores.paces,
            clearance=clearance,
        )
        try:
            await journeys.take(events.get(user_id, ()), page.now)
        except Unavailable:
            raise
        except Exception as error:
            failing.add(lane_of(user_id))
            await _set_aside(user_id, events.get(user_id, ()), page, error, lanes)
            continue
        decided[user_id] = journeys
    for user_id in _refused_too_early(decided):
        clearance.forget(user_id)
        del decided[user_id]
    applied = [event for user_id in decided for event in events.get(user_id, ())]
    await clearance.keep()
    # Runs that end make room for those that start: in this order a repeat comes out the same.
    written = await stores.runs.move([run for each in decided.values() for run in each.moved()])
    if written.lost:
        log.warning("runs were moved by another worker: %s", ", ".join(sorted(written.lost)[:5]))
        return frozenset(map(lane_of, users))
    begun = await stores.runs.start([run for each in decided.values() for run in each.started()])
    await stores.runs.plan([run for each in decided.values() for run in each.planned()])
    await stores.runs.postpone([run for each in decided.values() for run in each.postponed()])
    await stores.runs.drop([run for each in decided.values() for run in each.dropped()])
    # Before anything else is written of these people: what was judged is of who they were.
    moving = await writing.write(page, applied, stores=stores, wall=lanes.clock.wall())
    await runs.settle((*written.runs, *begun.runs), lanes.means)
    await entering.enter(
        applied,
        page.rules,
        page.facts,
        stores=stores,
        wall=lanes.clock.wall(),
        chain=lanes.chain,
    )
    await earning.earn(applied, page.rules, page.facts, stores=stores, now=page.now)
    if page.whole is None:
        await memberships.follow(applied, stores=stores, rulebook=lanes.rulebook, now=page.now)
    else:
        await memberships.carry_out(
            moving,
            page.whole.standing,
            page.rules.current,
            stores=stores,
            jobs=lanes.jobs,
            now=page.now,
        )
    await stores.events.mark_applied([event.id for event in applied])
    return frozenset(failing)


def _refused_too_early(decided: Mapping[str, Journeys]) -> list[str]:
    """Return who found no place in a total that someone else's run has left by then.

    It is free when this page is written, and they are left to the next. Places of those who are
    left themselves do not count, so that somebody is always done with.
    """
    if not any(each.refused for each in decided.values()):
        return []
    found: list[str] = []
    free: dict[str, datetime] = {}
    for user_id, each in sorted(decided.items(), key=lambda one: bool(one[1].refused)):
        if any(trigger in free and at >= free[trigger] for trigger, at in each.refused.items()):
            found.append(user_id)
            continue
        for run in each.leaving():
            if run.ended_at is not None:
                free[run.trigger] = min(run.ended_at, free.get(run.trigger, run.ended_at))
    return found


async def _set_aside(
    user_id: str, events: Sequence[Event], page: Page, error: Exception, lanes: Lanes
) -> None:
    """Count a failure against what failed, so that it does not block its lane for ever."""
    log.exception("cannot work for user %s", user_id, exc_info=error)
    reason = f"{type(error).__name__}: {error}"[:500]
    stores = lanes.stores
    if events:
        if await stores.events.count_failure(events[0].id) >= FAILURES:
            await suspects.set_event_aside(events[0], reason, page.now, stores=stores)
        return
    for run in page.due:
        if run.user_id == user_id and await stores.runs.count_failure(run) >= FAILURES:
            await suspects.set_run_aside(run, reason, page.now, stores=stores)
