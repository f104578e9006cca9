"""What aggregates make of the values of their elements, in Python.

Values come in groups, one for each event or a single one for a list, in order of time or position.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from dsl.core import Aggregate, EventSource, ListSource
from dsl.kinds import Kind, ListOf, Money, Record, Simple
from dsl.moment import Moment
from dsl.money import divide_half_away
from dsl.program import Program
from dsl.values import MICRO, MISSING, as_instant, integer, micros, read, walk

Groups = Sequence[Sequence[Any]]
_NO_FIELDS = Record(())


def element_kind(source: EventSource | ListSource, program: Program) -> Kind:
    """Return the type of a source's elements."""
    kind: Kind | None
    if isinstance(source, ListSource):
        kind = source.ref.kind
    else:
        kind = program.events.get(source.event, _NO_FIELDS)
        if not source.nested:
            return kind
        kind = field_kind(kind, source.nested)
    return kind.element if isinstance(kind, ListOf) else _NO_FIELDS


def field_kind(kind: Kind, path: Sequence[str]) -> Kind | None:
    """Return the type of a field within a type; the time of an event needs no declaration."""
    for name in path:
        found = kind.get(name) if isinstance(kind, Record) else None
        if found is None:
            return Simple("timestamp") if tuple(path) == ("time",) else None
        kind = found
    return kind


def value_kind(aggregate: Aggregate, program: Program) -> Kind:
    """Return the type of the values that an aggregate is made of."""
    kind = field_kind(element_kind(aggregate.source, program), aggregate.value)
    return aggregate.kind if kind is None else kind


def events_within(events: Any, start: datetime | None, now: datetime) -> list[Mapping[str, Any]]:
    """Return the events from `start` to `now`, the oldest first; what has no time is no event."""
    if not isinstance(events, list | tuple):
        return []
    found: list[tuple[datetime, Mapping[str, Any]]] = []
    for event in events:
        at = event.get("time") if isinstance(event, Mapping) else None
        if isinstance(at, datetime):
            at = as_instant(at)
            if at <= now and (start is None or at >= start):
                found.append((at, event))
    found.sort(key=lambda pair: pair[0])
    return [event for _, event in found]


def elements_of(
    aggregate: Aggregate, base: Any, moment: Moment, since: datetime | None = None
) -> list[Sequence[Any]]:
    """Return an aggregate's elements in groups; `base` is the list, or all of the user's events.

    With `since`, those of earlier events are left out.
    """
    source = aggregate.source
    if isinstance(source, ListSource):
        many = read(base, source.ref.kind)
        return [] if many is MISSING else [many]
    window = aggregate.window
    start = None if window is None else moment.start_of(window)
    if since is not None:
        start = since if start is None else max(start, since)
    events = events_within(walk(base, (source.event,)), start, moment.now)
    if not source.nested:
        return [[event] for event in events]
    return grouped(events, source.nested, element_kind(source, moment.program))


def grouped(
    events: Sequence[Mapping[str, Any]], nested: tuple[str, ...], element: Kind
) -> list[Sequence[Any]]:
    """Return events, each a group of its own, or the elements of a list in each of them."""
    if not nested:
        return [[event] for event in events]
    lists = (read(walk(event, nested), ListOf(element)) for event in events)
    return [many for many in lists if many is not MISSING]


def combine(function: str, groups: Groups, kind: Kind) -> Any:
    """Return an aggregate of values, those that are MISSING left out."""
    return _COMBINE[function]([[v for v in group if v is not MISSING] for group in groups], kind)


def total_of(groups: Groups, kind: Kind) -> Any:
    """Add up integers, however large: minor units, or millionths of a number.

    MISSING if a value does not fit 64 bits, or what one list comes to.
    """
    total = 0
    for group in groups:
        parts = group if isinstance(kind, Money) else [micros(v) for v in group]
        # A list's own sum must fit as well: MongoDB adds list by list.
        if any(part is MISSING for part in parts) or integer(sum(parts)) is MISSING:
            return MISSING
        total += sum(parts)
    return total


def sum_of(total: Any, kind: Kind) -> Any:
    """Return a sum from what its values come to."""
    if total is MISSING or integer(total) is MISSING:
        return MISSING
    return total if isinstance(kind, Money) else float(total) / MICRO


def average_of(total: Any, count: int, kind: Kind) -> Any:
    """Return an average from what its values come to, and how many they are."""
    if count == 0 or total is MISSING or integer(total) is MISSING:
        return MISSING
    if isinstance(kind, Money):
        return divide_half_away(total, count)
    return float(total) / MICRO / count


def _flat(groups: Groups) -> list[Any]:
    return [value for group in groups for value in group]


def _first(values: Iterable[Any]) -> Any:
    return next(iter(values), MISSING)


_COMBINE: dict[str, Callable[[Groups, Kind], Any]] = {
    "sum": lambda groups, kind: sum_of(total_of(groups, kind), kind),
    "avg": lambda groups, kind: average_of(total_of(groups, kind), sum(map(len, groups)), kind),
    "min": lambda groups, _: min(_flat(groups), default=MISSING),
    "max": lambda groups, _: max(_flat(groups), default=MISSING),
    "distinct": lambda groups, _: len(set(_flat(groups))),
    "latest": lambda groups, _: _first(reversed(_flat(groups))),
    "earliest": lambda groups, _: _first(_flat(groups)),
}
