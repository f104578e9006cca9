"""What operators and functions compute, in Python. Arguments are never missing, results may be."""

import math
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import re2

from dsl.clauses import Length
from dsl.moment import WEEKDAYS, Moment, add, add_to_date
from dsl.money import divide_half_away
from dsl.values import (
    LONGEST_PATTERN,
    LONGEST_SUBJECT,
    MISSING,
    exact,
    finite,
    integer,
    round_double,
    shift,
)
from dsl.zones import of_ms, to_ms


@lru_cache(maxsize=65_536)
def day_of(text: str) -> date:
    """Return the day that a date's stored form names."""
    return date.fromisoformat(text)


def start_of(moment: Moment, day: str) -> datetime:
    """Return a date's first instant in the moment's zone."""
    return moment.first_instant(day_of(day))


# --- arithmetic ----------------------------------------------------------------------------------


def add_numbers(a: float, b: float) -> Any:
    return finite(float(a) + float(b))


def subtract_numbers(a: float, b: float) -> Any:
    return finite(float(a) - float(b))


def multiply_numbers(a: float, b: float) -> Any:
    return finite(float(a) * float(b))


def divide_numbers(a: float, b: float) -> Any:
    return finite(float(a) / float(b)) if b != 0 else MISSING


def round_number(number: float) -> float:
    """Round to a whole number, halves away from zero."""
    return number if isinstance(number, int) else round_double(number)


def scale(minor: int, number: float) -> Any:
    """Multiply money by a number, rounding half away from zero."""
    factor = exact(number)
    return integer(divide_half_away(minor * factor.numerator, factor.denominator))


def shrink(minor: int, number: float) -> Any:
    """Divide money by a number, rounding half away from zero; by zero it is MISSING."""
    divisor = exact(number)
    if divisor == 0:
        return MISSING
    return integer(divide_half_away(minor * divisor.denominator, divisor.numerator))


def move_instant(instant: datetime, by: float, sign: int) -> Any:
    """Move an instant by seconds."""
    try:
        ms = shift(to_ms(instant), sign * by)
        return MISSING if ms is None else of_ms(ms)
    except OverflowError:
        return MISSING


def move_date(day: str, by: float, sign: int) -> Any:
    """Move a date by seconds, of which only whole days count."""
    try:
        ordinal = day_of(day).toordinal() + math.floor(sign * float(by) / 86_400.0)
        return date.fromordinal(ordinal).isoformat()
    except (OverflowError, ValueError):
        return MISSING


def move_instant_by_calendar(moment: Moment, instant: datetime, by: Length, sign: int) -> Any:
    """Move an instant by months or years of the moment's zone."""
    try:
        return add(instant, Length(sign * by.count, by.unit), moment.zone)
    except OverflowError:
        return MISSING


def move_date_by_calendar(day: str, by: Length, sign: int) -> Any:
    """Move a date by months or years."""
    try:
        return add_to_date(day_of(day), Length(sign * by.count, by.unit)).isoformat()
    except OverflowError:
        return MISSING


# --- text ----------------------------------------------------------------------------------------


def matches(text: str, pattern: str) -> bool:
    """Whether an RE2 pattern is found anywhere in a text of at most 10 KiB."""
    compiled = _compile(pattern)
    if compiled is None:
        return False
    try:
        subject = text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which no stored text has
        return False
    return len(subject) <= LONGEST_SUBJECT and compiled.search(subject) is not None


@lru_cache(maxsize=1024)
def _compile(pattern: str) -> Any:
    if len(pattern) > LONGEST_PATTERN:  # only a stored one: the checker sees to those of rules
        return None
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern.encode(), options)
    except (re2.error, UnicodeEncodeError):
        return None


# --- days ----------------------------------------------------------------------------------------


def days_since(moment: Moment, day: str) -> int:
    return moment.days_since(day_of(day))


def days_since_instant(moment: Moment, instant: datetime) -> int:
    return moment.days_since(moment.local(instant).date())


def weekday(day: str) -> str:
    return WEEKDAYS[day_of(day).weekday()]


def weekday_of_instant(moment: Moment, instant: datetime) -> str:
    return WEEKDAYS[moment.local(instant).weekday()]
