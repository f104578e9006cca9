"""Measures of people's events: days made anew of the events whenever some of theirs have come.

    read versions → fold the days' events, in the database → write, unless someone was faster

A day is never added to but made anew, so that whatever is repeated, late or cut short comes out
right. Which measures there are is read after the events that are to be added were stored: one that
began later is filled from all that was there by then (services.measuring).
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, TypeAlias

import dsl
from dsl.buckets import fits, fold
from dsl.days import day_of
from dsl.mongo.folding import Folding, fold_stages
from dsl.zones import first_instant
from engine.measures import filters_of, measures_in
from models.errors import Unavailable
from models.event import Event
from models.measure import FactsChange, KeptMeasure
from models.store import Stores

log = logging.getLogger(__name__)

ATTEMPTS = 20
_LAYOUT = dsl.Layout()


@dataclass(slots=True)
class _Found:
    """What was folded of one person's events: buckets by measure and day."""

    last: datetime
    buckets: dict[str, dict[str, Any]] = field(default_factory=dict)


_Touched: TypeAlias = dict[tuple[str, str], set[str]]
_Fold: TypeAlias = Callable[[Sequence[str]], Awaitable[Mapping[str, _Found]]]


async def layout(base: dsl.Layout, *, stores: Stores, now: datetime) -> dsl.Layout:
    """Return where the database finds facts at this moment: measures, as far as they are live."""
    live = await stores.measures.live_ids()
    if not live:
        return base
    return replace(base, measures=live, ahead=await stores.facts.any_after(now))


async def add(
    events: Collection[Event],
    *,
    stores: Stores,
    wall: datetime,
    program: dsl.Program | None = None,
) -> None:
    """Make the days anew that these events belong to, which are stored. Safe to repeat.

    Measures that `program` has are made here, and only those that an event adds to; others, which
    may be of rules that this process has not seen, are made in the database.
    """
    names = sorted({event.name for event in events})
    kept = await stores.measures.of_events(names) if names else []
    in_zones: dict[str, list[KeptMeasure]] = {}
    for measure in kept:
        in_zones.setdefault(measure.zone, []).append(measure)
    for zone, measures in in_zones.items():
        known = program if program is not None and program.zone == zone else None
        await _add(events, measures, known, stores=stores, wall=wall)


async def _add(
    events: Iterable[Event],
    measures: Sequence[KeptMeasure],
    program: dsl.Program | None,
    *,
    stores: Stores,
    wall: datetime,
) -> None:
    zone = measures[0].zone
    here = {} if program is None else measures_in(program)
    there = [measure for measure in measures if measure.id not in here]
    touched: _Touched = defaultdict(set)
    heard: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(dict)
    blind, ids = {measure.event for measure in there}, {measure.id for measure in measures}
    listeners = {} if program is None else filters_of(program).listeners
    for event in events:
        where = (event.name, day_of(event.at, zone))
        if event.name in blind:
            touched[where].add(event.user_id)
        if event.name in listeners and (added := ids & listeners[event.name].hears(event)):
            heard[where].setdefault(event.user_id, set()).update(added)

    async def folded(user_ids: Sequence[str]) -> Mapping[str, _Found]:
        found = await _fold_days(touched, {*user_ids}, there, stores)
        if program is not None:
            await _fold_here(heard, {*user_ids}, zone, program, found, stores)
        return found

    users = set[str]().union(*touched.values(), *heard.values())
    await _rewrite(users, folded, measures, stores=stores, wall=wall)


