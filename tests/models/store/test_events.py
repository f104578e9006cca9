"""Events as they are stored."""

from datetime import UTC, datetime, timedelta

from models.event import Event
from models.store import Stores

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)


def told(id: str, *, at: datetime) -> Event:
    return Event(id=id, name="seen", user_id="ann", at=at, received_at=NOON, publication=1, data={})


async def test_an_event_that_was_received_before_its_time_lies_ahead_until_then(database):
    events = Stores.over(database).events
    await events.add([told("late", at=NOON - timedelta(hours=1)), told("now", at=NOON)])
    assert not await events.any_after(NOON - timedelta(hours=2))

    await events.add([told("ahead", at=NOON + timedelta(minutes=5))])

    assert await events.any_after(NOON)
    assert not await events.any_after(NOON + timedelta(minutes=5))


async def test_only_what_may_be_forgotten_is_spared_the_journal(database):
    events = Stores.over(database).events

    assert events.documents.write_concern.document == {"w": "majority", "j": True}
    assert events.forgettable.write_concern.document == {"w": 1}
