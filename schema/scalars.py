"""Scalars that GraphQL lacks, and money."""

import datetime
import decimal
import re
from typing import Any, NewType
from urllib.parse import urlsplit

import orjson
import strawberry
from strawberry.types.scalar import ScalarDefinition

# How answers are written: a time that stands in a JSON scalar is RFC 3339 in UTC like any other.
WRITING = orjson.OPT_UTC_Z

JSON = NewType("JSON", object)
URL = NewType("URL", str)


# Python reads other forms of ISO 8601, too, as weeks: what those say is easily misunderstood.
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DATETIME = re.compile(_DATE.pattern + r"T\d\d:\d\d:\d\d(\.\d{1,20})?(Z|[+-]\d\d:\d\d)", re.ASCII)


def _parse_datetime(value: object) -> datetime.datetime:
    if not isinstance(value, str) or not _DATETIME.fullmatch(value):
        raise ValueError("a DateTime is RFC 3339 text with a zone, as 2026-11-22T10:00:00Z")
    try:
        return datetime.datetime.fromisoformat(value).astimezone(datetime.UTC)
    except OverflowError as error:
        raise ValueError("a DateTime lies between the years 1 and 9999 in UTC") from error


def _print_datetime(value: datetime.datetime) -> str:
    # Several times as fast as isoformat, but it leaves other zones as they are.
    text = orjson.dumps(value, option=orjson.OPT_UTC_Z)[1:-1].decode()
    return text if text[-1] == "Z" else _print_datetime(value.astimezone(datetime.UTC))


def _parse_date(value: object) -> datetime.date:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise ValueError("a Date is YYYY-MM-DD")
    return datetime.date.fromisoformat(value)


def _parse_decimal(value: object) -> decimal.Decimal:
    # Only plain digits: exponents and NaN have no place in prices.
    if not isinstance(value, str) or len(value) > 40:
        raise ValueError('a Decimal is text, as "12.50"')
    whole, _, fraction = value.removeprefix("-").partition(".")
    if not (whole.isdecimal() and whole.isascii()) or (
        "." in value and not (fraction.isdecimal() and fraction.isascii())
    ):
        raise ValueError('a Decimal is plain digits, as "12.50"')
    return decimal.Decimal(value)


def _parse_url(value: object) -> URL:
    if not isinstance(value, str) or len(value) > 2_000:
        raise ValueError("a URL is text of at most 2,000 characters")
    if not value.isprintable() or " " in value:
        raise ValueError("a URL has no spaces and no control characters")
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError("a URL starts with http:// or https:// and names a host")
    return URL(value)


def _same(value: Any) -> Any:
    return value


def _print_decimal(value: decimal.Decimal) -> str:
    return f"{value:f}"


# What StrawberryConfig.scalar_map binds Python types to.
SCALARS: dict[object, ScalarDefinition] = {
    datetime.datetime: strawberry.scalar(
        name="DateTime",
        description="An instant, as RFC 3339 text with a zone. Answers are in UTC.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
        serialize=_print_datetime,
        parse_value=_parse_datetime,
    ),
    datetime.date: strawberry.scalar(
        name="Date",
        description="A calendar day, as YYYY-MM-DD.",
        specified_by_url="https://scalars.graphql.org/andimarek/local-date",
        serialize=datetime.date.isoformat,
        parse_value=_parse_date,
    ),
    decimal.Decimal: strawberry.scalar(
        name="Decimal",
        description="An exact decimal number, as text of plain digits.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259#section-6",
        serialize=_print_decimal,
        parse_value=_parse_decimal,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=_same,
        parse_value=_same,
    ),
    URL: strawberry.scalar(
        name="URL",
        description="An absolute http or https address.",
        specified_by_url="https://url.spec.whatwg.org/",
        serialize=str,
        parse_value=_parse_url,
    ),
}


@strawberry.type(description="An amount of money.")
class Money:
    amount: decimal.Decimal = strawberry.field(description="In the currency's main unit.")
    currency: str = strawberry.field(description="The ISO 4217 code, as EUR.")
