"""What cells say, as values: text of CSV and values of JSON alike."""

from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from dsl.kinds import Kind, ListOf, Money, Simple
from engine.incoming import Mismatch, instant, stored
from services.cells import BETWEEN
from services.importing.mapping import Refused, Source

_TRUE = frozenset(("true", "yes", "1"))
_FALSE = frozenset(("false", "no", "0"))


def text(value: Any, field: str) -> str:
    """Return text; a number of JSON is taken as it is written."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise Refused(field, "INVALID", "must be text")
    return value.strip()


def flag(value: Any, field: str) -> bool:
    """Return true or false."""
    if isinstance(value, bool):
        return value
    said = str(value).strip().lower()
    if said not in _TRUE | _FALSE:
        raise Refused(
            field,
            "INVALID",
            "must be true or false",
            'say with "values" in the mapping what stands for them: {"J": true, "N": false}',
        )
    return said in _TRUE


def day(value: Any, field: str, source: Source) -> date:
    """Return a date, written as the mapping says, else as 2026-03-01."""
    said = text(value, field)
    try:
        if source.format:
            return datetime.strptime(said, source.format).date()  # noqa: DTZ007
        return date.fromisoformat(said[:10]) if said[10:11] in ("", "T", " ") else _no(said)
    except ValueError:
        raise Refused(
            field, "INVALID", f"must be a date like {_like(source, '2026-03-01')}", _FORM
        ) from None


def moment(value: Any, field: str, source: Source, zone: ZoneInfo) -> datetime:
    """Return an instant. One without an offset is taken in the workspace's zone."""
    said = text(value, field)
    try:
        if source.format:
            when = datetime.strptime(said, source.format)  # noqa: DTZ007
        else:
            when = datetime.fromisoformat(said)
        return instant(when if when.tzinfo else when.replace(tzinfo=zone), (field,))
    except (ValueError, Mismatch):
        like = _like(source, "2026-03-01T09:00:00Z")
        raise Refused(field, "INVALID", f"must be a time like {like}", _FORM) from None


_FORM = 'say with "format" in the mapping how dates are written: "%d.%m.%Y"'


def tags(value: Any, field: str) -> tuple[str, ...]:
    """Return texts, in a cell with | between them."""
    parts = value if isinstance(value, list) else text(value, field).split(BETWEEN)
    return tuple(dict.fromkeys(found for part in parts if (found := text(part, field))))


def declared(
    value: Any, kind: Kind | None, field: str, source: Source, currency: str, zone: ZoneInfo
) -> Any:
    """Return the stored form of what the rules declare; raises Refused. Undeclared is text."""
    if kind is None:
        return value
    if isinstance(value, str):
        value = _from_text(value, kind, field, source, zone)
    try:
        return stored(value, kind, currency, tuple(field.split(".")))
    except Mismatch as error:
        raise Refused(".".join(error.path), "INVALID", error.reason) from None


def sent(value: Any, kind: Kind | None, field: str, source: Source, zone: ZoneInfo) -> Any:
    """Return what a cell says as JSON of the declared type would, to be checked with the rest."""
    if kind is None or not isinstance(value, str):
        return value
    return _from_text(value, kind, field, source, zone)


def _from_text(said: str, kind: Kind, field: str, source: Source, zone: ZoneInfo) -> Any:
    match kind:
        case Simple("number" | "percent" | "duration"):
            return _number(said, field, source)
        case Simple("bool"):
            return flag(said, field)
        case Simple("date"):
            return day(said, field, source).isoformat()
        case Simple("timestamp"):
            return moment(said, field, source, zone)
        case Money():
            return _decimal(said, source)
        case ListOf(element):
            return [
                _from_text(part.strip(), element, field, source, zone)
                for part in said.split(BETWEEN)
                if part.strip()
            ]
        case _:
            return said


def _number(said: str, field: str, source: Source) -> int | float:
    try:
        number = Decimal(_decimal(said, source))
    except InvalidOperation:
        raise Refused(
            field,
            "INVALID",
            "must be a number",
            'say with "decimal": "," in the mapping if decimals follow a comma',
        ) from None
    if not number.is_finite() or abs(number.adjusted()) > 300:
        raise Refused(field, "INVALID", "must be a finite number")
    return int(number) if number == number.to_integral_value() else float(number)


def _decimal(said: str, source: Source) -> str:
    return said.replace(".", "").replace(",", ".") if source.decimal == "," else said


def _like(source: Source, example: str) -> str:
    return source.format or example


def _no(said: str) -> date:
    raise ValueError(said)
