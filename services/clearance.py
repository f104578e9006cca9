"""Whether a step may do what it wants to: send somebody a message, or enter them in a lottery.

What must not be is skipped by the step, and so the run has done nothing to its user by it. Messages
and entries count from then on. Messages are judged once more just before they go
(services.permits); entries are made when the run is settled.
"""

from collections.abc import Mapping
from typing import Any

from engine.chance import held_out
from engine.consents import ADDRESS, refusal
from models.effect import Effect, EffectKind, EffectState
from models.messaging import Bar, Messaging, Sent, has_room
from models.store import Stores
from services import entering
from services.permits import HOLDOUT
from services.rulebook import Published
from services.suppression import CHANNELS, Suppression


class Clearance:
    """For some people, whose facts are given by id. A lane asks: nobody else sends to them.

    What deciding takes is looked up when it is first asked for, for all of them together. Without
    `suppression` no address is barred. Lotteries are those of `published`.
    """

    def __init__(
        self,
        people: Mapping[str, Mapping[str, Any]],
        stores: Stores,
        suppression: Suppression | None = None,
        published: Published | None = None,
    ) -> None:
        self._people = people
        self._stores = stores
        self._suppression = suppression
        self._published = published
        self._policy: Messaging | None = None
        self._sent: dict[str, list[Sent]] = {}
        self._barred: dict[str, Mapping[str, Bar]] = {}
        self._topics: dict[tuple[str, str], str] = {}
        self._cleared: dict[str, list[Sent]] = {}
        self._entering: dict[tuple[str, str], set[str]] = {}

    async def refusal(self, effect: Effect) -> str | None:
        """Return why an effect must not be; None if it may, and then it counts from now on."""
        if effect.kind is EffectKind.ENTER and self._published is not None:
            return await self._no_entry(effect, self._published)
        if (
            effect.kind is not EffectKind.MESSAGE
            or effect.state is not EffectState.PENDING
            or effect.channel not in ADDRESS
        ):
            return None
        user = self._people[effect.user_id]["user"]
        topic = "" if effect.transactional else await self._topic(effect, user)
        reason = refusal(effect.channel, user, transactional=effect.transactional, topic=topic)
        if reason is not None:
            return reason
        bar = await self._bar(effect.channel, user)
        if bar is Bar.BOUNCE or (bar and not effect.transactional):
            return "suppressed"
        return None if effect.transactional else await self._too_much(effect)

    async def keep(self) -> None:
        """Have what was cleared count for everybody. Safe to repeat."""
        if self._policy is not None and self._cleared:
            await self._stores.frequencies.reserve(self._cleared, self._policy.caps)

    def forget(self, user_id: str) -> None:
        """Do not keep what was cleared for someone on whom another page decides anew."""
        self._cleared.pop(user_id, None)

    async def _no_entry(self, effect: Effect, published: Published) -> str | None:
        lottery = effect.data["lottery"]
        entering_too = self._entering.setdefault((lottery, effect.user_id), set())
        reason = await entering.hindrance(
            lottery,
            effect.user_id,
            effect.id,
            effect.at,
            published=published,
            stores=self._stores,
            besides=entering_too,
        )
        if reason is None:
            entering_too.add(effect.id)
        return reason

    async def _topic(self, effect: Effect, user: Mapping[str, Any]) -> str:
        if not user.get("@refused"):
            return ""
        key = (effect.channel, effect.template)
        if key not in self._topics:
            template = (await self._stores.templates.find_many([key])).get(key)
            self._topics[key] = template.topic if template else ""
        return self._topics[key]

    async def _bar(self, channel: str, user: Mapping[str, Any]) -> Bar | None:
        if self._suppression is None or channel not in CHANNELS:
            return None
        if channel not in self._barred:
            every = (facts["user"].get(ADDRESS[channel]) for facts in self._people.values())
            addresses = {address for address in every if address}
            self._barred[channel] = await self._suppression.find_many(channel, addresses)
        return self._barred[channel].get(user[ADDRESS[channel]])

    async def _too_much(self, effect: Effect) -> str | None:
        if self._policy is None:
            self._policy = (await self._stores.workspace.get()).messaging
            if self._policy.caps:
                self._sent = await self._stores.frequencies.of_users(self._people)
        if held_out(effect.user_id, HOLDOUT, self._policy.holdout):
            return "holdout"
        if not self._policy.caps:
            return None
        sent = self._sent.get(effect.user_id, ())
        others = [each for each in sent if each.id != effect.id]
        if not has_room(self._policy.caps, others, effect.channel, effect.at):
            return "capped"
        cleared = Sent(effect.id, effect.channel, effect.at)
        self._sent[effect.user_id] = [*others, cleared]
        self._cleared.setdefault(effect.user_id, []).append(cleared)
        return None
