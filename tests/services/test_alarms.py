"""Whoever sets something aside may be killed before telling: the alert is told all the same."""

from datetime import UTC, datetime, timedelta

import pytest

from models.event import lane_of
from models.paging import Window
from services import alarms, sequencer, suspects
from tests.killed import Killed, killed_at
from tests.shop import NOW, event
from tests.staging import once

RULES = """
event cart_updated { total: money USD }
trigger greet { on cart_updated  then { tag "x" } }
"""


@pytest.fixture
@once
async def failing(shop):
    """A shop with an event that is to be set aside."""
    await shop.publish(RULES)
    await shop.person("ann")
    await shop.tell(event("cart_updated", "c1", total="1"))
    return shop


async def alerts(shop) -> list[str]:
    waiting = await shop.stores.outbox.waiting(9)
    return [entry.id for entry in waiting if entry.type.startswith("alert.")]


async def set_aside(shop) -> None:
    (told,) = await shop.stores.events.pending([lane_of("ann")], limit=9)
    await suspects.set_event_aside(told, "too heavy", NOW, stores=shop.stores)


async def test_an_alert_is_told_once_and_forgotten(failing):
    await set_aside(failing)
    await alarms.tell_rest(stores=failing.stores, wall=failing.clock.wall())

    assert await alerts(failing) == [f"event:api|c1:set_aside:{NOW.isoformat()}"]
    assert [each async for each in failing.stores.alarms.all()] == []


async def test_what_was_set_aside_by_someone_killed_is_told_in_the_sequencers_round(
    failing,
):
    with killed_at(failing.stores.outbox, "add"), pytest.raises(Killed):
        await set_aside(failing)
    assert len((await failing.stores.events.set_aside_page(Window(limit=5))).items) == 1
    assert await alerts(failing) == []

    for _ in range(2):
        await sequencer.care(stores=failing.stores, wall=failing.clock.wall())

    assert await alerts(failing) == [f"event:api|c1:set_aside:{NOW.isoformat()}"]
    assert [each async for each in failing.stores.alarms.all()] == []


async def test_what_was_not_set_aside_after_all_is_not_told_and_forgotten_after_a_while(
    failing,
):
    with killed_at(failing.stores.events, "set_aside"), pytest.raises(Killed):
        await set_aside(failing)
    wall = datetime.now(UTC)  # alarms are numbered by it

    await alarms.tell_rest(stores=failing.stores, wall=wall)
    at_work = [each.is_true async for each in failing.stores.alarms.all()]
    await alarms.tell_rest(stores=failing.stores, wall=wall + timedelta(hours=2))

    assert at_work == [False]
    assert [each async for each in failing.stores.alarms.all()] == []
    assert await alerts(failing) == []


async def test_of_two_who_set_it_aside_the_one_who_comes_late_takes_no_alert_away(
    failing,
):
    (told,) = await failing.stores.events.pending([lane_of("ann")], limit=9)
    with killed_at(failing.stores.outbox, "add"), pytest.raises(Killed):
        await suspects.set_event_aside(told, "too heavy", NOW, stores=failing.stores)

    await suspects.set_event_aside(told, "too heavy", NOW, stores=failing.stores)
    assert await alerts(failing) == []
    await alarms.tell_rest(stores=failing.stores, wall=failing.clock.wall())

    assert await alerts(failing) == [f"event:api|c1:set_aside:{NOW.isoformat()}"]
