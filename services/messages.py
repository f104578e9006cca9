"""Delivering messages: each effect is taken once, rendered, sent, and its outcome told.

    pending → claimed → [render, consent] → sending → sent | failed | unknown
                 ↑__________ later ____________|

`sending` is the point of no return for marketing: whatever is found there after a crash becomes
`unknown` and is not sent again. Transactional messages are tried again, with the same id.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256

from channels import Channel, Message, NotSent, Outlet, Unclear
from engine.consents import refusal
from engine.playbook import playbook_of
from engine.presentation import present
from engine.rendering import TemplateError, render
from models.effect import Effect, EffectState
from models.errors import Unavailable
from models.ids import new_id
from models.store import Stores
from models.template import Template
from models.user import User
from services.clock import Clock
from services.facts import user_facts
from services.rulebook import Rulebook
from services.runs import message_entry

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=15)  # for a page of messages; a slower worker loses the rest of it
STUCK = timedelta(seconds=45)  # a delivery that takes longer is given up for lost
TELL = timedelta(seconds=10)
FAILURES = 5
CLAIMS = 20
LONGEST_PAUSE = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """What delivering needs. `channels` is by the name that rules use."""

    stores: Stores
    rulebook: Rulebook
    clock: Clock
    channels: Mapping[str, Channel]


async def deliver(ids: Sequence[str], mail: Mail) -> None:
    """Deliver those of these messages that wait. Safe to run twice, also at once."""
    stores, token = mail.stores, new_id()
    claimed = await stores.effects.claim(ids, token, wall=mail.clock.wall(), lease=LEASE)
    if not claimed:
        return
    users = await stores.users.find_many([effect.user_id for effect in claimed])
    by_channel: dict[str, list[Effect]] = {}
    for effect in claimed:
        by_channel.setdefault(effect.channel, []).append(effect)
    finished: list[Effect] = []
    for channel, effects in by_channel.items():
        templates = {
            name: await stores.templates.find(channel, name)
            for name in {effect.template for effect in effects}
        }
        # What asks for a channel that is not there is refused when published.
        async with mail.channels[channel].open() as outlet:
            for effect in effects:
                user, template = users.get(effect.user_id), templates[effect.template]
                result = await _deliver(effect, user, template, outlet, token, mail)
                if result is not None:
                    finished.append(result)
    await tell(finished, stores=stores)


async def tell(effects: Sequence[Effect], *, stores: Stores) -> None:
    """Have the feed know what became of messages. Safe to repeat."""
    await stores.outbox.add(message_entry(effect) for effect in effects)
    await stores.effects.told([effect.id for effect in effects])


async def _deliver(
    effect: Effect,
    user: User | None,
    template: Template | None,
    outlet: Outlet,
    token: str,
    mail: Mail,
) -> Effect | None:
    """Bring one message to its end and return it, or None if it is not at its end."""
    if user is None:
        return await _finish(effect, EffectState.SKIPPED, "no_user", token, mail)
    if hindrance := _hindrance(effect, user, template):
        return await _finish(effect, *hindrance, token, mail)
    assert template is not None
    try:
        message = await _compose(effect, user, template, mail)
    except TemplateError as error:
        return await _finish(effect, EffectState.FAILED, f"template: {error}", token, mail)
    effect = replace(effect, to=message.to, subject=message.subject)
    if not await mail.stores.effects.begin(effect, token, until=mail.clock.wall() + STUCK):
        return None  # someone else has it
    return await _send(effect, message, outlet, token, mail)


def _hindrance(
    effect: Effect, user: User, template: Template | None
) -> tuple[EffectState, str] | None:
    if template is None:
        return EffectState.FAILED, f"there is no template {effect.template!r}"
    if effect.claims > CLAIMS:
        return EffectState.FAILED, f"given up after {CLAIMS} tries: {effect.reason}"
    # Consent may have been withdrawn since the run decided to send.
    reason = refusal(effect.channel, user_facts(user), transactional=effect.transactional)
    return None if reason is None else (EffectState.SKIPPED, reason)


async def _send(
    effect: Effect, message: Message, outlet: Outlet, token: str, mail: Mail
) -> Effect | None:
    try:
        await outlet.send(message)
    except NotSent as error:
        return await _postpone(effect, error, token, mail)
    except Exception as error:
        # Whatever it was, the message may have left.
        reason = str(error) or type(error).__name__
        if not isinstance(error, Unclear):
            log.exception("the channel failed at message %s", effect.id)
        if effect.transactional:
            return await _postpone(effect, NotSent(reason, retry=True), token, mail)
        return await _finish(effect, EffectState.UNKNOWN, reason, token, mail)
    return await _finish(effect, EffectState.SENT, "", token, mail)


async def _compose(effect: Effect, user: User, template: Template, mail: Mail) -> Message:
    published = await mail.rulebook.version(effect.publication)
    program = playbook_of(published.program).program
    shown = present(user_facts(user), program.user, program.currency)
    rendered = render(template, {**effect.data, "user": shown})
    return Message(
        id=sha256(effect.id.encode()).hexdigest()[:32],
        to=user.email or "",
        name=user.name,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        at=effect.at,
    )


async def _finish(
    effect: Effect, state: EffectState, reason: str, token: str, mail: Mail
) -> Effect | None:
    sent_at = mail.clock.now() if state is EffectState.SENT else None
    effect = replace(effect, state=state, reason=reason, sent_at=sent_at)
    tell_by = mail.clock.wall() + TELL
    return effect if await mail.stores.effects.finish(effect, token, tell_by=tell_by) else None


async def _postpone(effect: Effect, error: NotSent, token: str, mail: Mail) -> Effect | None:
    """Try again later, unless the message was refused for good or too often."""
    failures = effect.failures + (0 if error.away else 1)
    effect = replace(effect, reason=error.reason, failures=failures)
    if not error.retry or failures >= FAILURES:
        return await _finish(effect, EffectState.FAILED, error.reason, token, mail)
    pause = timedelta(seconds=min(2**effect.claims, LONGEST_PAUSE))
    await mail.stores.effects.postpone(effect, token, until=mail.clock.wall() + pause)
    log.info("message %s waits %s: %s", effect.id, pause, error.reason)
    return None


async def sweep(*, stores: Stores, clock: Clock, most: int = 500) -> list[str]:
    """Give up what is stuck, tell what was not told, and return what waits unclaimed for too long.

    Every move is conditional on the state it was found in, so several may sweep at once.
    """
    wall = clock.wall()
    stuck = await stores.effects.overdue(EffectState.SENDING, before=wall, limit=most)
    await stores.effects.give_up_stuck(stuck, before=wall, tell_by=wall)
    try:
        await tell(await stores.effects.untold(before=wall, limit=most), stores=stores)
    except Unavailable as error:
        log.warning("results are told later: %s", error.message)
    waiting = await stores.effects.overdue(
        EffectState.PENDING, before=wall - timedelta(seconds=3), limit=4 * most
    )
    return [effect.id for effect in waiting]
