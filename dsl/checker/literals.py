"""Literals to their stored form: amounts, shares, counts, lengths, instants."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import available_timezones

from dsl import nodes
from dsl.checker.report import Report
from dsl.checker.scopes import Scope
from dsl.checker.suggestions import did_you_mean
from dsl.clauses import Amount, Length
from dsl.core import Const
from dsl.diagnostics import Span
from dsl.kinds import (
    BOOL,
    DATE,
    DURATION,
    NUMBER,
    PERCENT,
    TEXT,
    TIME,
    TIMESTAMP,
    Money,
)
from dsl.money import CURRENCIES, decimals, to_minor
from dsl.zones import find_zone, first_instant, instant_of

SECONDS = {"minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
# Nobody waits longer, and every calendar can count so far.
MOST_YEARS = 100
MOST_OF_UNIT = {
    "minute": MOST_YEARS * 366 * 24 * 60,
    "hour": MOST_YEARS * 366 * 24,
    "day": MOST_YEARS * 366,
    "week": MOST_YEARS * 53,
    "month": MOST_YEARS * 12,
    "year": MOST_YEARS,
}


def stored_number(value: Decimal) -> int | float:
    """Return a number as it is stored: whole numbers as integers."""
    return int(value) if value == value.to_integral_value() else float(value)


def count(node: nodes.Number, report: Report, what: str, least: int = 1) -> int:
    """Return a whole number of something, or the least there may be if it is not one."""
    value = node.value
    if value != value.to_integral_value():
        report.error("E229", node.span, f"{what} must be a whole number")
        return least
    if value < least:
        report.error("E229", node.span, f"{what} must be at least {least}")
        return least
    return int(value)


def share(node: nodes.Percent, report: Report, what: str) -> Decimal:
    """Return a percentage, which must not be more than the whole."""
    value = node.number.value
    if value > 100:
        report.error("E246", node.span, f"{what} cannot be more than 100%")
        return Decimal(100)
    return value


def amount(node: nodes.Money, report: Report) -> Amount | None:
    """Return money in minor units, or None for an unknown currency or too many decimals."""
    if not knows_currency(node.currency, node.span, report):
        return None
    value = node.number.value
    places = decimals(node.currency)
    try:
        return Amount(to_minor(value, node.currency), node.currency)
    except ValueError:
        most = f"at most {places} decimals" if places else "no decimals"
        message = f"an amount in {node.currency} has {most}"
        report.error("E223", node.span, message, f"write {value:.{places}f} {node.currency}")
        return None


def knows_currency(currency: str, span: Span, report: Report) -> bool:
    """Whether ISO 4217 has the currency; if not, say so."""
    if currency in CURRENCIES:
        return True
    hint = f"write {currency.upper()}" if currency.upper() in CURRENCIES else ""
    hint = hint or did_you_mean(currency, CURRENCIES)
    report.error("E222", span, f"there is no currency {currency}", hint)
    return False


def length(node: nodes.Duration, report: Report) -> Length:
    """Return a length of time, whole and at least one of its unit."""
    value = count(node.count, report, "a length of time")
    if value > MOST_OF_UNIT[node.unit]:
        report.error("E229", node.span, f"no length of time may exceed {MOST_YEARS} years")
        value = 1
    return Length(value, node.unit)


def clock(value: time) -> str:
    return value.strftime("%H:%M")


def instant(value: datetime, zone: str) -> datetime:
    """Return a time in UTC, read in the zone where no offset was written."""
    if value.tzinfo is not None:
        return value.astimezone(UTC)
    return instant_of(value, zone)


def start_of(node: nodes.Date | nodes.Timestamp, zone: str) -> datetime:
    """Return the first instant of a date, or the instant that was written."""
    match node:
        case nodes.Date(value=day):
            return first_instant(day, zone)
        case nodes.Timestamp(value=value):
            return instant(value, zone)


def end_of(node: nodes.Date | nodes.Timestamp, zone: str) -> datetime:
    """Return where a window ends: a date's day is still in it."""
    match node:
        case nodes.Date(value=day):
            return first_instant(day if day == date.max else day + timedelta(days=1), zone)
        case nodes.Timestamp(value=value):
            return instant(value, zone)


def zone_name(node: nodes.Text | None, report: Report) -> str | None:
    """Return a time zone's name, or None if none is given or there is no such zone."""
    if node is None or find_zone(node.value) is not None:
        return None if node is None else node.value
    hint = did_you_mean(node.value, available_timezones()) or 'such as "Europe/Berlin"'
    report.error("E245", node.span, f'there is no time zone "{node.value}"', hint)
    return None


def lowered(node: nodes.Literal, scope: Scope) -> Const | None:  # noqa: C901, PLR0911 - one case each
    """Return a literal other than a list as an expression, or None if it cannot be one."""
    report, span = scope.world.report, node.span
    match node:
        case nodes.Number():
            return Const(stored_number(node.value), NUMBER, span=span)
        case nodes.Percent(number=written):
            return Const(stored_number(written.value), PERCENT, span=span)
        case nodes.Money(currency=currency):
            if (money := amount(node, report)) is None:
                return None
            scope.currencies.note(currency, span)
            return Const(money.minor, Money(currency), span=span)
        case nodes.Text(value=value):
            return Const(value, TEXT, span=span)
        case nodes.Date(value=day):
            return Const(day.isoformat(), DATE, span=span)
        case nodes.Time(value=value):
            return Const(clock(value), TIME, span=span)
        case nodes.Timestamp(value=value):
            return Const(instant(value, scope.zone), TIMESTAMP, span=span)
        case nodes.Duration(unit=unit):
            time_span = length(node, report)
            seconds = SECONDS.get(unit)
            stored = time_span if seconds is None else time_span.count * seconds
            return Const(stored, DURATION, span=span)
        case nodes.Bool(value=value):
            return Const(value, BOOL, span=span)
        case nodes.List():
            raise TypeError("a list is lowered element by element")
