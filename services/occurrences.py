"""Triggers that start at a time: each occurrence planned ahead, and carried out page by page.

    plan ahead (a document per trigger, zone and time) → due → claim → a page of people
    → their runs, planned → the next page → done

Nothing looks at people outside an occurrence. Killed anywhere, the next holder goes on after the
last page that was recorded; a page planned twice is planned once, because a run's id says what
starts it. Lanes start the runs, as they do everything else to a person.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import dsl
from dsl.triggers import Trigger
from dsl.zones import find_zone
from engine import occasions
from engine.journeys import CATCH_UP
from engine.needs import needs_of
from engine.occasions import Occasion, Place
from engine.schedule import is_active
from engine.starting import is_for, planned, windows
from models.feed import FeedEntry
from models.ids import new_id
from models.occurrence import Occurrence, OccurrenceState, occurrence_id
from models.run import Run
from models.store import Stores
from services import facts, measures, starts
from services.clock import Clock
from services.jobs import Job, Jobs
from services.rulebook import Published, Rulebook

log = logging.getLogger(__name__)

PAGE = 1_000
LEASE = timedelta(seconds=30)  # for a page
CLAIMS = 20  # without a page done, after which an occurrence is given up
ZONES_EVERY = timedelta(seconds=15)
_AT_ONCE = 50
_LAYOUT = dsl.Layout(days={"birthday": "birthday_day"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasions:
    """What work on occurrences needs. `stopping` is asked between pages."""

    stores: Stores
    rulebook: Rulebook
    jobs: Jobs
    clock: Clock
    stopping: Callable[[], bool] = lambda: False


# --- ahead of time --------------------------------------------------------------------------------


@dataclass(slots=True)
class Ahead:
    """What the scheduler remembers of planning. Forgetting it costs a few reads, no more."""

    publication: int | None = None
    places: set[tuple[str, Place]] = field(default_factory=set)
    looked_at: datetime | None = None  # by the wall
    until: datetime | None = None  # business time of the last look


async def plan_ahead(
    ahead: Ahead, published: Published, *, stores: Stores, now: datetime, wall: datetime
) -> None:
    """Have a document for the next occurrence of every timed trigger in every zone.

    What comes after those is planned as each is opened. Safe to repeat, also at once.
    """
    changed = ahead.publication != published.number
    if not changed and ahead.looked_at is not None and wall - ahead.looked_at < ZONES_EVERY:
        return
    if changed:
        await _forget_unwanted(published, stores)
        ahead.places, ahead.until = set(), await _since(published, now, stores)
    triggers = list(occasions.timed(published.program))
    zones = await stores.users.zones() if _ask_zones(triggers) else frozenset()
    after = ahead.until or now
    found = [
        (trigger, place)
        for trigger in triggers
        for place in occasions.places(trigger, published.program, zones)
        if (trigger.name, place) not in ahead.places
    ]
    await stores.occurrences.plan(
        [
            _occurrence(trigger, place, occasion, published)
            for trigger, place in found
            if (occasion := occasions.next_occasion(trigger, place, after)) is not None
        ]
    )
    ahead.places.update((trigger.name, place) for trigger, place in found)
    ahead.publication, ahead.looked_at, ahead.until = published.number, wall, now


async def _since(published: Published, now: datetime, stores: Stores) -> datetime:
    """Return from when on occasions count: what was due since the rules went live is caught up."""
    if published.number == 0:
        return now
    publication = await stores.publications.get(published.number)
    return max(publication.act.at, now - CATCH_UP)


async def _forget_unwanted(published: Published, stores: Stores) -> None:
    """Remove what was planned and is no occasion of the rules as they are now."""
    await stores.occurrences.drop(
        [each.id for each in await stores.occurrences.planned() if not _is_wanted(each, published)]
    )


def _is_wanted(occurrence: Occurrence, published: Published) -> bool:
    trigger = published.program.triggers.get(occurrence.trigger)
    if trigger is None or published.campaign_of.get(trigger.name) != occurrence.campaign_id:
        return False
    place = Place(occurrence.zone, occurrence.own)
    if place not in occasions.places(trigger, published.program, [occurrence.zone]):
        return False
    before = occurrence.at - timedelta(milliseconds=1)
    return occasions.next_occasion(trigger, place, before) == Occasion(
        datetime.fromisoformat(occurrence.local), occurrence.at
    )


def _ask_zones(triggers: Iterable[Trigger]) -> bool:
    return any(trigger.zone == "user" for trigger in triggers)


def _occurrence(
    trigger: Trigger, place: Place, occasion: Occasion, published: Published
) -> Occurrence:
    local = occasion.local.isoformat(timespec="minutes")
    return Occurrence(
        id=occurrence_id(trigger.name, place.zone, place.own, local),
        trigger=trigger.name,
        campaign_id=published.campaign_of.get(trigger.name),
        zone=place.zone,
        own=place.own,
        local=local,
        at=occasion.at,
    )


async def ring_due(published: Published, *, stores: Stores, jobs: Jobs, clock: Clock) -> int:
    """Ring for occurrences whose time has come and that nobody works on; return how many."""
    due = await stores.occurrences.due(
        clock.now(), wall=clock.wall(), paused=sorted(published.paused), limit=_AT_ONCE
    )
    if due:
        await jobs.ring(Job.START_OCCURRENCE, due)
    return len(due)


# --- when its time has come -----------------------------------------------------------------------


async def work(occurrence_id: str, occasions_: Occasions) -> None:
    """Carry an occurrence out, unless someone else does. Safe to run twice, also at once."""
    stores, clock, token = occasions_.stores, occasions_.clock, new_id()
    occurrence = await stores.occurrences.claim(
        occurrence_id, token, wall=clock.wall(), lease=LEASE
    )
    if occurrence is None:
        return
    opened = await _open(occurrence, token, occasions_)
    if opened is None:
        return
    occurrence, published = opened
    trigger = published.program.triggers[occurrence.trigger]
    whom = await _whom(occurrence, trigger, published, stores)
    while not occasions_.stopping():
        ids = await stores.segments.page(
            whom.stages, zones=whom.zones, after=occurrence.after, limit=PAGE
        )
        chosen = await _chosen(ids, trigger, published, whom, stores)
        runs = [_run(user_id, occurrence, trigger, published) for user_id in chosen]
        await starts.plan(
            runs,
            trigger,
            published.program,
            stores=stores,
            jobs=occasions_.jobs,
            now=clock.now(),
        )
        occurrence = replace(
            occurrence,
            after=ids[-1] if ids else occurrence.after,
            people=occurrence.people + len(chosen),
        )
        if not await stores.occurrences.advance(occurrence, token, until=clock.wall() + LEASE):
            return
        if len(ids) < PAGE:
            await _finish(replace(occurrence, state=OccurrenceState.DONE), token, occasions_)
            return
        current = await occasions_.rulebook.current()
        if occurrence.campaign_id in current.paused or _is_over(occurrence, current):
            break
    await stores.occurrences.release(occurrence, token)


async def _open(
    occurrence: Occurrence, token: str, occasions_: Occasions
) -> tuple[Occurrence, Published] | None:
    """Fix the version that an occurrence is carried out by, having planned the one after it."""
    stores, now = occasions_.stores, occasions_.clock.now()
    current = await occasions_.rulebook.current()
    if occurrence.campaign_id in current.paused:
        await stores.occurrences.release(occurrence, token)
        return None
    fresh = occurrence.publication is None
    published = current if fresh else await occasions_.rulebook.version(occurrence.publication or 0)
    if _is_over(occurrence, current) or (fresh and not _is_wanted(occurrence, current)):
        await _finish(_missed(occurrence, "its rules are no longer live"), token, occasions_)
        return None
    trigger = published.program.triggers[occurrence.trigger]
    if fresh:
        place = Place(occurrence.zone, occurrence.own)
        after = max(occurrence.at, now - CATCH_UP)
        following = occasions.next_occasion(trigger, place, after)
        if following is not None:
            await stores.occurrences.plan([_occurrence(trigger, place, following, current)])
        occurrence = replace(occurrence, publication=current.number, opened_at=now)
        if not await stores.occurrences.open(occurrence, token):
            return None
        if now - occurrence.at > CATCH_UP:
            await _finish(_missed(occurrence, "its time was long past"), token, occasions_)
            return None
    if occurrence.claims > CLAIMS:
        await _finish(_missed(occurrence, f"given up after {CLAIMS} tries"), token, occasions_)
        return None
    moment = _moment(occurrence, trigger, published)
    if not is_active(windows(trigger, published.program), moment):
        await _finish(replace(occurrence, state=OccurrenceState.DONE), token, occasions_)
        return None
    return occurrence, published


def _is_over(occurrence: Occurrence, current: Published) -> bool:
    return occurrence.campaign_id is not None and occurrence.campaign_id not in current.campaigns


def _missed(occurrence: Occurrence, reason: str) -> Occurrence:
    return replace(occurrence, state=OccurrenceState.MISSED, reason=reason)


def _moment(occurrence: Occurrence, trigger: Trigger, published: Published) -> dsl.Moment:
    """Return the moment at which people are chosen: in their own zone, where that counts."""
    program = published.program
    zone = occurrence.zone if trigger.zone is not None else program.zone
    return dsl.Moment(occurrence.at, zone, program)


@dataclass(frozen=True, slots=True)
class _Whom:
    """How the people of an occurrence are found; `judge` if the database cannot tell alone."""

    moment: dsl.Moment
    zones: Sequence[str | None] | None
    stages: Sequence[dict[str, object]]
    judge: bool


async def _whom(
    occurrence: Occurrence, trigger: Trigger, published: Published, stores: Stores
) -> _Whom:
    moment = _moment(occurrence, trigger, published)
    zones: Sequence[str | None] | None = None
    if occurrence.own:
        zones = [occurrence.zone]
        if occurrence.zone == published.program.zone:
            zones = [occurrence.zone, None, *_unknown(await stores.users.zones())]
    if trigger.audience is None:
        return _Whom(moment, zones, [], judge=False)
    layout = await measures.layout(_LAYOUT, stores=stores, now=moment.now)
    try:
        return _Whom(moment, zones, dsl.to_mongo(trigger.audience, layout, moment), judge=False)
    except dsl.NotPushable as reason:
        log.info("the people of %s are looked at one by one: %s", trigger.name, reason)
        narrowed = dsl.prefilter(trigger.audience, _LAYOUT, moment)
        return _Whom(moment, zones, [{"$match": narrowed}] if narrowed else [], judge=True)


def _unknown(zones: Collection[str]) -> list[str]:
    return sorted(zone for zone in zones if find_zone(zone) is None)


async def _chosen(
    ids: Sequence[str], trigger: Trigger, published: Published, whom: _Whom, stores: Stores
) -> list[str]:
    if not whom.judge or not ids:
        return list(ids)
    needs = needs_of(published.program, [trigger.audience])
    known = await facts.load(ids, published, stores=stores, now=whom.moment.now, needs=needs)
    return [
        user_id
        for user_id in ids
        if user_id in known and is_for(trigger, known[user_id], whom.moment)
    ]


def _run(user_id: str, occurrence: Occurrence, trigger: Trigger, published: Published) -> Run:
    return planned(
        trigger,
        user_id,
        occurrence.cause,
        occurrence.at,
        campaign_id=occurrence.campaign_id,
        publication=published.number,
    )


async def _finish(occurrence: Occurrence, token: str, occasions_: Occasions) -> None:
    """Tell the feed what has become of an occurrence, then record that it is over."""
    stores, clock = occasions_.stores, occasions_.clock
    if occurrence.people or occurrence.state is OccurrenceState.MISSED:
        await stores.outbox.add([_entry(occurrence, clock.now())])
    await stores.occurrences.finish(occurrence, token, wall=clock.wall())


def _entry(occurrence: Occurrence, now: datetime) -> FeedEntry:
    missed = occurrence.state is OccurrenceState.MISSED
    kind = "trigger.missed" if missed else "trigger.occurred"
    return FeedEntry(
        f"occurrence:{occurrence.id}:{occurrence.state.value}",
        kind,
        now,
        occurrence.campaign_id,
        None,
        {
            "trigger": occurrence.trigger,
            "zone": occurrence.zone,
            "local": occurrence.local,
            "people": occurrence.people,
            "reason": occurrence.reason,
        },
    )
