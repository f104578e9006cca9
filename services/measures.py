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
from dsl.buckets import fits
from dsl.days import day_of
from dsl.mongo.folding import Folding, fold_stages
from dsl.zones import first_instant
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


_Fold: TypeAlias = Callable[[Sequence[str]], Awaitable[Mapping[str, _Found]]]


async def layout(base: dsl.Layout, *, stores: Stores, now: datetime) -> dsl.Layout:
    """Return where the database finds facts at this moment: measures, as far as they are live."""
    live = await stores.measures.live_ids()
    if not live:
        return base
    return replace(base, measures=live, ahead=await stores.facts.any_after(now))


async def add(events: Collection[Event], *, stores: Stores, wall: datetime) -> None:
    """Make the days anew that these events belong to, which are stored. Safe to repeat."""
    names = sorted({event.name for event in events})
    kept = await stores.measures.of_events(names) if names else []
    in_zones: dict[str, list[KeptMeasure]] = {}
    for measure in kept:
        in_zones.setdefault(measure.zone, []).append(measure)
    for measures in in_zones.values():
        await _add(events, measures, stores=stores, wall=wall)


async def _add(
    events: Iterable[Event], measures: Sequence[KeptMeasure], *, stores: Stores, wall: datetime
) -> None:
    zone, measured = measures[0].zone, {measure.event for measure in measures}
    touched: dict[tuple[str, str], set[str]] = defaultdict(set)
    for event in events:
        if event.name in measured:
            touched[event.name, day_of(event.at, zone)].add(event.user_id)

    async def folded(user_ids: Sequence[str]) -> Mapping[str, _Found]:
        return await _fold_days(touched, {*user_ids}, measures, stores)

    users = set().union(*touched.values())
    await _rewrite(users, folded, measures, stores=stores, wall=wall)


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
) -> Mapping[str, _Found]:
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
    bounds = {day: _bounds(day, measures[0].zone) for day in days}
    clauses = [
        {
            "user": {"$in": sorted(users)},
            "name": name,
            "at": {"$gte": bounds[day][0], "$lt": bounds[day][1]},
        }
        for day, users in days.items()
    ]
    within = (min(start for start, _ in bounds.values()), max(end for _, end in bounds.values()))
    which = clauses[0] if len(clauses) == 1 else {"$or": clauses}
    return which, fold_stages(_foldings(measures), _LAYOUT, within)


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
