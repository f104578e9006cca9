"""Whether a message may go to a person, as it is just before it goes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.chance import held_out
from engine.consents import ADDRESS, refusal
from models.effect import Effect, EffectKind, EffectState
from models.messaging import Bar, Messaging
from models.store import Stores
from services.composing import address_of
from services.facts import user_facts
from services.parcels import WEBHOOK, Parcel
from services.suppression import Suppression

CLAIMS = 20
HOLDOUT = "marketing"  # the name under which people are held out from all of it


@dataclass(frozen=True, slots=True)
class Permits:
    """What is known when a page of messages is about to go. `barred` is by address."""

    policy: Messaging
    barred: Mapping[str, Bar]
    stores: Stores

    def hindrance(self, parcel: Parcel) -> tuple[EffectState, str] | None:
        """Return how a message ends that must not go, and why; None if it may."""
        effect, user = parcel.effect, parcel.user
        if user is None:
            return EffectState.SKIPPED, "no_user"
        if effect.claims > CLAIMS:
            return EffectState.FAILED, f"given up after {CLAIMS} tries: {effect.reason}"
        if effect.kind is EffectKind.MESSAGE and parcel.template is None:
            return EffectState.FAILED, f"there is no template {effect.template!r}"
        if effect.channel == WEBHOOK:
            return _hindrance_of_webhook(parcel)
        # Consent may have been withdrawn since the run decided to send.
        topic = parcel.template.topic if parcel.template else ""
        reason = refusal(
            effect.channel, user_facts(user), transactional=effect.transactional, topic=topic
        )
        bar = self.barred.get(address_of(effect.channel, user))
        if reason is None and (bar is Bar.BOUNCE or (bar and not effect.transactional)):
            reason = "suppressed"
        if reason is None and is_marketing(effect):
            reason = "holdout" if held_out(user.id, HOLDOUT, self.policy.holdout) else None
        return None if reason is None else (EffectState.SKIPPED, reason)

    async def take(self, effect: Effect, *, now: datetime) -> bool:
        """Count a message against the caps; False if one is reached. Safe to repeat."""
        caps = self.policy.caps
        if not caps or not is_marketing(effect):
            return True
        return await self.stores.frequencies.take(
            effect.user_id, effect.id, effect.channel, caps, now=now
        )

    async def give_back(self, effect: Effect) -> None:
        """Let a message that never left not count. Safe to repeat."""
        if self.policy.caps and is_marketing(effect):
            await self.stores.frequencies.give_back(effect.user_id, effect.id)


async def permits(
    page: Sequence[Parcel], *, stores: Stores, suppression: Suppression | None
) -> Permits:
    """Look up what decides on a page of messages that leave by one channel."""
    policy = (await stores.workspace.get()).messaging
    channel = page[0].effect.channel
    addresses = {address_of(channel, parcel.user) for parcel in page if parcel.user} - {""}
    barred = await suppression.find_many(channel, addresses) if suppression else {}
    return Permits(policy, barred, stores)


def is_marketing(effect: Effect) -> bool:
    """Whether it is a message that people may have too much of."""
    return (
        effect.kind is EffectKind.MESSAGE and not effect.transactional and effect.channel in ADDRESS
    )


def _hindrance_of_webhook(parcel: Parcel) -> tuple[EffectState, str] | None:
    if parcel.webhook is None:
        name = parcel.effect.template if parcel.template is None else parcel.template.subject
        return EffectState.FAILED, f"there is no webhook {name!r}"
    return None if parcel.webhook.enabled else (EffectState.SKIPPED, "webhook_disabled")
