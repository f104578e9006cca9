"""What a page makes of people's measures is kept beside what was there, however much that is."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from models.measure import FactsChange
from models.store import Stores
from models.store.persons import PersonChange

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
TODAY = "2026-03-05"


def many(count: int) -> dict[str, int]:
    first = date(2025, 1, 1)
    return {(first + timedelta(days=n)).isoformat(): n + 1 for n in range(count)}


def change(user_id: str, kept: dict[str, dict[str, Any]], days: dict[str, Any]) -> PersonChange:
    """Return a page's change of someone for whom `days` of today are made anew."""
    then = {
        measure: {day: value for day, value in {**kept[measure], TODAY: new}.items() if value}
        for measure, new in days.items()
    }
    buckets = {measure: {TODAY: new} for measure, new in days.items()}
    facts = FactsChange(
        user_id=user_id, version=1, buckets=buckets, last=NOON, then={**kept, **then}
    )
    return PersonChange(user_id, facts, None)


@pytest.mark.parametrize("people", [["ann"], ["ann", "bob", "eve"]], ids=["alone", "together"])
@pytest.mark.parametrize("long", [3, 400])
@pytest.mark.parametrize(
    "days",
    [{"short": 7, "long": 8}, {"short": None, "long": 8}, {"short": 7, "long": None}],
    ids=str,
)
async def test_measures_are_written_beside_what_is_kept(database, people, long, days):
    stores = Stores.over(database)
    kept = {"short": {TODAY: 1}, "long": many(long) | {TODAY: 2}, "other": {TODAY: 3}}
    await database["users"].insert_many(
        [{"_id": each, "facts": {"version": 1, "measures": kept}} for each in people]
    )

    held = await stores.persons.write([change(each, kept, days) for each in people])

    expected = {
        "short": {TODAY: days["short"]},
        "long": kept["long"] | {TODAY: days["long"]},
        "other": kept["other"],
    }
    for each in people:
        stored = (await database["users"].find_one({"_id": each}))["facts"]
        assert {
            measure: found for measure in expected if (found := stored["measures"].get(measure, {}))
        } == {
            measure: there
            for measure, of in expected.items()
            if (there := {day: value for day, value in of.items() if value})
        }
        assert stored["version"] == 2
    assert held == set(people)
