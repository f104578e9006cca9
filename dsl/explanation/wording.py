"""Values, lengths of time and events as people say them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from dsl.clauses import Length
from dsl.core import Ever, Last, Since, This, Window
from dsl.kinds import DURATION, PERCENT, Kind, ListOf, Money
from dsl.money import to_text
from dsl.spelling import write_text
from dsl.values import MISSING
from dsl.zones import local_of, offset_at

MOST_LISTED = 6

_UNITS = (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))
_IRREGULAR = frozenset(("bought", "sent", "seen", "read", "left", "won", "lost", "made", "paid"))


def counted(number: int | float, noun: str) -> str:
    """Return a number of things: "1 day", "3 days"."""
    return f"{plain(number)} {noun if number == 1 else plural(noun)}"


def plural(noun: str) -> str:
    """Return the plural of an English noun; other scripts have none."""
    if not noun[-1:].isascii() or noun.endswith("s"):
        return noun
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("x", "ch", "sh")) else f"{noun}s"


def noun_of(event: str) -> str:
    """Return what one event of a name is called: `review_posted` is a posted review."""
    *words, last = event.split("_")
    if not words:
        return event
    thing = " ".join(words)
    if last == "placed":
        return thing
    if last.endswith("ed") or last in _IRREGULAR:
        return f"{last} {thing}"
    return f"{thing} {last}"


def plain(number: int | float) -> str:
    """Return a number without needless decimals."""
    if isinstance(number, float) and number.is_integer() and abs(number) < 2**53:
        number = int(number)
    return str(number) if isinstance(number, int) else f"{number:.15g}"


def length_of(seconds: int | float) -> str:
    """Return a length of time in its two largest units: "2 days 3 hours"."""
    rest, parts = round(abs(seconds)), []
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(counted(count, unit))
        elif parts:
            break
    return " ".join(parts[:2]) or "less than a second"


def exact_length(seconds: int | float) -> str:
    """Return a length of time in the largest unit that it is a whole number of."""
    unit, size = next(
        ((unit, size) for unit, size in _UNITS if seconds and seconds % size == 0), ("second", 1)
    )
    return counted(seconds / size, unit)


def in_words(value: Any, kind: Kind, *, currency: str = "", zone: str = "UTC") -> str:  # noqa: PLR0911
    """Return a value of this type, in stored form, as a person would write it in a rule.

    `currency` is that of money whose currency the type leaves open.
    """
    match value, kind:
        case _ if value is MISSING:
            return "not known"
        case list() | tuple(), _:
            element = kind.element if isinstance(kind, ListOf) else kind
            shown = (in_words(one, element, currency=currency, zone=zone) for one in value)
            return listed(shown, len(value))
        case bool(), _:
            return "true" if value else "false"
        case int(), Money(own):
            code = own or currency
            return f"{to_text(value, code)} {code}".rstrip()
        case Length(count, unit), _:
            return counted(count, unit)
        case int() | float(), _ if kind == DURATION:
            return exact_length(value)
        case int() | float(), _:
            return f"{plain(value)}%" if kind == PERCENT else plain(value)
        case datetime(), _:
            return _instant(value, zone)
        case str(), _:
            return value if str(kind) in ("date", "time") else write_text(value)
        case _:
            return "known"


def listed(words: Iterable[str], count: int, joint: str = "and") -> str:
    """Join words as prose does, so many of them at most: `a, b and 7 more`."""
    shown = list(islice(words, MOST_LISTED))
    if count > MOST_LISTED:
        shown.append(f"{count - MOST_LISTED} more")
    if not shown:
        return "nothing"
    *front, last = shown
    return f"{', '.join(front)} {joint} {last}" if front else last


def _instant(value: datetime, zone: str) -> str:
    if value.tzinfo is None:
        return value.isoformat(timespec="minutes")
    local, ahead = local_of(value, zone), offset_at(value, zone)
    precise = local.second or local.microsecond
    text = local.isoformat(timespec="seconds" if precise else "minutes")
    if not ahead:
        return f"{text}Z"
    minutes = abs(ahead) // timedelta(minutes=1)
    return f"{text}{'+' if ahead > timedelta(0) else '-'}{minutes // 60:02}:{minutes % 60:02}"


def window_in_words(window: Window | None) -> str:
    """Return what a window adds to a sentence, with a space before it."""
    match window:
        case None:
            return ""
        case Last(1, "day") | This("day"):
            return " today"
        case Last(1, unit):
            return f" in the last {unit}"
        case Last(count, unit):
            return f" in the last {counted(count, unit)}"
        case This(unit):
            return f" this {unit}"
        case Since(day):
            return f" since {day}"
        case Ever():
            return " at any time"
