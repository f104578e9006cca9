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
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeAlias

import dsl
from dsl.buckets import fits
from dsl.days import day_of
from dsl.mongo.folding import Folding, fold_stages
from engine.measures import measures_in
from models.errors import Unavailable
from models.event import Event
from models.measure import FactsChange, KeptMeasure
from models.store import Stores
from services.folding import Found, Heard, bounds, clause, fold_days, heard

log = logging.getLogger(__name__)

ATTEMPTS = 20
_LAYOUT = dsl.Layout()


_Touched: TypeAlias = dict[tuple[str, str], set[str]]
_Fold: TypeAlias = Callable[[Sequence[str]], Awaitable[Mapping[str, Found]]]


async def layout(base: dsl.Layout, *, stores: Stores, now: datetime) -> dsl.Layout:
    """Return where the database finds facts at this moment: measures, as far as they are live."""
    live = await stores.measures.live_ids()
    if not live:
        return base
    return replace(base, measures=live, ahead=await stores.events.any_after(now))


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
    events: Collection[Event],
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
    blind = {measure.event for measure in there}
    for event in events:
        if event.name in blind:
            touched[event.name, day_of(event.at, zone)].add(event.user_id)
    ids = {measure.id for measure in measures}
    days: Heard = {} if program is None else heard(events, ids, program)

    async def folded(user_ids: Sequence[str]) -> Mapping[str, Found]:
        found = await _fold_days(touched, {*user_ids}, there, stores)
        if program is not None:
            await _fold_here(days, {*user_ids}, program, found, stores)
        return found

    users = set[str]().union(*touched.values(), *days.values())
    await _rewrite(users, folded, measures, stores=stores, wall=wall)


async def _fold_here(
    days: Heard,
    user_ids: Collection[str],
    program: dsl.Program,
    found: dict[str, Found],
    stores: Stores,
) -> None:
    """Fold days of these people: of each only the measures that something was added to."""
    clauses = [
        clause(name, day, sorted(users.keys() & user_ids), program.zone)
        for (name, day), users in days.items()
        if not users.keys().isdisjoint(user_ids)
    ]
    if clauses:
        told = await stores.events.told(sorted(user_ids), {}, clauses)
        fold_days(days, told, program, found)


async def fill(
    user_ids: Sequence[str], measures: Sequence[KeptMeasure], *, stores: Stores, wall: datetime
) -> None:
    """Make all days of measures of one zone for these people. Safe to repeat."""

    async def folded(ids: Sequence[str]) -> Mapping[str, Found]:
        found: dict[str, Found] = {}
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
        await give_up([each.buckets for each in found.values()], measures, stores=stores, wall=wall)
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


async def give_up(
    buckets: Iterable[Mapping[str, Mapping[str, Any]]],
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
        for each in buckets
        for key, days in each.items()
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
) -> dict[str, Found]:
    """Fold those days of these people, an event's name at a time."""
    found: dict[str, Found] = {}
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
    limits = [bounds(day, zone) for day in days]
    which = _any_of([clause(name, day, sorted(users), zone) for day, users in days.items()])
    within = (min(start for start, _ in limits), max(end for _, end in limits))
    return which, fold_stages(_foldings(measures), _LAYOUT, within)


def _any_of(clauses: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    return clauses[0] if len(clauses) == 1 else {"$or": clauses}


def _gather(
    rows: Sequence[Mapping[str, Any]], measures: Sequence[KeptMeasure], found: dict[str, Found]
) -> None:
    """Sort what was folded by person, measure and day: None where a day holds nothing."""
    for row in rows:
        user_id, day = row["_id"]["u"], row["_id"]["d"]
        each = found.setdefault(user_id, Found(row["last"]))
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
