"""The value nearest to a bound that would do, and how far that is from the one there is."""

import math
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from dsl.core import Aggregate, Apply, Expr
from dsl.functions import day_of, start_of
from dsl.moment import Moment
from dsl.values import MISSING, family, read
from dsl.zones import MILLISECOND

# What these give is whole, and between these (None: without end).
_WHOLE = {
    "count": (0, None),
    "distinct": (0, None),
    "length": (0, None),
    "hour": (0, 23),
    "days_until": (0, 365),
    "days_since": (None, None),
    "years_since": (None, None),
    "round": (None, None),
}


def range_of(subject: Expr) -> tuple[int | None, int | None] | None:
    """Return between what the whole numbers lie that an expression gives; None if not whole."""
    match subject:
        case Aggregate(name) | Apply(name):
            return _WHOLE.get(name)
        case _:
            return None


def nearest(
    subject: Expr, bound: Any, seen: Any, accepts: Callable[[Any], bool], moment: Moment
) -> Any:
    """Return the first value about a bound that the subject can have and that does, or MISSING."""
    for candidate in _candidates(subject, bound, seen, moment):
        if read(candidate, subject.kind) is not MISSING and accepts(candidate):
            return candidate
    return MISSING


def distance(seen: Any, to: Any, subject: Expr) -> Any:
    """Return how far it is from one value to another, or None where that cannot be said.

    In the unit of the stored form; in days between dates, in minutes between times of day, in
    seconds between instants.
    """
    if seen is MISSING or to is MISSING:
        return None
    match family(subject.kind):
        case "money":
            return to - seen
        case "number" | "duration":
            return _difference(seen, to)
        case "date":
            return (day_of(to) - day_of(seen)).days
        case "time":
            return _minutes(to) - _minutes(seen)
        case "timestamp":
            return (to - seen).total_seconds()
        case _:
            return None


def _candidates(subject: Expr, bound: Any, seen: Any, moment: Moment) -> Iterable[Any]:
    match family(subject.kind):
        case "money":
            return (bound, bound + 1, bound - 1)
        case "number" | "duration":
            return _numbers(subject, bound, seen)
        case "date":
            day = day_of(bound) if isinstance(bound, str) else moment.local(bound).date()
            return [found.isoformat() for found in _around(day, timedelta(days=1))]
        case "timestamp":
            instant = start_of(moment, bound) if isinstance(bound, str) else bound
            return _around(instant, MILLISECOND)
        case "time":
            minute = _minutes(bound)
            near = (m for m in (minute, minute + 1, minute - 1) if 0 <= m < 1440)
            return [f"{m // 60:02}:{m % 60:02}" for m in near]
        case "bool":
            return (True, False)
        case _:
            return (bound,)


def _numbers(subject: Expr, bound: int | float, seen: Any) -> Iterable[int | float]:
    whole = range_of(subject)
    if whole is not None:
        low, high = whole
        floor, ceiling = math.floor(bound), math.ceil(bound)
        near = (floor, ceiling, ceiling + 1, floor - 1)
        return [n for n in near if (low is None or n >= low) and (high is None or n <= high)]
    steps: tuple[int | float, ...] = ()
    if is_whole(bound) and (seen is MISSING or is_whole(seen)):
        bound = int(bound)
        steps = (bound + 1, bound - 1)
    try:
        exact = float(bound)
    except OverflowError:
        return (bound,)
    return (bound, *steps, math.nextafter(exact, math.inf), math.nextafter(exact, -math.inf))


def is_whole(number: int | float) -> bool:
    """Whether a number has no decimals."""
    return isinstance(number, int) or (number.is_integer() and abs(number) < 2**53)


def _around(middle: Any, step: timedelta) -> list[Any]:
    found: list[Any] = [middle]
    for sign in (1, -1):
        try:
            found.append(middle + sign * step)
        except OverflowError:
            continue
    return found


def _difference(seen: int | float, to: int | float) -> int | float | None:
    if isinstance(seen, int) and isinstance(to, int):
        return to - seen
    by = float(to) - float(seen)
    if not math.isfinite(by):
        return None
    # The noise of binary fractions is not worth telling.
    by = float(f"{by:.15g}")
    return int(by) if is_whole(by) else by


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def magnitude(seen: Any, to: Any, by: Any) -> float:
    """Return how large a change is beside what it changes, to tell the cheaper of two."""
    match to:
        case _ if by is None:
            return math.inf
        case datetime():
            scale = 30 * 86_400.0
        case str():
            scale = 1440.0 if ":" in to else 30.0
        case _:
            scale = max(abs(float(to)), abs(float(seen)), 1.0)
    return float(abs(by)) / scale
