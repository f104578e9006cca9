"""The clock is set forward or back while time passes: each occurrence has one end all the same."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from engine.journeys import CATCH_UP
from tests.services.passing import pass_time

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
)
RULES = """
trigger night { every day at 02:30 in user timezone then { tag "night" } }
trigger morning { every day at 09:00 in user timezone then { tag "morning" } }
"""
START = datetime(2026, 10, 3, 12, tzinfo=UTC)  # on Lord Howe clocks are changed that night


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("after", "jump"),
    [
        (3.25, 2 * HOUR),  # past the change of clocks
        (4, -HOUR),  # to before it, again
        (19.5, -HOUR),  # to before nine in Berlin, again
        (3, 24 * HOUR),
    ],
)
async def test_each_occurrence_ends_once_however_the_clock_jumps(shop, jump, after):
    shop.clock.business = START
    await shop.publish(RULES)
    for zone in ZONES:
        await shop.person(zone, timezone=zone)

    await pass_time(shop, hours=after)
    set_to = shop.clock.business + jump
    shop.clock.business = set_to
    await pass_time(shop, hours=49 - after)

    occurrences = await shop.stores.occurrences.documents.find().to_list()
    over = [each for each in occurrences if each["state"] != "planned"]
    kept_back = [each for each in over if each["state"] == "missed"]
    assert {each["state"] for each in over} <= {"done", "missed"}
    # Only what has come to be too late at the jump is missed.
    assert all(each["at"] < set_to - CATCH_UP for each in kept_back)
    for name in ("night", "morning"):
        dates = Counter(
            (each["zone"], each["local"][:10]) for each in over if name == each["trigger"]
        )
        assert {zone for zone, _ in dates} >= {*ZONES}
        for zone in ZONES:
            days = sorted(datetime.fromisoformat(day) for own, day in dates if own == zone)
            assert [(day - days[0]).days for day in days] == [*range(len(days))]
    runs = await shop.stores.runs.documents.find({"state": "done"}).to_list()
    started = Counter((run["user"], run["trigger"]) for run in runs)
    done = Counter(
        (each["zone"], each["trigger"])
        for each in over
        if each["state"] == "done" and each["zone"] in ZONES
    )
    assert started == done
