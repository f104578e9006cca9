"""Work on lanes: apply events and move due runs, one worker to a lane, user by user, in time order.

    lease the lane → read a page → make measures anew → decide, purely
    → write moved runs, each with what follows
    → settle (effects, people, feed) → mark the events applied → the next page → release

Killed anywhere, the next holder finds the events pending and the runs unsettled, and repeats what
is keyed by what it is. A holder that lost its lease without noticing is stopped by the versions of
the runs it wants to move.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from engine.needs import Need
from engine.playbook import playbook_of
from models.beacon import Chain
from models.errors import Unavailable
from models.event import Event
from models.lease import Lease
from models.run import Run, RunState
from models.store import Stores
from services import draws, earning, facts, measures, memberships, runs, suspects
from services.clock import Clock
from services.effects import Means
from services.jobs import Jobs
from services.journeys import Journeys, Rules
from services.rulebook import Rulebook

log = logging.getLogger(__name__)

LEASE = 10.0  # seconds
PAGE = 250
FAILURES = 5  # after so many an event is set aside, or a run ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Lanes:
    """What work on lanes needs. `stopping` is asked between pages, `busy` are lanes held here.

    Draws are promised to a round of `chain`.
    """

    stores: Stores
    rulebook: Rulebook
    jobs: Jobs
    clock: Clock
    stopping: Callable[[], bool] = lambda: False
    busy: set[int] = field(default_factory=set)
    chain: Chain | None = None

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


async def work(lane: int, lanes: Lanes) -> None:
    """Do what waits in a lane, unless another worker holds it. Safe to run twice, also at once.

    Whoever is rung for a lane that is held goes away again; the holder looks once more after it
    has let go, so that nothing told meanwhile is left lying.
    """
    while lane not in lanes.busy and await _anything(lane, lanes):
        lanes.busy.add(lane)
        try:
            lease = await lanes.stores.leases.acquire(f"lane:{lane:02}", seconds=LEASE)
            if lease is None:
                return
            lost = asyncio.Event()
            keeping = asyncio.create_task(_keep(lease, lost, lanes))
            try:
                drained = await _drain(lane, lease, lost, lanes)
            finally:
                keeping.cancel()
                with suppress(Unavailable):
                    await lanes.stores.leases.release(lease)
        finally:
            lanes.busy.discard(lane)
        if not drained:
            return


async def _anything(lane: int, lanes: Lanes) -> bool:
    """Whether anything waits: far cheaper than a lease, and most bells come late."""
    current = await lanes.rulebook.current()
    pending, due, noted = await asyncio.gather(
        lanes.stores.events.any_pending(lane),
        lanes.stores.runs.due(lane, lanes.clock.now(), paused=sorted(current.paused), limit=1),
        lanes.stores.looks.any_due(lane, lanes.clock.now()),
    )
    return pending or bool(due) or noted


async def _keep(lease: Lease, lost: asyncio.Event, lanes: Lanes) -> None:
    """Renew a lease however long a page takes; a worker whose loop stands still loses it."""
    while not lost.is_set():
        await asyncio.sleep(LEASE / 3)
        try:
            if await lanes.stores.leases.renew(lease, seconds=LEASE) is None:
                log.warning("%s was lost", lease.name)
                lost.set()
        except Unavailable as error:
            log.warning("%s is renewed later: %s", lease.name, error.message)


async def _drain(lane: int, lease: Lease, lost: asyncio.Event, lanes: Lanes) -> bool:
    """Do page after page. False if the lane is lost, something in it fails, or we are to stop."""
    looking = True
    wary = 1 if lease.abandoned else PAGE  # how much is taken at once
    while not lanes.stopping():
        if lost.is_set():
            return False
        if wary < PAGE:
            page = await _read(lane, lanes, most=wary)
            if page is not None and not await _apply(page, lanes):
                return False
            wary = PAGE if page is None else 2 * wary
            continue
        looked = await _look(lane, lanes) if looking else 0
        looking = looked is not None
        page = await _read(lane, lanes)
        if page is None and not looked:
            return looking
        if page is not None and not await _apply(page, lanes):
            return False
    return False


async def _look(lane: int, lanes: Lanes) -> int | None:
    """Look at people who may have come into or left segments; return how many, None if it fails."""
    try:
        return await memberships.look(
            lane,
            stores=lanes.stores,
            rulebook=lanes.rulebook,
            jobs=lanes.jobs,
            now=lanes.clock.now(),
        )
    except Unavailable:
        raise
    except Exception:
        # Nobody's journey waits for this. It stays noted, and is tried again with the next bell.
        log.exception("cannot look at people of lane %d", lane)
        return None


@dataclass(frozen=True, slots=True)
class _Page:
    """Some of what waits in a lane, with what deciding on it needs. `runs` is by user."""

    now: datetime
    events: Sequence[Event]
    due: Sequence[Run]
    runs: Mapping[str, Sequence[Run]]
    rules: Rules
    facts: Mapping[str, Mapping[str, Any]]


async def _read(lane: int, lanes: Lanes, *, most: int = PAGE) -> _Page | None:
    """Read the next page; None if nothing waits. Finishes first what a killed worker left."""
    stores = lanes.stores
    while True:
        now = lanes.clock.now()
        current = await lanes.rulebook.current()
        events, due = await _waiting(lane, now, sorted(current.paused), stores, most=most)
        unsettled = [run for run in due if run.unsettled is not None]
        if not unsettled:
            break
        await runs.settle(unsettled, lanes.means)
    if not events and not due:
        return None
    numbers = {event.publication for event in events} | {run.publication for run in due}
    rules = await Rules.of(numbers, current, lanes.rulebook)
    starting = [run for run in due if run.state is RunState.PLANNED]
    known = await stores.runs.of_users(
        sorted({event.user_id for event in events} | {run.user_id for run in starting}),
        triggers=sorted(
            {plan.trigger.name for event in events for plan in rules.started_by(event)}
            | {run.trigger for run in starting}
        ),
        goals_since=min((event.at for event in events), default=None),
    )
    await rules.add({run.publication for run in known}, lanes.rulebook)
    by_user = _by_user(known, due)
    concerned = _concerned(events, by_user, rules, now)
    await measures.add(events, program=current.program, stores=stores, wall=lanes.clock.wall())
    loaded = (
        await facts.load(
            concerned,
            current,
            stores=stores,
            now=now,
            needs=_needs(rules),
            since=_earliest(events, by_user, now),
        )
        if concerned
        else {}
    )
    return _Page(now, events, due, by_user, rules, loaded)


def _earliest(
    events: Iterable[Event], by_user: Mapping[str, Sequence[Run]], now: datetime
) -> datetime:
    """Return the first moment for which something is decided."""
    due = (run.due_at for theirs in by_user.values() for run in theirs if run.due_at is not None)
    return min((now, *(event.at for event in events), *due))


async def _waiting(
    lane: int, now: datetime, paused: list[str], stores: Stores, *, most: int
) -> tuple[Sequence[Event], Sequence[Run]]:
    if most < PAGE:
        return await suspects.next_suspects(lane, now, paused=paused, most=most, stores=stores)
    return await asyncio.gather(
        stores.events.pending(lane, limit=PAGE),
        stores.runs.due(lane, now, paused=paused, limit=PAGE),
    )


def _by_user(known: Iterable[Run], due: Iterable[Run]) -> dict[str, list[Run]]:
    # What was read later counts.
    merged = {run.id: run for run in due} | {run.id: run for run in known}
    by_user: dict[str, list[Run]] = {}
    for run in merged.values():
        by_user.setdefault(run.user_id, []).append(run)
    return by_user


def _concerned(
    events: Iterable[Event], by_user: Mapping[str, Sequence[Run]], rules: Rules, now: datetime
) -> list[str]:
    """Return the users for whom anything can follow: only their facts are loaded."""
    concerned = {
        user_id
        for user_id, theirs in by_user.items()
        if any(run.due_at is not None and run.due_at <= now for run in theirs)
    }
    for event in events:
        if (
            rules.started_by(event)
            or rules.lotteries(event)
            or rules.may_earn(event)
            or any(rules.awaits(run, event) for run in by_user.get(event.user_id, ()))
        ):
            concerned.add(event.user_id)
    return sorted(concerned)


def _needs(rules: Rules) -> frozenset[Need]:
    return frozenset().union(
        *(playbook_of(published.program).needs for published in rules.versions.values())
    )


async def _apply(page: _Page, lanes: Lanes) -> bool:
    """Decide on a page and write what was decided. False if the lane is lost or a user fails."""
    stores = lanes.stores
    moved: list[Run] = []
    started: list[Run] = []
    planned: list[Run] = []
    postponed: list[Run] = []
    dropped: list[Run] = []
    applied: list[Event] = []
    failed = False
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
        )
        try:
            await journeys.take(events.get(user_id, ()), page.now)
        except Unavailable:
            raise
        except Exception as error:
            failed = True
            await _set_aside(user_id, events.get(user_id, ()), page, error, lanes)
            continue
        moved += journeys.moved()
        started += journeys.started()
        planned += journeys.planned()
        postponed += journeys.postponed()
        dropped += journeys.dropped()
        applied += events.get(user_id, ())
    # Runs that end make room for those that start: in this order a repeat comes out the same.
    written = await stores.runs.move(moved)
    if written.lost:
        log.warning("runs were moved by another worker: %s", ", ".join(sorted(written.lost)[:5]))
        return False
    begun = await stores.runs.start(started)
    await stores.runs.plan(planned)
    await stores.runs.postpone(postponed)
    await stores.runs.drop(dropped)
    await runs.settle((*written.runs, *begun.runs), lanes.means)
    await draws.enter(
        applied,
        page.rules,
        page.facts,
        stores=stores,
        wall=lanes.clock.wall(),
        chain=lanes.chain,
    )
    await earning.earn(applied, page.rules, page.facts, stores=stores, now=page.now)
    await memberships.follow(applied, stores=stores, rulebook=lanes.rulebook, now=page.now)
    await stores.events.mark_applied([event.id for event in applied])
    return not failed


async def _set_aside(
    user_id: str, events: Sequence[Event], page: _Page, error: Exception, lanes: Lanes
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
