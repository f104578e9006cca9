"""Measures: what is kept of a person's events day by day, so that aggregates need not read them.

An aggregate over events is kept if what it makes of an event depends on that event alone, and its
window is whole days of the workspace's zone. Its window is no part of what is kept: all windows
over the same events read the same days.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import assert_never

from dsl.aggregates import element_kind, value_kind
from dsl.clauses import Length
from dsl.core import (
    Aggregate,
    Apply,
    Const,
    EventSource,
    Ever,
    Expr,
    InSegment,
    Last,
    Now,
    Ref,
    Since,
    This,
    Today,
    Window,
)
from dsl.identity import kept_by_identity
from dsl.kinds import NUMBER, Kind, Record
from dsl.moment import Moment, first_day_of, first_day_of_last
from dsl.program import Program
from dsl.values import family
from dsl.walking import nodes

# Raised whenever other values are kept for the same text.
_FORM = 1

# What an aggregate is made of; several may share it.
_SLOTS: dict[str, tuple[str, ...]] = {
    "count": ("count",),
    "any": ("count",),
    "sum": ("sum",),
    "avg": ("sum", "known"),
    "min": ("low",),
    "max": ("high",),
    "distinct": ("set",),
    "latest": ("last",),
    "earliest": ("first",),
}
_OF_TODAY = frozenset(("days_until", "years_since", "days_since"))
_OF_ZONE = frozenset(("hour", "weekday"))


@dataclass(frozen=True)
class Measure:
    """One value for each day on which a person has such events.

    `slot` says which: "count" of elements, "sum" of their values in minor units or millionths,
    how many have a value ("known"), the least ("low") and the largest ("high"), the "set" of all,
    that of the "first" and of the "last".
    """

    slot: str
    source: EventSource
    where: Expr | None
    value: tuple[str, ...]
    kind: Kind
    element: Kind
    zone: str

    @cached_property
    def id(self) -> str:
        """What it is known by: equal for what is kept alike, whatever rule or program asks."""
        # Fields that nobody asks about make no difference.
        element = "record" if isinstance(self.element, Record) else self.element
        kind = None if self.slot == "count" else self.kind
        parts = (_FORM, self.zone, self.slot, self.source, self.where, self.value, kind, element)
        return "m" + sha256(repr(parts).encode("utf-8", "backslashreplace")).hexdigest()[:15]


@kept_by_identity
def measures_of(aggregate: Aggregate, program: Program) -> tuple[Measure, ...]:
    """Return the measures that an aggregate can be read from; none if it needs the events."""
    source, where = aggregate.source, aggregate.where
    if not isinstance(source, EventSource) or not _is_of_days(aggregate):
        return ()
    if where is not None and not is_of_element(where):
        return ()
    slots = _SLOTS[aggregate.function]
    counts = slots == ("count",)
    return tuple(
        Measure(
            slot,
            source,
            where,
            () if counts else aggregate.value,
            NUMBER if counts else value_kind(aggregate, program),
            element_kind(source, program),
            program.zone,
        )
        for slot in slots
    )


def asked_by(expressions: Iterable[Expr | None], program: Program) -> Iterator[Measure]:
    """Yield the measures that these expressions could be judged by, segments they name left out."""
    for expression in expressions:
        for node in nodes(expression):
            if isinstance(node, Aggregate):
                yield from measures_of(node, program)


def is_zoned(aggregate: Aggregate) -> bool:
    """Whether an aggregate means another thing in another zone than the workspace's."""
    if not isinstance(aggregate.window, Ever):
        return True
    return aggregate.where is not None and any(_is_of_zone(node) for node in nodes(aggregate.where))


def first_day(aggregate: Aggregate, moment: Moment) -> str:
    """Return the first day of an aggregate's window, "" where it has no beginning."""
    window = aggregate.window
    found = moment.first_days.get(window)
    if found is None:
        found = moment.first_days[window] = _first_day(window, moment)
    return found


def _first_day(window: Window | None, moment: Moment) -> str:
    try:
        match window:
            case Last(count, unit):
                return first_day_of_last(count, unit, moment.today).isoformat()
            case This(unit):
                return first_day_of(unit, moment.today).isoformat()
            case Since(day):
                return day
            case Ever() | None:
                return ""
            case _:
                assert_never(window)
    except OverflowError:
        return ""


def _is_of_days(aggregate: Aggregate) -> bool:
    window = aggregate.window
    exact = isinstance(window, Last) and window.unit in ("minute", "hour")
    return window is not None and not exact


def is_of_element(where: Expr) -> bool:
    """Whether a filter looks at the element alone, and never changes its mind about one."""
    return all(_is_own(node) for node in nodes(where))


def _is_own(node: Expr) -> bool:
    """Whether this part of a filter looks at the element alone, and never changes its mind."""
    match node:
        case Ref(root):
            return root == "element"
        case Now() | Today() | InSegment():
            return False
        case Aggregate(source=EventSource()):
            return False
        case Apply(operator):
            return operator not in _OF_TODAY
        case _:
            return True


def _is_of_zone(node: Expr) -> bool:
    match node:
        case Const(value):
            values = value if isinstance(value, tuple) else (value,)
            return any(
                isinstance(each, Length) or (isinstance(each, datetime) and each.tzinfo is None)
                for each in values
            )
        case Apply(operator, arguments):
            families = {family(argument.kind) for argument in arguments}
            return operator in _OF_ZONE or {"date", "timestamp"} <= families
        case _:
            return False
