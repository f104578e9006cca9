"""The check of points: silent while all agrees, and loud about whatever is tampered with."""

from datetime import timedelta

import pytest

from services import points
from services.verify import verify
from tests.shop import NOW, event
from tests.staging import once

CLUB = """
loyalty club {
  earn 1 point per 1 USD of order_placed.total
  tier silver at 50 points in 90 days
  points expire after 30 days
}
"""


async def failing(shop):
    found = verify(stores=shop.stores, now=shop.clock.now(), wall=shop.clock.wall())
    return {each.id: list(each.problems) async for each in found if each.problems}


@pytest.fixture
@once
async def busy(shop):
    """A club in which points were earned, taken back and have expired."""
    await shop.publish(CLUB)
    for name in ("ann", "bob"):
        await shop.person(name)
        await shop.tell(
            event("order_placed", f"o-{name}", name, order_id=f"o-{name}", total="60.00"),
            event("order_placed", f"p-{name}", name, order_id=f"p-{name}", total="30.00"),
        )
    await shop.tell(
        event("order_placed", "old", "ann", NOW - timedelta(days=40), order_id="x", total="9.00"),
        event("order_cancelled", "c", "bob", order_id="p-bob"),
    )
    await shop.work()
    assert await failing(shop) == {}
    return shop


async def test_all_holds_before_and_after_time_has_passed(busy):
    busy.clock.turn(days=31)
    await points.look_after(
        stores=busy.stores, current=await busy.rulebook.current(), now=busy.clock.now()
    )

    assert await failing(busy) == {}


async def test_what_should_have_expired_long_ago_is_stuck(busy):
    busy.clock.turn(days=31)

    assert await failing(busy) == {"I12": ["2 accounts of points that are due"]}


@pytest.mark.parametrize(
    ("collection", "change"),
    [
        ("points", {"$set": {"legs.1.points": 7}}),
        ("points", {"$set": {"legs.0.points": 900, "legs.1.points": -900}}),
        ("accounts", {"$inc": {"balance": 1}}),
        ("accounts", {"$set": {"tier": "gold"}}),
        ("users", {"$inc": {"points": 1}}),
        ("users", {"$unset": {"tier": ""}}),
    ],
)
async def test_whatever_is_tampered_with_is_found(busy, collection, change):
    whose = {"points": {"_id": "earn:order_placed|o-bob:0"}}.get(collection, {"_id": "bob"})
    await busy.stores.checks.database[collection].update_one(whose, change)

    assert list(await failing(busy)) == ["I5"]


async def test_points_whose_event_is_not_there_are_found(busy):
    events = busy.stores.checks.database["events"]
    await events.delete_one({"_id": "order_placed|o-bob"})

    found = (await failing(busy))["I5"]

    assert found == ["transfer earn:order_placed|o-bob:0: what moved the points is not there"]


async def test_points_that_were_spent_twice_are_found(busy):
    (lot,) = await busy.stores.points.documents.find({"_id": "earn:order_placed|o-bob:0"}).to_list()
    legs = [{"account": "user:bob", "points": -60}, {"account": "redeemed", "points": 60}]
    for number in range(2):
        spent = {**lot, "_id": f"redeem:{number}", "reason": "redeemed", "legs": legs}
        del spent["order"]
        await busy.stores.points.documents.insert_one(spent)
    current = await busy.rulebook.current()
    await points.refresh(["bob"], stores=busy.stores, current=current, now=busy.clock.now())

    assert await failing(busy) == {
        "I5": ["bob: 60 points too many were spent, and only 30 were taken back"]
    }
