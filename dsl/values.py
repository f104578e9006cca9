"""Values as they are stored and read: what is of another type than declared is MISSING."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from enum import Enum
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final, assert_never

from dsl.kinds import Kind, ListOf, Money, Record, Simple, Text
from dsl.money import LARGEST


class Missing(Enum):
    """The value of a fact that is absent or unusable, and of what is computed from it."""

    MISSING = "missing"

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing.MISSING

# The largest double. A stored NaN or infinity is no number, nor is a result beyond this.
LARGEST_NUMBER = 1.7976931348623157e308
# Sums of numbers are sums of integers of this fraction, so that no order of events changes them.
MICRO = 1e6
# A longer text never matches a pattern.
LONGEST_SUBJECT = 10 * 1024
LONGEST_PATTERN = 256

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_FIFTEEN = Context(prec=15)


def family(kind: Kind) -> str:
    """Return what a type is to operators: options, currencies and elements make no difference."""
    match kind:
        case Text():
            return "text"
        case Money():
            return "money"
        case ListOf():
            return "list"
        case Record():
            return "record"
        case Simple("percent"):
            return "number"
        case Simple(name):
            return name
        case _:
            assert_never(kind)


def read(raw: Any, kind: Kind) -> Any:  # noqa: C901, PLR0911 - one case per type
    """Return a stored value as one of this type, or MISSING. Never raises, whatever is stored."""
    match kind:
        case Text(options):
            known = isinstance(raw, str) and (options is None or raw in options)
            return raw if known else MISSING
        case Money():
            return raw if is_integer(raw) else MISSING
        case ListOf(element):
            if not isinstance(raw, list | tuple):
                return MISSING
            return [item for item in (read(one, element) for one in raw) if item is not MISSING]
        case Record():
            return raw if isinstance(raw, Mapping) else MISSING
        case Simple("bool"):
            return raw if isinstance(raw, bool) else MISSING
        case Simple("date"):
            return raw if isinstance(raw, str) and is_date(raw) else MISSING
        case Simple("time"):
            return raw if isinstance(raw, str) and _TIME.fullmatch(raw) else MISSING
        case Simple("timestamp"):
            return as_instant(raw) if isinstance(raw, datetime) else MISSING
        case Simple():
            return raw if is_number(raw) else MISSING
        case _:
            assert_never(kind)


def is_integer(raw: Any) -> bool:
    """Whether this is an integer that MongoDB can hold; true and false are not."""
    return isinstance(raw, int) and not isinstance(raw, bool) and -LARGEST - 1 <= raw <= LARGEST


def is_number(raw: Any) -> bool:
    """Whether this is a finite double or an integer that MongoDB can hold."""
    return math.isfinite(raw) if isinstance(raw, float) else is_integer(raw)


@lru_cache(maxsize=65_536)
def is_date(text: str) -> bool:
    """Whether this is a day of the calendar, written YYYY-MM-DD."""
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def as_instant(stored: datetime) -> datetime:
    """Return a stored timestamp in UTC, to the millisecond, as MongoDB keeps it."""
    if stored.tzinfo is not UTC:
        try:
            stored = stored.replace(tzinfo=UTC) if stored.tzinfo is None else stored.astimezone(UTC)
        except OverflowError:  # the first or last hours of the calendar
            stored = stored.replace(tzinfo=UTC)
    excess = stored.microsecond % 1000
    return stored - timedelta(microseconds=excess) if excess else stored


def walk(base: Any, path: Sequence[str]) -> Any:
    """Follow a path of field names into nested documents; MISSING where there is no such field."""
    for name in path:
        if not isinstance(base, Mapping):
            return MISSING
        base = base.get(name, MISSING)
    return base


# --- arithmetic: the same to the last bit in MongoDB ---------------------------------------------


def finite(result: float) -> Any:
    """Return a result of arithmetic, or MISSING where it is beyond the numbers."""
    return result if math.isfinite(result) else MISSING


def integer(result: int) -> Any:
    """Return an amount of money, or MISSING where it is more than MongoDB can hold."""
    return result if -LARGEST - 1 <= result <= LARGEST else MISSING


def round_double(number: float) -> float:
    """Round to the nearest whole number, halves away from zero."""
    whole = math.trunc(number)
    if abs(number - whole) >= 0.5:
        whole += 1 if number > 0 else -1
    return float(whole)


def micros(number: float) -> Any:
    """Return a number as an integer of 10⁻⁶, or MISSING where that does not fit 64 bits."""
    scaled = float(number) * MICRO
    if not abs(scaled) < LARGEST:
        return MISSING
    return int(round_double(scaled))


def exact(number: float) -> Fraction:
    """Return the number that a person means by a double: 0.285 is 285/1000.

    Integers are themselves; doubles their first fifteen digits, as MongoDB's $toDecimal has it.
    """
    if isinstance(number, int):
        return Fraction(number)
    return Fraction(_FIFTEEN.create_decimal(Decimal(number)))


def shift(instant_ms: int, seconds: float) -> int | None:
    """Return milliseconds since 1970 moved by seconds, or None where they are too many to count."""
    ms = float(seconds) * 1000.0
    return instant_ms + int(round_double(ms)) if abs(ms) < 2.0**53 else None
