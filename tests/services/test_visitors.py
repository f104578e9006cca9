"""Visitors: their events wait until somebody is known to have been them."""

from dataclasses import replace

import pytest

from models.errors import Invalid, NotFound
from models.event import VISITOR, Event, IncomingEvent
from models.run import RunState
from services import visitors
from tests.shop import NOW
from tests.staging import once

RULES = """
event cart_updated { total: money USD }
trigger rescue { on cart_updated where total >= 20 USD  then { wait 2 hours  tag "rescued" } }
"""


@pytest.fixture
@once
async def told(shop):
    await shop.publish(RULES)
    await shop.person()
    return shop


def visit(id: str, **more) -> IncomingEvent:
    data = {"total": "25.00"}
    return IncomingEvent(id=id, name="cart_updated", anonymous="v-1", data=data, **more)


async def identify(shop, user: str = "ann", visitor: str = "v-1"):
    return await visitors.identify(
        visitor,
        user,
        stores=shop.stores,
        rulebook=shop.rulebook,
        jobs=shop.bells,
        now=shop.clock.now(),
    )


async def runs(shop) -> list[dict]:
    return [run async for run in shop.stores.runs.documents.find()]


async def test_a_visitors_event_is_kept_and_nothing_follows_from_it(told):
    (verdict,) = await told.tell(visit("1"))
    await told.work()

    assert verdict.outcome == "accepted"
    assert await runs(told) == []
    assert not await told.stores.events.any_pending_before(NOW.replace(year=2030))


async def test_what_a_visitor_did_starts_journeys_once_they_are_known(told):
    await told.tell(visit("1"))
    told.clock.turn(minutes=30)

    user, joined = await identify(told)
    await told.work()

    assert (user.id, joined) == ("ann", 1)
    (run,) = await runs(told)
    assert (run["user"], run["state"]) == ("ann", RunState.WAITING)
    assert run["started_at"] == NOW


async def test_what_happened_more_than_a_day_ago_starts_nothing(told):
    await told.tell(visit("1"))
    told.clock.turn(hours=25)

    await identify(told)
    await told.work()

    assert await runs(told) == []
    assert (await told.stores.events.documents.find_one({}))["user"] == "ann"


async def test_later_events_of_a_known_visitor_are_the_users_at_once(told):
    await identify(told)

    await told.tell(visit("1"))
    await told.work()

    assert len(await runs(told)) == 1


async def test_identifying_twice_joins_nothing_twice(told):
    await told.tell(visit("1"))
    await identify(told)
    await told.work()

    _, joined = await identify(told)
    await told.work()

    assert joined == 0
    assert len(await runs(told)) == 1


async def test_a_shared_device_is_whoever_was_known_last(told):
    await told.person("bob")
    await told.tell(visit("1"))
    await identify(told)

    await identify(told, "bob")
    await told.tell(visit("2"))

    owners = [event["user"] async for event in told.stores.events.documents.find().sort("_id")]
    assert owners == ["ann", "bob"]


async def test_an_event_stored_while_its_visitor_becomes_known_is_not_left_behind(told):
    event = Event(
        id="api|1",
        name="cart_updated",
        user_id=f"{VISITOR}v-1",
        at=NOW,
        received_at=NOW,
        publication=1,
        data={"total": 2500},
    )
    await identify(told)  # between the look at who it is and the event's insert
    await told.stores.events.add([event])

    (mine,) = await visitors.known_by_now([event], told.stores, 1, NOW)

    assert mine == replace(event, user_id="ann")
    kept = await told.stores.events.documents.find_one({})
    assert (kept["user"], kept["pending"]) == ("ann", True)


async def test_nobody_and_nonsense_are_refused(told):
    with pytest.raises(NotFound, match="Nobody"):
        await identify(told, "zoe")
    with pytest.raises(Invalid, match="1 to 200"):
        await identify(told, visitor="")


async def test_an_event_of_neither_user_nor_visitor_says_what_is_missing(told):
    (verdict,) = await told.tell(IncomingEvent(id="1", name="cart_updated"))

    assert (verdict.outcome, verdict.path) == ("rejected", ("user",))
    assert "anonymousId" in verdict.reason