async def _fold_here(
    heard: Mapping[tuple[str, str], Mapping[str, set[str]]],
    user_ids: Collection[str],
    zone: str,
    program: dsl.Program,
    found: dict[str, _Found],
    stores: Stores,
) -> None:
    """Fold days of these people: of each only the measures that something was added to."""
    clauses = [
        _clause(name, day, sorted(users.keys() & user_ids), zone)
        for (name, day), users in heard.items()
        if not users.keys().isdisjoint(user_ids)
    ]
    if not clauses:
        return
    days: dict[tuple[str, str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for user_id, name, told in await stores.facts.events(_any_of(clauses)):
        days[user_id, name, day_of(told["time"], zone)].append(told)
    wanted, judges = measures_in(program), filters_of(program).judges
    for (user_id, name, day), events in days.items():
        each = found.setdefault(user_id, _Found(events[-1]["time"]))
        each.last = max(each.last, events[-1]["time"])
        for key in heard.get((name, day), {}).get(user_id, ()):
            made = fold(wanted[key].measure, events, judges[key])
            each.buckets.setdefault(key, {})[day] = made.get(day)


async def fill(
    user_ids: Sequence[str], measures: Sequence[KeptMeasure], *, stores: Stores, wall: datetime
) -> None:
    """Make all days of measures of one zone for these people. Safe to repeat."""

    async def folded(ids: Sequence[str]) -> Mapping[str, _Found]:
        found: dict[str, _Found] = {}
        for name, those in _by_event(measures).items():
            which = {"user": {"$in": list(ids)}, "name": name}
            rows = await stores.facts.fold(which, fold_stages(_foldings(those), _LAYOUT))
            _gather(rows, those, found)
        return found

    await _rewrite(user_ids, folded, measures, whole=True, stores=stores, wall=wall)


async def _rewrite(
    user_ids: Collection[str],
    fold: _Fold,
    measures: Sequence[KeptMeasure],
    *,
    stores: Stores,
    wall: datetime,
    whole: bool = False,
) -> None:
    """Write what is folded of these people's events; all of it once more if someone was faster."""
    for _ in range(ATTEMPTS):
        versions = await stores.facts.versions(user_ids)
        found = await fold(sorted(versions))
        await _give_up(found.values(), measures, stores=stores, wall=wall)
        changes = [
            FactsChange(
                user_id=user_id,
                version=versions[user_id],
                buckets=each.buckets,
                last=each.last,
                whole=whole,
            )
            for user_id, each in found.items()
        ]
        if await stores.facts.write(changes):
            return
    raise Unavailable("Others keep writing the same people's measures; try again.")


async def _give_up(
    found: Iterable[_Found],
    measures: Sequence[KeptMeasure],
    *,
    stores: Stores,
    wall: datetime,
) -> None:
    """Let measures that cannot be kept no longer be read: their events are read instead.

    What is written of them is still right, for whoever has not noticed yet.
    """
    slots = {measure.id: measure.slot for measure in measures if measure.fits}
    unfit = {
        key
        for each in found
        for key, days in each.buckets.items()
        if key in slots
        and not all(value is None or fits(slots[key], value) for value in days.values())
    }
    if unfit:
        log.warning("measures are given up, a day holds too much: %s", ", ".join(sorted(unfit)))
        await stores.measures.retire(sorted(unfit), at=wall, fits=False)


async def _fold_days(
    touched: Mapping[tuple[str, str], set[str]],
    user_ids: Collection[str],
    measures: Sequence[KeptMeasure],
    stores: Stores,
) -> dict[str, _Found]:
    """Fold those days of these people, an event's name at a time."""
    found: dict[str, _Found] = {}
    by_event = _by_event(measures)
    days: dict[str, dict[str, set[str]]] = defaultdict(dict)
    for (name, day), users in touched.items():
        if here := users.intersection(user_ids):
            days[name][day] = here
    folds = [
        stores.facts.fold(*_question(name, of_name, by_event[name]))
        for name, of_name in days.items()
    ]
    for name, rows in zip(days, await asyncio.gather(*folds), strict=True):
        _gather(rows, by_event[name], found)
    return found


def _question(
    name: str, days: Mapping[str, set[str]], measures: Sequence[KeptMeasure]
) -> tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]:
    """Return which events to fold, and how."""
    zone = measures[0].zone
    bounds = [_bounds(day, zone) for day in days]
    which = _any_of([_clause(name, day, sorted(users), zone) for day, users in days.items()])
    within = (min(start for start, _ in bounds), max(end for _, end in bounds))
    return which, fold_stages(_foldings(measures), _LAYOUT, within)


def _clause(name: str, day: str, user_ids: Sequence[str], zone: str) -> Mapping[str, Any]:
    start, end = _bounds(day, zone)
    return {"user": {"$in": user_ids}, "name": name, "at": {"$gte": start, "$lt": end}}


def _any_of(clauses: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    return clauses[0] if len(clauses) == 1 else {"$or": clauses}


def _bounds(day: str, zone: str) -> tuple[datetime, datetime]:
    start = date.fromisoformat(day)
    return first_instant(start, zone), first_instant(start + timedelta(days=1), zone)


def _gather(
    rows: Sequence[Mapping[str, Any]], measures: Sequence[KeptMeasure], found: dict[str, _Found]
) -> None:
    """Sort what was folded by person, measure and day: None where a day holds nothing."""
    for row in rows:
        user_id, day = row["_id"]["u"], row["_id"]["d"]
        each = found.setdefault(user_id, _Found(row["last"]))
        each.last = max(each.last, row["last"])
        for measure in measures:
            each.buckets.setdefault(measure.id, {})[day] = row.get(measure.id)


def _by_event(measures: Sequence[KeptMeasure]) -> dict[str, list[KeptMeasure]]:
    found: dict[str, list[KeptMeasure]] = {}
    for measure in measures:
        found.setdefault(measure.event, []).append(measure)
    return found


def _foldings(measures: Sequence[KeptMeasure]) -> list[Folding]:
    return [
        Folding(each.id, each.event, each.zone, each.contribution, each.group, each.value)
        for each in measures
    ]
