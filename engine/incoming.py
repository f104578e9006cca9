"""What a source sends, checked against what is declared, and brought into stored form."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, assert_never

from dsl.kinds import Kind, ListOf, Money, Record, Simple, Text
from dsl.money import to_minor

LONGEST_TEXT = 10_000
MOST_ELEMENTS = 1_000
MOST_FIELDS = 200
DEEPEST = 8
_LARGEST = 2**63 - 1
# Also half a surrogate pair has no form in which it could be stored.
_KEY = re.compile(r"[^$.\x00\ud800-\udfff]{1,100}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d\d:\d\d", re.ASCII)


class Mismatch(Exception):
    """A value is not what is declared: where, and in what way."""

    def __init__(self, path: tuple[str, ...], reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{'.'.join(path)}: {reason}")


def stored_record(
    data: Mapping[str, Any], record: Record, currency: str, path: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return declared fields in stored form and others as they are. Raises Mismatch.

    A null is the same as nothing. `currency` is the workspace's.
    """
    if len(data) > MOST_FIELDS:
        raise Mismatch(path, f"more than {MOST_FIELDS} fields")
    kinds = dict(record.fields)
    kept: dict[str, Any] = {}
    for key, value in data.items():
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise Mismatch((*path, str(key)[:100]), "not an acceptable name of a field")
        where = (*path, key)
        if value is not None:
            kind = kinds.get(key)
            kept[key] = (
                _plain(value, where) if kind is None else stored(value, kind, currency, where)
            )
    return kept


def stored(value: Any, kind: Kind, currency: str, path: tuple[str, ...]) -> Any:
    """Return a value in the stored form of its type. Raises Mismatch."""
    match kind:
        case Text(options):
            return _text(value, options, path)
        case Money(own):
            return _money(value, own or currency, path)
        case Simple(name):
            return _simple(value, name, path)
        case ListOf(element):
            if not isinstance(value, list | tuple):
                raise Mismatch(path, f"must be a list, not {_named(value)}")
            if len(value) > MOST_ELEMENTS:
                raise Mismatch(path, f"has more than {MOST_ELEMENTS} elements")
            return [
                stored(part, element, currency, (*path, str(place)))
                for place, part in enumerate(value)
            ]
        case Record():
            if not isinstance(value, Mapping):
                raise Mismatch(path, f"must be an object, not {_named(value)}")
            return stored_record(value, kind, currency, path)
        case _:
            assert_never(kind)


def _text(value: Any, options: tuple[str, ...] | None, path: tuple[str, ...]) -> str:
    if not isinstance(value, str):
        raise Mismatch(path, f"must be text, not {_named(value)}")
    if len(value) > LONGEST_TEXT:
        raise Mismatch(path, f"is longer than {LONGEST_TEXT} characters")
    if options is not None and value not in options:
        raise Mismatch(path, f"must be one of {', '.join(options)}")
    return _encodable(value, path)


def _money(value: Any, currency: str, path: tuple[str, ...]) -> int:
    if isinstance(value, Mapping):
        if value.get("currency") != currency:
            raise Mismatch((*path, "currency"), f"must be {currency}")
        value = value.get("amount")
        path = (*path, "amount")
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise Mismatch(path, f"must be an amount of {currency}, not {_named(value)}")
    try:
        # The shortest text that reads back as the same float is what the sender wrote.
        exact = Decimal(repr(value)) if isinstance(value, float) else value
        return to_minor(exact, currency)
    except (ValueError, ArithmeticError) as error:
        raise Mismatch(path, str(error)) from None


def _simple(value: Any, name: str, path: tuple[str, ...]) -> Any:
    match name:
        case "number" | "percent" | "duration":
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise Mismatch(path, f"must be a number, not {_named(value)}")
            return _number(value, path)
        case "bool":
            if not isinstance(value, bool):
                raise Mismatch(path, f"must be true or false, not {_named(value)}")
            return value
        case "date":
            return _read(value, path, _DATE, date.fromisoformat, "a date like 2026-03-01")
        case "time":
            return _read(value, path, _TIME, time.fromisoformat, "a time like 09:00")
        case _:
            return instant(value, path)


def instant(value: Any, path: tuple[str, ...]) -> datetime:
    """Return an RFC 3339 time as an aware datetime in UTC, to the millisecond. Raises Mismatch."""
    try:
        when = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        if when.tzinfo is None:
            raise ValueError
        when = when.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        raise Mismatch(path, "must be a time like 2026-03-01T09:00:00Z") from None
    return when.replace(microsecond=when.microsecond // 1000 * 1000)


def _read(value: Any, path: tuple[str, ...], form: re.Pattern[str], read: Any, what: str) -> str:
    try:
        if not form.fullmatch(value):
            raise ValueError
        read(value)
    except (ValueError, TypeError):
        raise Mismatch(path, f"must be {what}") from None
    return str(value)


def _number(value: float, path: tuple[str, ...]) -> int | float:
    if isinstance(value, float) and not math.isfinite(value):
        raise Mismatch(path, "must be a finite number")
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise Mismatch(path, "is too large a number")
    return value


def _plain(value: Any, path: tuple[str, ...]) -> Any:
    """Return an undeclared value as it came, if it can be kept at all."""
    if len(path) > DEEPEST:
        raise Mismatch(path, "is nested too deeply")
    match value:
        case bool() | None:
            return value
        case str():
            return _text(value, None, path)
        case int() | float():
            return _number(value, path)
        case Mapping():
            return stored_record(value, Record(()), "", path)
        case list() | tuple():
            if len(value) > MOST_ELEMENTS:
                raise Mismatch(path, f"has more than {MOST_ELEMENTS} elements")
            return [_plain(part, (*path, str(place))) for place, part in enumerate(value)]
        case _:
            raise Mismatch(path, f"cannot be {_named(value)}")


def _encodable(value: str, path: tuple[str, ...]) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Mismatch(path, "is not proper text: it holds half a surrogate pair") from None
    return value


def _named(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case str():
            return "text"
        case int() | float():
            return "a number"
        case list() | tuple():
            return "a list"
        case Mapping():
            return "an object"
        case _:
            return type(value).__name__
