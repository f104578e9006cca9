"""Scalars from outside: what is taken, what is not, and how it comes back."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from models.errors import Invalid, NotFound
from schema.ids import from_global, split_global, to_global
from schema.paging import asked_for, from_cursor, to_cursor
from schema.scalars import SCALARS, URL


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (datetime, "2026-11-22T10:00:00Z", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        (datetime, "2026-11-22T11:00:00+01:00", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        (datetime, "2026-11-22T10:00:00.5Z", datetime(2026, 11, 22, 10, 0, 0, 500_000, UTC)),
        (date, "2026-02-28", date(2026, 2, 28)),
        (Decimal, "-12.50", Decimal("-12.50")),
        (Decimal, "0", Decimal(0)),
        (URL, "https://example.test/a?b", "https://example.test/a?b"),
    ],
)
def test_good_values_are_read(kind: Any, text: str, value: Any) -> None:
    parse = SCALARS[kind].parse_value
    assert parse is not None

    assert parse(text) == value


@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        (datetime, "2026-11-22T10:00:00"),
        (datetime, "noon"),
        (datetime, 5),
        (datetime, "2026-W48-7T10:00:00Z"),
        (datetime, "20261122T100000Z"),
        (datetime, "2026-11-22 10:00:00Z"),
        (datetime, "2026-11-22T10:00Z"),
        (datetime, "2026-11-22T10:00:00,5Z"),
        (datetime, "2026-11-22T10:00:00+01:00:30"),
        (datetime, "2026-11-22T25:00:00Z"),
        (datetime, "9999-12-31T23:59:59-01:00"),
        (date, "2026-W48-7"),
        (date, "٢٠٢٦-11-22"),
        (date, "2026-02-30"),
        (date, "20260228"),
        (date, None),
        (Decimal, "NaN"),
        (Decimal, "1e999999"),
        (Decimal, "Infinity"),
        (Decimal, "1."),
        (Decimal, ".5"),
        (Decimal, "١٢"),
        (Decimal, "--1"),
        (Decimal, 1.5),
        (Decimal, "9" * 41),
        (URL, "javascript:alert(1)"),
        (URL, "https://"),
        (URL, "example.test"),
        (URL, "https://example.test/a b"),
        (URL, "https://example.test/\r\nx"),
        (URL, "https://example.test:99999/"),
    ],
)
def test_bad_values_are_not(kind: Any, bad: Any) -> None:
    parse = SCALARS[kind].parse_value
    assert parse is not None

    with pytest.raises(ValueError):  # noqa: PT011 each says something else
        parse(bad)


def test_answers_are_in_utc_and_in_plain_digits() -> None:
    zone = datetime.fromisoformat("2026-11-22T11:00:00.250+01:00")

    assert SCALARS[datetime].serialize(zone) == "2026-11-22T10:00:00.250000Z"
    assert SCALARS[Decimal].serialize(Decimal("1E+3")) == "1000"


def test_a_global_id_names_its_type() -> None:
    text = to_global("User", "01abc")

    assert split_global(text) == ("User", "01abc")
    with pytest.raises(NotFound):
        from_global("Campaign", text)


@pytest.mark.parametrize("text", ["", "x", "%%%", "VXNlcg", "VXNlcjo", "é", "A" * 999])
def test_anything_else_names_nothing(text: str) -> None:
    with pytest.raises(NotFound):
        split_global(text)


def test_a_cursor_comes_back_as_its_position() -> None:
    assert from_cursor(to_cursor(("2026", "é|x")), 2) == ("2026", "é|x")


@pytest.mark.parametrize("cursor", ["", "x", "W10", "WzFd", "bnVsbA"])
def test_a_forged_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid):
        from_cursor(cursor, 1)


@pytest.mark.parametrize(
    "arguments", [(0, None, None, None), (101, None, None, None), (-1, None, None, None)]
)
def test_a_page_has_a_size(arguments: Any) -> None:
    with pytest.raises(Invalid, match="between 1 and 100"):
        asked_for(*arguments)


def test_a_page_has_one_direction() -> None:
    with pytest.raises(Invalid, match="not both"):
        asked_for(5, None, 5, None)
