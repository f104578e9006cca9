"""Distances in words: "needs 2 more orders", "7.40 USD short", "3 days too early"."""

from typing import Any

from dsl.core import Aggregate, Apply, Expr
from dsl.explanation.english import Voice, things
from dsl.explanation.targets import is_whole
from dsl.explanation.wording import counted, in_words, length_of, plain, plural
from dsl.values import family

# What these count grows (or shrinks) as time goes by.
_WITH_TIME = {
    "days_since": ("day", 1),
    "years_since": ("year", 1),
    "hour": ("hour", 1),
    "days_until": ("day", -1),
}


def gap(subject: Expr, by: Any, voice: Voice, rough: Any = None) -> str:
    """Say how far a value is off. `rough` is the distance to a bound that itself would not do."""
    if (length := _in_time(subject, by)) is not None:
        return f"{length[0]} too {'early' if length[1] > 0 else 'late'}"
    size = _size(subject, by, voice, rough)
    match family(subject.kind):
        case "money":
            return f"{size} {'short' if by > 0 else 'too much'}"
        case "duration":
            return f"{size} too {'short' if by > 0 else 'long'}"
        case _ if by > 0:
            return f"needs {size} more{_things(subject, by)}"
        case _:
            return f"{size}{_things(subject, by)} too {'many' if is_whole(by) else 'much'}"


def spare(subject: Expr, by: Any, voice: Voice, rough: Any = None) -> str:
    """Say how much a value that will do can change before it would not."""
    if (length := _in_time(subject, by)) is not None:
        return f"would fail {length[0]} {'later' if length[1] > 0 else 'earlier'}"
    size = _size(subject, by, voice, rough)
    match family(subject.kind):
        case "money":
            word = "more" if by > 0 else "less"
        case "duration":
            word = "longer" if by > 0 else "shorter"
        case _:
            word = "more" if by > 0 else "fewer" if is_whole(by) else "less"
    return f"would fail with {size} {word}{_things(subject, by)}"


def _in_time(subject: Expr, by: Any) -> tuple[str, int] | None:
    """Return a distance in time, and whether it is forward; None for what is no time."""
    sign = 1 if by > 0 else -1
    match family(subject.kind), subject:
        case "date", _:
            return counted(abs(by), "day"), sign
        case "time", _:
            return length_of(60 * by), sign
        case "timestamp", _:
            return length_of(by), sign
        case _, Apply(name) if name in _WITH_TIME:
            unit, direction = _WITH_TIME[name]
            return counted(abs(by), unit), sign * direction
        case _:
            return None


def _size(subject: Expr, by: Any, voice: Voice, rough: Any) -> str:
    if rough is not None:
        return f"more than {_number(subject, rough, voice)}" if rough else "a little"
    return _number(subject, by, voice)


def _number(subject: Expr, by: Any, voice: Voice) -> str:
    match family(subject.kind):
        case "money":
            return in_words(abs(by), subject.kind, currency=voice.currency)
        case "duration":
            return length_of(by)
        case _:
            return plain(abs(by)) + ("%" if str(subject.kind) == "percent" else "")


def _things(subject: Expr, by: Any) -> str:
    if not (isinstance(subject, Aggregate) and subject.function == "count"):
        return ""
    one = things(subject)
    return f" {one if abs(by) == 1 else plural(one)}"
