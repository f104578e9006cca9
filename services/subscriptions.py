"""What people want to get no more, said by a link in a message."""

from datetime import datetime

from models.feed import FeedEntry
from models.store import Stores
from services.links import Subscription


async def withdraw(subscription: Subscription, *, stores: Stores, now: datetime) -> None:
    """Withdraw the consent to a channel, or to one topic on it. Safe to repeat."""
    await stores.users.withdraw(
        subscription.user_id, channel=subscription.channel, topic=subscription.topic
    )
    message = await stores.effects.find(subscription.effect)
    entry = FeedEntry(
        f"{subscription.effect}:unsubscribed",
        "consent.withdrawn",
        now,
        message.campaign_id if message else None,
        subscription.user_id,
        {
            "channel": subscription.channel,
            "topic": subscription.topic,
            "message": subscription.effect,
        },
    )
    await stores.outbox.add([entry])
