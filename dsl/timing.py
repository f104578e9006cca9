"""When time alone can next turn a condition that is judged day by day, as those of segments are.

What is returned is never too late: until then the same facts give the same answer. It may be too
early, and is then asked again.

    windows    the oldest event slides out of `last N days`; `this month` begins anew
    days       a comparison of what only grows (or only falls) as days pass turns at one day,
               which is found by bisection
    and, or    stay as they are while the operand that decides them does
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from dsl.buckets import first_kept
from dsl.core import (
    Aggregate,
    AllOf,
    AnyOf,
    Apply,
    Const,
    EventSource,
    Expr,
    InSegment,
    Last,
    Not,
    Now,
    Ref,
    This,
    Today,
)
from dsl.evaluator import Facts, Scope, evaluate, judge
from dsl.functions import start_of
from dsl.identity import kept_by_identity
from dsl.moment import Moment, add_months, first_day_of, first_day_of_last
from dsl.program import Program
from dsl.values import MISSING, as_instant
from dsl.walking import nodes

_DAY_FUNCTIONS = frozenset({"days_until", "years_since", "days_since"})
_COMPARISONS = frozenset({"=", "<", "<=", ">", ">="})
# Turns further ahead than this are looked for again when it has passed.
_FURTHEST = 40_000  # days

# As days pass a value stays, only grows, or only falls; None: nobody knows.
_Course = int | None
_STAYS, _GROWS, _FALLS = 0, 1, -1


@kept_by_identity
def changes_by_time(expr: Expr, program: Program) -> bool:
    """Whether a condition's answer can change although nothing happens, but for events to come."""
    return any(_reads_time(node) for node in _within(expr, program, set()))


def fades(expr: Expr, program: Program) -> bool:
    """Whether time alone can only end what holds, never begin it, as with `at least N` of a window.

    Events that lie ahead aside.
    """
    match expr:
        case AllOf(operands) | AnyOf(operands):
            return all(fades(operand, program) for operand in operands)
        case InSegment(name):
            # Segments refer to each other in no circle.
            return name not in program.segments or fades(program.segments[name].condition, program)
        case Aggregate(function="any") | Apply(
            ">" | ">=", (Aggregate(function="count" | "distinct" | "max"), Const())
        ):
            aggregate = expr.arguments[0] if isinstance(expr, Apply) else expr
            where = aggregate.where if isinstance(aggregate, Aggregate) else None
            return where is None or not changes_by_time(where, program)
        case _:
            return not changes_by_time(expr, program)


def next_change(
    condition: Expr, facts: Facts, moment: Moment, *, holds: bool | None = None
) -> datetime | None:
    """Return the first instant after now at which time alone may change the answer; None: never.

    Between days that is only when an event that lies ahead comes to count. Whoever knows the answer
    of now says whether it `holds`, which spares most of the judging.
    """
    turns = [_next_day(condition, facts, moment.in_workspace, frozenset(), holds)]
    turns += _events_ahead(condition, facts, moment)
    return min((turn for turn in turns if turn is not None), default=None)


def _within(expr: Expr, program: Program, seen: set[str]) -> Iterator[Expr]:
    """Yield everything in an expression, and in the segments that it refers to."""
    for node in nodes(expr):
        yield node
        if isinstance(node, InSegment) and node.segment not in seen:
            seen.add(node.segment)
            if node.segment in program.segments:
                yield from _within(program.segments[node.segment].condition, program, seen)


def _reads_time(node: Expr) -> bool:
    match node:
        case Today() | Now():
            return True
        case Apply(operator):
            return operator in _DAY_FUNCTIONS
        case Aggregate(window=Last() | This()):
            return True
        case _:
            return False


def _events_ahead(condition: Expr, facts: Facts, moment: Moment) -> Iterator[datetime]:
    for name in _events_asked(condition, moment.program):
        yield from (at for at in _times(facts, name) if at > moment.now)


@kept_by_identity
def _events_asked(condition: Expr, program: Program) -> frozenset[str]:
    return frozenset(
        node.source.event
        for node in _within(condition, program, set())
        if isinstance(node, Aggregate) and isinstance(node.source, EventSource)
    )


