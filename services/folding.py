"""Making the days of measures anew in Python, of the events of those days."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, TypeAlias

import dsl
from dsl.buckets import fold_day
from dsl.days import day_of
from dsl.zones import first_instant
from engine.measures import filters_of, measures_in
from models.event import Event

# By event and day, whose measures have to be made anew, and which of them.
Heard: TypeAlias = Mapping[tuple[str, str], Mapping[str, set[str]]]
# A person's event: whose, its name, and what rules see of it.
Told: TypeAlias = tuple[str, str, dict[str, Any]]


@dataclass(slots=True)
class Found:
    """What was folded of one person's events: buckets by measure and day."""

    last: datetime
    buckets: dict[str, dict[str, Any]] = field(default_factory=dict)


def heard(events: Iterable[Event], ids: Set[str], program: dsl.Program) -> Heard:
    """Return which days of which of a program's measures these events add something to."""
    found: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(dict)
    listeners = filters_of(program).listeners
    for event in events:
        if event.name in listeners and (added := listeners[event.name].hears(event) & ids):
            days = found[event.name, day_of(event.at, program.zone)]
            days.setdefault(event.user_id, set()).update(added)
    return found


def fold_days(
    days: Heard, told: Iterable[Told], program: dsl.Program, found: dict[str, Found]
) -> None:
    """Make days anew of all their events, oldest first: only the measures added to.

    Events of other days and of other people are passed over.
    """
    by_day: dict[tuple[str, str, str], list[Mapping[str, Any]]] = defaultdict(list)
    names = {name for name, _ in days}
    for user_id, name, fields in told:
        if name in names:
            day = day_of(fields["time"], program.zone)
            if user_id in days.get((name, day), ()):
                by_day[user_id, name, day].append(fields)
    wanted, judges = measures_in(program), filters_of(program).judges
    for (user_id, name, day), events in by_day.items():
        last = events[-1]["time"]
        each = found.setdefault(user_id, Found(last))
        each.last = max(each.last, last)
        for key in days[name, day][user_id]:
            made = fold_day(wanted[key].measure, events, judges[key])
            each.buckets.setdefault(key, {})[day] = made


def bounds(day: str, zone: str) -> tuple[datetime, datetime]:
    """Return the first instant of a day, and that of the next."""
    start = date.fromisoformat(day)
    return first_instant(start, zone), first_instant(start + timedelta(days=1), zone)


def clause(name: str, day: str, user_ids: Sequence[str], zone: str) -> dict[str, Any]:
    """Return the query for these people's events of a name on a day."""
    start, end = bounds(day, zone)
    return {"user": {"$in": user_ids}, "name": name, "at": {"$gte": start, "$lt": end}}
