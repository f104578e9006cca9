"""From JSON, as the outside writes it, to the stored form that rules read (dsl.kinds), and back."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from dsl import MISSING
from dsl.kinds import DURATION, NUMBER, PERCENT, TIMESTAMP, Kind, ListOf, Money, Record
from dsl.money import to_minor, to_text
from dsl.zones import instant_of


def stored(raw: Any, kind: Kind, *, currency: str, zone: str) -> Any:
    """Return a value of JSON in stored form, or MISSING where it is of another type.

    `currency` is that of money whose currency the type leaves open, `zone` that of timestamps
    without an offset.
    """
    match kind:
        case Money():
            return _money(raw, kind.currency or currency)
        case ListOf(element):
            if not isinstance(raw, list):
                return MISSING
            return [stored(each, element, currency=currency, zone=zone) for each in raw]
        case Record():
            return record(raw, kind, currency=currency, zone=zone)
        case _ if kind == TIMESTAMP:
            return _instant(raw, zone)
        case _ if kind in (NUMBER, PERCENT, DURATION):
            return plain_number(raw)
        case _:
            return raw if isinstance(raw, str | bool) else MISSING


def record(raw: Any, kind: Record, *, currency: str, zone: str) -> Any:
    """Return the declared fields of an object in stored form, without those of another type."""
    if not isinstance(raw, Mapping):
        return MISSING
    found = {
        name: stored(raw[name], field, currency=currency, zone=zone)
        for name, field in kind.fields
        if raw.get(name) is not None
    }
    return {name: value for name, value in found.items() if value is not MISSING}


def shown(value: Any, kind: Kind, currency: str) -> Any:
    """Return a value in stored form as the outside reads it: money as decimal text, times in UTC.

    What is missing is None.
    """
    match value, kind:
        case _ if value is MISSING:
            return None
        case int(), Money(own) if not isinstance(value, bool):
            return to_text(value, own or currency)
        case list() | tuple(), ListOf(element):
            return [shown(each, element, currency) for each in value]
        case Mapping(), _:
            fields = dict(kind.fields) if isinstance(kind, Record) else {}
            return {
                name: shown(value[name], fields[name], currency) for name in value if name in fields
            }
        case datetime(), _:
            return value.isoformat().replace("+00:00", "Z")
        case _:
            return value


def plain_number(raw: Any) -> Any:
    """Return a number of JSON as an integer or a double, or MISSING."""
    if isinstance(raw, Decimal):
        return float(raw)
    return raw if isinstance(raw, int | float) and not isinstance(raw, bool) else MISSING


def instant(text: str, zone: str) -> datetime:
    """Return the instant that RFC 3339 text names; without an offset it is in `zone`.

    Raises ValueError.
    """
    read = datetime.fromisoformat(text)
    return instant_of(read, zone) if read.tzinfo is None else read.astimezone(UTC)


def _money(raw: Any, currency: str) -> Any:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float | Decimal):
        return MISSING
    try:
        return to_minor(str(raw) if isinstance(raw, float) else raw, currency)
    except ValueError:
        return MISSING


def _instant(raw: Any, zone: str) -> Any:
    if not isinstance(raw, str):
        return MISSING
    try:
        return instant(raw, zone)
    except (ValueError, OverflowError):
        return MISSING
