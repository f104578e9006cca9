"""What providers tell of messages they had taken: that they came back, or were called spam."""

from collections.abc import Sequence
from datetime import datetime

from models.address import normalised
from models.effect import Effect
from models.errors import DomainError
from models.feed import FeedEntry
from models.messaging import Bar, Bounce
from models.paging import Window
from models.store import Stores
from services.composing import message_id
from services.suppression import Suppression

MOST = 500  # in a call
_LOOKED_AT = 100  # of a person's messages, the newest first


async def take(
    bounces: Sequence[Bounce], *, stores: Stores, suppression: Suppression, now: datetime
) -> list[DomainError | None]:
    """Suppress and tell; return for each what is wrong with it, if anything. Safe to repeat."""
    return [await _take(bounce, stores, suppression, now) for bounce in bounces]


async def _take(
    bounce: Bounce, stores: Stores, suppression: Suppression, now: datetime
) -> DomainError | None:
    try:
        if bounce.complaint:
            await suppression.add(bounce.channel, bounce.address, Bar.COMPLAINT, now=now)
        elif bounce.permanent:
            await suppression.add(bounce.channel, bounce.address, Bar.BOUNCE, now=now)
        user_id = None
        if bounce.channel == "email":
            user_id = await stores.identities.find_user_id(normalised(bounce.address))
    except DomainError as error:
        return error
    message = await _message(bounce, user_id, stores) if user_id else None
    entry = FeedEntry(
        f"bounce:{bounce.id}",
        "message.complained" if bounce.complaint else "message.bounced",
        bounce.at,
        message.campaign_id if message else None,
        user_id,
        {
            "channel": bounce.channel,
            "permanent": bounce.permanent,
            "reason": bounce.reason[:300],
            "message": message.id if message else None,
            **(
                {"trigger": message.trigger, "step": message.step, "template": message.template}
                if message
                else {}
            ),
        },
    )
    await stores.outbox.add([entry])
    return None


async def _message(bounce: Bounce, user_id: str, stores: Stores) -> Effect | None:
    """Return the message it is about, if the provider says and it is a recent one."""
    known = bounce.message_id.strip("<> ").partition("@")[0]
    if not known:
        return None
    page = await stores.effects.messages(Window(limit=_LOOKED_AT), user_id=user_id)
    return next((effect for effect in page.items if message_id(effect) == known), None)
