"""Alerts of what is set aside: told even if whoever has set it aside is killed before telling.

    keep the alert → set aside, which leaves the alarm's id there → tell the feed → forget the alert

Several may find that something is over; one of them sets it aside. Killed after that, the alert is
found true and told in the sequencer's round; killed before it, it is forgotten after a while.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from ulid import ULID

from models.feed import FeedEntry
from models.store import Stores
from models.store.database import Store

log = logging.getLogger(__name__)

_AT_WORK = timedelta(hours=1)  # nobody takes longer from keeping an alert to setting aside


async def set_aside(
    alert: FeedEntry,
    of: Store,
    key: str,
    aside: Callable[[str], Awaitable[bool]],
    *,
    stores: Stores,
) -> bool:
    """Set a document of a store aside, and tell of it; False if others have, or it has gone on.

    `aside` does it, leaving the alarm's id there, and says whether it was this call.
    """
    alarm = await stores.alarms.note(alert, of, key)
    done = await aside(alarm)
    if done:
        await stores.outbox.add([alert])
    await stores.alarms.forget(alarm)
    return done


async def tell_rest(*, stores: Stores, wall: datetime) -> None:
    """Tell what those who were killed had no time to tell. Safe to repeat."""
    oldest = str(ULID.from_datetime(wall - _AT_WORK)).lower()
    async for alarm in stores.alarms.all():
        if alarm.is_true:
            log.warning("%s is told for someone who was killed", alarm.alert.id)
            await stores.outbox.add([alarm.alert])
        if alarm.is_true or alarm.id < oldest:
            await stores.alarms.forget(alarm.id)
