"""Days, windows and clocks, in zones whose clocks change."""

from datetime import UTC, date, datetime, timedelta

import pytest

from dsl.clauses import Length
from dsl.core import Ever, Last, Since, This
from dsl.moment import Moment, add, add_to_date, next_clock
from dsl.program import Program
from dsl.zones import find_zone, instant_of, local_of, of_ms, offset_at, offset_ms_at, to_ms

ODD_ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
    "America/Sao_Paulo",
    "Africa/Casablanca",
    "Pacific/Apia",
]


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


def wall(text):
    return datetime.fromisoformat(text)


def moment(now, zone="UTC"):
    return Moment(now, zone, Program(zone="UTC"))


@pytest.mark.parametrize(
    ("window", "start"),
    [
        (Last(1, "day"), utc(2026, 3, 18)),
        (Last(90, "day"), utc(2025, 12, 19)),
        (Last(2, "week"), utc(2026, 3, 5)),
        (Last(1, "month"), utc(2026, 2, 19)),
        (This("day"), utc(2026, 3, 18)),
        (This("week"), utc(2026, 3, 16)),
        (This("month"), utc(2026, 3, 1)),
        (This("year"), utc(2026, 1, 1)),
        (Since("2026-02-03"), utc(2026, 2, 3)),
        (Ever(), None),
        (Last(2, "hour"), utc(2026, 3, 18, 13, 30, 0, 1000)),
        (Last(999_999, "month"), None),
    ],
)
def test_a_window_starts_with_a_whole_day_or_an_exact_instant(window, start):
    assert moment(utc(2026, 3, 18, 15, 30)).start_of(window) == start


def test_the_same_day_of_a_shorter_month_is_its_last():
    assert moment(utc(2026, 3, 31)).start_of(Last(1, "month")) == utc(2026, 3, 1)


def test_today_is_the_day_of_the_zone():
    now = utc(2026, 3, 1, 3)

    assert moment(now, "America/New_York").today == date(2026, 2, 28)
    assert moment(now, "America/New_York").start_of(This("month")) == utc(2026, 2, 1, 5)
    assert moment(now, "Pacific/Kiritimati").today == date(2026, 3, 1)


def test_a_day_whose_midnight_is_skipped_starts_at_the_next_valid_instant():
    skipped = moment(utc(2018, 11, 4, 12), "America/Sao_Paulo")

    assert skipped.start_of(This("day")) == utc(2018, 11, 4, 3)


def test_now_is_kept_to_the_millisecond():
    assert moment(utc(2026, 1, 1, 0, 0, 0, 123_999)).now == utc(2026, 1, 1, 0, 0, 0, 123_000)


def test_a_wall_clock_time_in_a_gap_is_the_next_valid_instant():
    assert instant_of(wall("2026-03-29T02:30"), "Europe/Berlin") == utc(2026, 3, 29, 1)
    assert instant_of(wall("2026-10-04T02:10"), "Australia/Lord_Howe") == utc(2026, 10, 3, 15, 30)


def test_a_wall_clock_time_that_occurs_twice_is_the_first():
    assert instant_of(wall("2026-10-25T02:30"), "Europe/Berlin") == utc(2026, 10, 25, 0, 30)


def test_a_skipped_day_is_an_empty_one():
    # Samoa had no 30 December 2011.
    assert instant_of(wall("2011-12-30T12:00"), "Pacific/Apia") == utc(2011, 12, 30, 10)
    assert instant_of(wall("2011-12-31T00:00"), "Pacific/Apia") == utc(2011, 12, 30, 10)


@pytest.mark.parametrize("zone", ODD_ZONES)
def test_the_list_of_offsets_is_the_zone(zone):
    step = timedelta(hours=1009, milliseconds=7)
    instant = utc(1890, 1, 1)
    while instant < utc(2210, 1, 1):
        assert timedelta(milliseconds=offset_ms_at(to_ms(instant), zone)) == offset_at(
            instant, zone
        )
        instant += step


@pytest.mark.parametrize(
    "name", ["Europe", "Mars/Base", "../etc/passwd", "", "a\0b", "Europe/Berln"]
)
def test_an_unknown_zone_is_none_and_counts_as_utc(name):
    assert find_zone(name) is None
    assert local_of(utc(2026, 1, 1), name) == wall("2026-01-01T00:00")


def test_instants_survive_as_milliseconds():
    assert of_ms(to_ms(utc(1969, 12, 31, 23, 59, 59, 999_000))) == utc(
        1969, 12, 31, 23, 59, 59, 999_000
    )


@pytest.mark.parametrize(
    ("today", "birthday", "days"),
    [
        ((2026, 3, 1), date(1980, 3, 1), 0),
        ((2026, 3, 1), date(1980, 3, 4), 3),
        ((2026, 3, 1), date(1980, 2, 28), 364),
        ((2026, 2, 28), date(1980, 2, 29), 0),
        ((2028, 2, 28), date(1980, 2, 29), 1),
        ((2027, 3, 1), date(1980, 2, 29), 365),
    ],
)
def test_days_until_the_next_anniversary(today, birthday, days):
    assert moment(utc(*today, 12)).days_until(birthday) == days


@pytest.mark.parametrize(
    ("today", "birthday", "years"),
    [
        ((2026, 2, 28), date(2000, 2, 29), 26),
        ((2026, 2, 27), date(2000, 2, 29), 25),
        ((2028, 2, 28), date(2000, 2, 29), 27),
        ((2026, 3, 1), date(2026, 3, 1), 0),
        ((2026, 3, 1), date(2026, 3, 2), -1),
    ],
)
def test_years_since_counts_anniversaries(today, birthday, years):
    assert moment(utc(*today)).years_since(birthday) == years


def test_months_and_years_follow_the_calendar():
    assert add(utc(2026, 1, 31, 9), Length(1, "month"), "UTC") == utc(2026, 2, 28, 9)
    assert add(utc(2024, 2, 29), Length(1, "year"), "UTC") == utc(2025, 2, 28)
    assert add_to_date(date(2026, 1, 31), Length(1, "month")) == date(2026, 2, 28)
    assert add_to_date(date(2026, 1, 31), Length(-1, "day")) == date(2026, 1, 30)
    # 09:00 in Berlin stays 09:00, over the change of its clocks.
    assert add(utc(2026, 3, 1, 8), Length(1, "month"), "Europe/Berlin") == utc(2026, 4, 1, 7)


def test_days_are_exactly_24_hours_long():
    assert add(utc(2026, 3, 28, 12), Length(1, "day"), "Europe/Berlin") == utc(2026, 3, 29, 12)


def test_the_next_clock_time_is_strictly_later():
    berlin = "Europe/Berlin"

    assert next_clock(utc(2026, 1, 1, 8), "09:00", berlin) == utc(2026, 1, 2, 8)
    assert next_clock(utc(2026, 1, 1, 7, 59), "09:00", berlin) == utc(2026, 1, 1, 8)
    assert next_clock(utc(2026, 1, 1), "09:00", berlin, "monday") == utc(2026, 1, 5, 8)
    assert next_clock(utc(2026, 3, 28, 12), "02:30", berlin) == utc(2026, 3, 29, 1)