def _times(facts: Facts, name: str) -> Iterator[datetime]:
    events = facts.get("events")
    found = events.get(name) if isinstance(events, Mapping) else None
    for event in found if isinstance(found, list | tuple) else ():
        at = event.get("time") if isinstance(event, Mapping) else None
        if isinstance(at, datetime):
            yield as_instant(at)


# --- conditions ----------------------------------------------------------------------------------


def _next_day(
    expr: Expr,
    facts: Facts,
    moment: Moment,
    segments: frozenset[str],
    holds: bool | None = None,
) -> datetime | None:
    """Return the first instant of the day on which a condition may turn."""
    match expr:
        case Not(operand):
            return _next_day(operand, facts, moment, segments, None if holds is None else not holds)
        case AllOf(operands) | AnyOf(operands):
            decisive = isinstance(expr, AnyOf)
            if holds is not None and holds is not decisive:
                return _of_all(operands, facts, moment, segments, holds)
            return _of_several(operands, decisive, facts, moment, segments)
        case InSegment(name):
            segment = moment.program.segments.get(name)
            if segment is None or name in segments:
                return None
            return _next_day(segment.condition, facts, moment, segments | {name})
        case Apply(operator) if operator in _COMPARISONS and not _asks_lists(expr):
            return _of_comparison(expr, facts, moment)
        case _:
            return _of_any(expr, facts, moment, segments)


def _of_all(
    operands: Iterable[Expr],
    facts: Facts,
    moment: Moment,
    segments: frozenset[str],
    holds: bool,
) -> datetime | None:
    """Of operands that all hold, or none of which does, the first to turn counts."""
    turns = [_next_day(operand, facts, moment, segments, holds) for operand in operands]
    return min((turn for turn in turns if turn is not None), default=None)


def _of_several(
    operands: Iterable[Expr],
    decisive: bool,
    facts: Facts,
    moment: Moment,
    segments: frozenset[str],
) -> datetime | None:
    """Of operands, one that is `decisive` decides alone: the last of those to turn counts then."""
    deciding: list[datetime | None] = []
    others: list[datetime] = []
    for operand in operands:
        turn = _next_day(operand, facts, moment, segments)
        if judge(operand, Scope(facts, moment, segments=segments)) is decisive:
            if turn is None:
                return None
            deciding.append(turn)
        elif turn is not None:
            others.append(turn)
    if deciding:
        return max(turn for turn in deciding if turn is not None)
    return min(others, default=None)


def _of_comparison(comparison: Apply, facts: Facts, moment: Moment) -> datetime | None:
    """Two values of which one grows beside the other are in each order once."""
    left, right = (_course(argument) for argument in comparison.arguments)
    if (left, right) == (_STAYS, _STAYS):
        return None
    if left is None or right is None or left * right > 0:
        return _in_days(1, moment)
    furthest = _until_anniversary(comparison, facts, moment)
    try:
        turn = _bisected(lambda days: _order(comparison, facts, _on(days, moment)), furthest)
    except OverflowError:
        return _in_days(1, moment)
    if turn is None:
        return None if furthest == _FURTHEST else _in_days(furthest + 1, moment)
    return _in_days(turn, moment)


def _until_anniversary(comparison: Apply, facts: Facts, moment: Moment) -> int:
    """Return how many days ahead values can be followed: up to an anniversary they only fall."""
    found = [
        evaluate(node, Scope(facts, moment))
        for node in nodes(comparison)
        if isinstance(node, Apply) and node.operator == "days_until"
    ]
    return min((days for days in found if days is not MISSING), default=_FURTHEST)


def _order(comparison: Apply, facts: Facts, moment: Moment) -> Any:
    """Return what changes but once, or once in each direction, as one value passes another."""
    scope = Scope(facts, moment)
    if comparison.operator != "=":
        return evaluate(comparison, scope)
    a, b = (evaluate(argument, scope) for argument in comparison.arguments)
    if a is MISSING or b is MISSING:
        return None
    if isinstance(a, datetime) != isinstance(b, datetime):
        a, b = (v if isinstance(v, datetime) else start_of(moment, v) for v in (a, b))
    return (a > b) - (a < b)


def _bisected(order: Callable[[int], Any], furthest: int) -> int | None:
    """Return the first day on which the order is another; None: not within `furthest` days."""
    if furthest == 0:
        return None
    now, low, high = order(0), 0, 1
    while order(min(high, furthest)) == now:
        if high >= furthest:
            return None
        low, high = high, high * 4
    high = min(high, furthest)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if order(middle) == now else (low, middle)
    return high


