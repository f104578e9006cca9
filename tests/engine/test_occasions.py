"""When triggers start by the clock, also where clocks are changed and months are short."""

from datetime import UTC, datetime, timedelta

import pytest

import dsl
from dsl.program import Program
from dsl.triggers import Trigger
from engine.occasions import Place, next_occasion, places


def checked(start: str) -> tuple[Trigger, Program]:
    source = f'trigger t {{ {start}  then {{ tag "x" }} }}'
    program = dsl.check(
        [dsl.SourceFile("t.rules", source)], dsl.Settings(zone="Europe/Berlin", currency="EUR")
    ).program
    assert program is not None
    return program.triggers["t"], program


def coming(start: str, zone: str, after: str, count: int = 3) -> list[str]:
    """Return the next occasions: what clocks are to show, and the instant in UTC."""
    trigger, _ = checked(start)
    at = datetime.fromisoformat(after).replace(tzinfo=UTC)
    found = []
    for _ in range(count):
        occasion = next_occasion(trigger, Place(zone, own=True), at)
        if occasion is None:
            break
        found.append(f"{occasion.local:%m-%d %H:%M} {occasion.at:%m-%dT%H:%M}")
        at = occasion.at
    return found


@pytest.mark.parametrize(
    ("start", "zone", "after", "expected"),
    [
        (
            "every day at 09:00 in user timezone",
            "Europe/Berlin",
            "2026-03-28T09:00",
            ["03-29 09:00 03-29T07:00", "03-30 09:00 03-30T07:00"],
        ),
        # Berlin's clocks skip from 02:00 to 03:00, and show 02:30 twice in autumn.
        (
            "every day at 02:30 in user timezone",
            "Europe/Berlin",
            "2026-03-28T12:00",
            ["03-29 02:30 03-29T01:00", "03-30 02:30 03-30T00:30"],
        ),
        (
            "every day at 02:30 in user timezone",
            "Europe/Berlin",
            "2026-10-24T12:00",
            ["10-25 02:30 10-25T00:30", "10-26 02:30 10-26T01:30"],
        ),
        (
            "every day at 02:30 in user timezone",
            "America/New_York",
            "2026-03-07T12:00",
            ["03-08 02:30 03-08T07:00", "03-09 02:30 03-09T06:30"],
        ),
        (
            "every day at 01:30 in user timezone",
            "America/New_York",
            "2026-10-31T12:00",
            ["11-01 01:30 11-01T05:30", "11-02 01:30 11-02T06:30"],
        ),
        # Lord Howe's change is half an hour: 02:00 becomes 02:30, and 01:30 to 02:00 come twice.
        (
            "every day at 02:15 in user timezone",
            "Australia/Lord_Howe",
            "2026-10-03T00:00",
            ["10-04 02:15 10-03T15:30", "10-05 02:15 10-04T15:15"],
        ),
        (
            "every day at 01:45 in user timezone",
            "Australia/Lord_Howe",
            "2026-04-04T00:00",
            ["04-05 01:45 04-04T14:45", "04-06 01:45 04-05T15:15"],
        ),
        # Kiritimati is a day ahead of Honolulu, at the same hour.
        (
            "every day at 00:00 in user timezone",
            "Pacific/Kiritimati",
            "2026-03-01T00:00",
            ["03-02 00:00 03-01T10:00", "03-03 00:00 03-02T10:00"],
        ),
        (
            "every week on monday at 18:00 in user timezone",
            "Asia/Kolkata",
            "2026-03-02T12:30",
            ["03-09 18:00 03-09T12:30", "03-16 18:00 03-16T12:30"],
        ),
        (
            "every month on 31 at 10:00 in user timezone",
            "UTC",
            "2027-12-31T10:00",
            ["01-31 10:00 01-31T10:00", "02-29 10:00 02-29T10:00", "03-31 10:00 03-31T10:00"],
        ),
        (
            "every month on 30 at 10:00 in user timezone",
            "UTC",
            "2026-01-30T10:00",
            ["02-28 10:00 02-28T10:00", "03-30 10:00 03-30T10:00"],
        ),
        (
            "at 2026-03-01T09:00 in user timezone",
            "Asia/Tokyo",
            "2026-02-01T00:00",
            ["03-01 09:00 03-01T00:00"],
        ),
        ("at 2026-03-01T09:00 in user timezone", "Asia/Tokyo", "2026-03-01T00:00", []),
    ],
)
def test_occasions_follow_the_clocks_of_their_zone(start, zone, after, expected):
    assert coming(start, zone, after, max(len(expected), 1)) == expected


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_every_date_of_a_year_has_one_occasion(zone):
    trigger, _ = checked("every day at 02:10 in user timezone")
    at, dates = datetime(2025, 12, 31, 23, tzinfo=UTC), []
    while len(dates) < 366:
        occasion = next_occasion(trigger, Place(zone, own=True), at)
        assert occasion is not None
        assert occasion.at > at
        at = occasion.at
        dates.append(occasion.local.date())

    assert dates == [dates[0] + timedelta(days=number) for number in range(366)]


def test_those_whose_zone_is_unknown_have_the_workspaces():
    trigger, program = checked("every day at 09:00 in user timezone")

    found = places(trigger, program, ["Asia/Tokyo", "Mars/Olympus"])

    assert found == [Place("Asia/Tokyo", own=True), Place("Europe/Berlin", own=True)]


@pytest.mark.parametrize(
    ("start", "zone"),
    [
        ("every day at 09:00", "Europe/Berlin"),
        ('every day at 09:00 in "Asia/Tokyo"', "Asia/Tokyo"),
        ("at 2026-03-01T09:00+08:00", "Europe/Berlin"),
    ],
)
def test_without_a_zone_for_each_everyone_starts_at_one_instant(start, zone):
    trigger, program = checked(start)

    assert places(trigger, program, ["Asia/Kolkata"]) == [Place(zone, own=False)]


def test_an_offset_makes_a_time_an_instant():
    trigger, program = checked("at 2026-03-01T09:00+08:00")
    (place,) = places(trigger, program, [])

    occasion = next_occasion(trigger, place, datetime(2026, 2, 1, tzinfo=UTC))

    assert occasion is not None
    assert occasion.at == datetime(2026, 3, 1, 1, tzinfo=UTC)
