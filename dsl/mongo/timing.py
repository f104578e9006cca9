"""What dsl.timing finds for one user's facts, roughly and for all users at once.

Never later than dsl.timing, but often earlier: whoever is then looked at gets the exact day.
"""

from dataclasses import replace
from datetime import datetime, timedelta

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
    Ref,
    This,
)
from dsl.kinds import TIMESTAMP
from dsl.moment import Moment, first_day_of
from dsl.mongo.expressions import condition, expression
from dsl.mongo.measured import first_day_kept, is_ahead, live_measures
from dsl.mongo.places import Place
from dsl.mongo.terms import Code, all_of, any_of, let, literal, when
from dsl.timing import changes_by_time

_DAY_MS = 86_400_000
_DAYS = {"day": 1, "week": 7, "month": 28, "year": 365}
# Days are not all of one length, and the oldest event was somewhere within its own.
_SLACK_MS = 2 * _DAY_MS
_DAY_FUNCTIONS = frozenset({"days_until", "days_since", "years_since"})


def next_change(expr: Expr, place: Place) -> Code:
    """Return an instant before which time does not turn a condition; null, or None: never."""
    program = place.moment.program
    if not changes_by_time(expr, program):
        return None
    match expr:
        case Not(operand):
            return next_change(operand, place)
        case AllOf() | AnyOf():
            return _of_several(expr, place)
        case InSegment(name):
            return _of_segment(name, place)
        case Apply(operator, (Apply(function, (Ref() as ref,)), limit)) if operator in (
            "=",
            "<",
            "<=",
            ">",
            ">=",
        ) and isinstance(limit, Const):
            return _of_days(function, ref, limit, place)
        case _:
            return _of_any(expr, place)


def _of_several(expr: AllOf | AnyOf, place: Place) -> Code:
    program = place.moment.program
    timed = [one for one in expr.operands if changes_by_time(one, program)]
    steady = [condition(one, place) for one in expr.operands if not changes_by_time(one, program)]
    turn = _least([next_change(one, place) for one in timed])
    if not steady or turn is None:
        return turn
    # What decides and stays leaves nothing to wait for.
    if isinstance(expr, AllOf):
        return when(all_of(steady), turn)
    return when(any_of(steady), None, turn)


def _of_segment(name: str, place: Place) -> Code:
    segment = place.moment.program.segments.get(name)
    if segment is None or name in place.segments:
        return None
    inside = place.segments | {name}
    within = replace(place, moment=place.moment.in_workspace, segments=inside)
    return next_change(segment.condition, within)


def _least(turns: list[Code]) -> Code:
    found = [turn for turn in turns if turn is not None]
    return ({"$min": found} if len(found) > 1 else found[0]) if found else None


def _of_days(function: str, ref: Ref, limit: Const, place: Place) -> Code:
    """Return when the days to or since a stored day can pass a number."""
    days = Apply(function, (ref,), limit.kind)
    if function not in _DAY_FUNCTIONS:
        return _of_any(days, place)
    if isinstance(limit.value, bool) or not isinstance(limit.value, int | float):
        return _tomorrow(place.moment)
    wanted = literal(int(limit.value))

    def until(n: Code) -> Code:
        ahead = {"$subtract": [n, wanted]}
        return _after_days(when({"$gt": [ahead, 1]}, ahead, 1), place.moment)

    def since(n: Code) -> Code:
        left = {"$subtract": [wanted, n]}
        turn = _after_days(when({"$gt": [left, 1]}, left, 1), place.moment)
        return when({"$gt": [n, {"$add": [wanted, 1]}]}, None, turn)

    def years(_: Code) -> Code:
        anniversary = expression(Apply("days_until", (ref,), limit.kind), place).code
        return let(anniversary, lambda n: _after_days(when({"$gt": [n, 1]}, n, 1), place.moment))

    turn = {"days_until": until, "days_since": since, "years_since": years}[function]
    code = expression(days, place).code
    return let(code, lambda n: when({"$ne": [n, None]}, turn(n)))


def _of_any(expr: Expr, place: Place) -> Code:
    """Return when some part may be another."""
    match expr:
        case Aggregate(source=EventSource(event), window=Last() | This() as window):
            oldest = _oldest(expr, event, place)
            if expr.where is not None and changes_by_time(expr.where, place.moment.program):
                return when({"$ne": [oldest, None]}, _tomorrow(place.moment))
            return let(oldest, lambda at: when({"$ne": [at, None]}, _of_window(window, at, place)))
        case AllOf() | AnyOf() | Not() | InSegment():
            return next_change(expr, place)
        case Apply(operator, operands) if operator not in _DAY_FUNCTIONS:
            return _least([_of_any(one, place) for one in operands])
        case _:
            timed = changes_by_time(expr, place.moment.program)
            return _tomorrow(place.moment) if timed else None


def _oldest(aggregate: Aggregate, event: str, place: Place) -> Code:
    """Return when the oldest event in a window was, or the date of its day; null: there is none."""
    measures = live_measures(aggregate, place)
    kept = first_day_kept(aggregate, measures, place) if measures else None
    if measures and not place.layout.ahead:
        return kept
    every = Aggregate("min", EventSource(event), ("time",), None, aggregate.window, TIMESTAMP)
    found = expression(every, place).code
    return when(is_ahead(place), found, kept) if measures else found


def _of_window(window: Last | This, oldest: Code, place: Place) -> Code:
    if isinstance(window, This):
        return literal(_next_unit(window.unit, place.moment))
    if window.unit not in _DAYS:
        return _tomorrow(place.moment)
    length = window.count * _DAYS[window.unit] * _DAY_MS - _SLACK_MS
    return {"$max": [_tomorrow(place.moment), {"$add": [oldest, length]}]}


def _next_unit(unit: str, moment: Moment) -> datetime:
    day = moment.today
    while first_day_of(unit, day) == first_day_of(unit, moment.today):
        day += timedelta(days=1)
    return moment.first_instant(day)


def _after_days(days: Code, moment: Moment) -> Code:
    """Return the beginning of a day so many ahead, or a little earlier, but not today."""
    ahead = {"$subtract": [{"$multiply": [days, _DAY_MS]}, _SLACK_MS]}
    today = literal(moment.first_instant(moment.today))
    return {"$max": [_tomorrow(moment), {"$add": [today, ahead]}]}


def _tomorrow(moment: Moment) -> Code:
    return literal(moment.first_instant(moment.today + timedelta(days=1)))
