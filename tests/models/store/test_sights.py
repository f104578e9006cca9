"""What is read in one trip is what each read by itself gives."""

from datetime import UTC, datetime, timedelta

import pytest

from models.event import Event
from models.membership import Cause, CauseKind, Move, Standing
from models.store import Stores

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
NEEDS = {"seen": (NOON - timedelta(days=1), frozenset({"sku"})), "paid": (None, frozenset())}
LIVE = {"loyal": 1, "idle": 2}


def told(id: str, name: str, user: str, *, at: datetime) -> Event:
    data = {"sku": id, "price": 5}
    return Event(id=id, name=name, user_id=user, at=at, received_at=NOON, publication=1, data=data)


def entered(segment: str, number: int) -> Move:
    return Move(
        id=f"{segment}{number}",
        segment=segment,
        number=number,
        entered=True,
        at=NOON,
        cause=Cause(CauseKind.EVENT, "e"),
    )


@pytest.fixture
async def stores(database) -> Stores:
    stores = Stores.over(database)
    await stores.standings.save(Standing(publication=3, live=LIVE))
    await stores.memberships.carry_out(
        {
            "ann": [entered("loyal", 1), entered("idle", 1), entered("gone", 1)],
            "bob": [entered("idle", 2), entered("loyal", 1)],
            "eve": [entered("loyal", 1)],
        }
    )
    await stores.events.add(
        [
            told("b", "seen", "ann", at=NOON),
            told("a", "seen", "ann", at=NOON - timedelta(hours=1)),
            told("old", "seen", "ann", at=NOON - timedelta(days=2)),
            told("p", "paid", "ann", at=NOON - timedelta(days=900)),
            told("other", "heard", "ann", at=NOON),
            told("hers", "seen", "eve", at=NOON),
        ]
    )
    return stores


@pytest.mark.parametrize("needs", [NEEDS, {}])
@pytest.mark.parametrize("people", [["ann"], ["bob", "ann", "zoe"], []])
async def test_one_trip_finds_what_three_do(stores, people, needs):
    sight = await stores.sights.see(people, LIVE, needs)

    members = await stores.memberships.of_users(people, LIVE)
    assert sight.standing == await stores.standings.get()
    assert sight.members == {user: {m.segment for m in each} for user, each in members.items()}
    assert sight.events == await stores.events.of_users(people, needs)


async def test_events_are_seen_the_oldest_first_with_the_fields_that_are_needed(stores):
    sight = await stores.sights.see(["ann"], LIVE, NEEDS)

    assert sight.members == {"ann": {"loyal"}}
    assert [event["sku"] for event in sight.events["ann"]["seen"]] == ["a", "b"]
    assert not any("price" in event for event in sight.events["ann"]["paid"])


async def test_before_anything_was_published_there_is_nothing_to_see(database):
    sight = await Stores.over(database).sights.see(["ann"], {}, {})

    assert sight.standing == Standing()
    assert (sight.members, sight.events) == ({"ann": set()}, {"ann": {}})