@kept_by_identity
def _course(expr: Expr) -> _Course:
    """Return how a value goes as days pass."""
    match expr:
        case Today():
            return _GROWS
        case Apply("days_since" | "years_since", (operand,)):
            return _GROWS if _course(operand) == _STAYS else None
        case Apply("days_until", (operand,)):
            return _FALLS if _course(operand) == _STAYS else None
        case Apply("neg", (operand,)):
            return _turned(_course(operand))
        case Apply("+", (left, right)):
            return _together([_course(left), _course(right)])
        case Apply("-", (left, right)):
            return _together([_course(left), _turned(_course(right))])
        case Apply("round" | "least" | "greatest", operands):
            return _together([_course(operand) for operand in operands])
        case _:
            return None if any(_reads_time(node) for node in nodes(expr)) else _STAYS


def _turned(course: _Course) -> _Course:
    return None if course is None else -course


def _together(courses: Iterable[_Course]) -> _Course:
    different = {course for course in courses if course != _STAYS}
    return different.pop() if len(different) == 1 else (None if different else _STAYS)


@kept_by_identity
def _asks_lists(expr: Expr) -> bool:
    return any(isinstance(node, Aggregate | InSegment) for node in nodes(expr))


# --- anything else -------------------------------------------------------------------------------


def _of_any(expr: Expr, facts: Facts, moment: Moment, segments: frozenset[str]) -> datetime | None:
    """Return when some part may be another."""
    turns: list[datetime | None] = []
    match expr:
        case Aggregate(source=EventSource(event), window=window) if window is not None:
            start = moment.start_of(window)
            counted = [
                at
                for at in _times(facts, event)
                if at <= moment.now and (start is None or at >= start)
            ]
            known = facts.get("measures")
            kept = None if known is None else first_kept(expr, known, moment)
            if kept is not None:
                counted.append(kept)
            if not counted:
                return None
            turns.append(_of_window(window, min(counted), moment))
            turns.append(_of_where(expr, moment))
        case Aggregate():
            turns.append(_of_where(expr, moment))
        case Today() | Now():
            return _in_days(1, moment)
        case Apply(operator, operands):
            if operator in _DAY_FUNCTIONS:
                return _in_days(1, moment)
            turns += [_of_any(operand, facts, moment, segments) for operand in operands]
        case Const() | Ref():
            return None
        case _:
            return _next_day(expr, facts, moment, segments)
    return min((turn for turn in turns if turn is not None), default=None)


def _of_where(aggregate: Aggregate, moment: Moment) -> datetime | None:
    if aggregate.where is None or not changes_by_time(aggregate.where, moment.program):
        return None
    return _in_days(1, moment)


def _of_window(window: Any, oldest: datetime, moment: Moment) -> datetime | None:
    """Return the day on which the oldest event in a window is no longer in it."""
    today = moment.today
    try:
        match window:
            case Last(unit="minute" | "hour"):
                return _in_days(1, moment)
            case Last(count, unit):
                day = moment.local(oldest).date()
                leaves = _around(day, count, unit)
                while first_day_of_last(count, unit, leaves) <= day:
                    leaves += timedelta(days=1)
            case This(unit):
                leaves = today + timedelta(days=1)
                while first_day_of(unit, leaves) == first_day_of(unit, today):
                    leaves += timedelta(days=1)
            case _:
                return None
        return moment.first_instant(max(leaves, today + timedelta(days=1)))
    except OverflowError:
        return None


def _around(day: date, count: int, unit: str) -> date:
    """Return a day shortly before the one on which `day` leaves `last COUNT UNITs`."""
    if unit in ("day", "week"):
        return day + timedelta(days=count * (7 if unit == "week" else 1) - 1)
    return add_months(day, count * (12 if unit == "year" else 1)) - timedelta(days=4)


def _on(days: int, moment: Moment) -> Moment:
    if days == 0:
        return moment
    first = moment.first_instant(moment.today + timedelta(days=days))
    return Moment(first, moment.zone, moment.program)


def _in_days(days: int, moment: Moment) -> datetime | None:
    try:
        return moment.first_instant(moment.today + timedelta(days=days))
    except OverflowError:
        return None
