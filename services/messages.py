"""Delivering messages: each effect is taken once, rendered, sent, and its outcome told.

    pending → claimed → [render, consent] → sending → sent | failed | unknown
                 ↑__________ later ____________|

`sending` is the point of no return for marketing: whatever is found there after a crash becomes
`unknown` and is not sent again. Transactional messages are tried again, with the same id. What a
worker died with before it is tried alone, and at the fifth death it fails.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from channels import Channel, Message, NotSent, Outlet, Unclear
from channels.roads import Road, Roads
from engine.rendering import TemplateError
from models.effect import Effect, EffectState
from models.errors import Conflict, NotFound, Unavailable
from models.ids import new_id
from models.store import Stores
from services import outages, parcels, suspects
from services.clock import Clock
from services.composing import compose
from services.custody import Custody
from services.jobs import Jobs
from services.links import Links
from services.parcels import Parcel
from services.permits import Permits, permits
from services.rulebook import Rulebook
from services.runs import message_entry, ring
from services.suppression import Suppression

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=15)  # for a page of messages; a slower worker loses the rest of it
STUCK = timedelta(seconds=45)  # a delivery that takes longer is given up for lost
TELL = timedelta(seconds=10)
FAILURES = 5
LONGEST_PAUSE = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """What delivering needs. `channels` is by the name that rules use.

    Without `links`, messages have none: nobody has said where the API is. Without `suppression`,
    no address is barred.
    """

    stores: Stores
    rulebook: Rulebook
    clock: Clock
    channels: Mapping[str, Channel]
    roads: Roads = field(default_factory=Roads)
    links: Links | None = None
    suppression: Suppression | None = None
    custody: Custody = field(default_factory=Custody)


async def deliver(ids: Sequence[str], mail: Mail) -> None:
    """Deliver those of these messages that wait. Safe to run twice, also at once.

    What goes to one place does not wait for what goes to another.
    """
    effects, token = mail.stores.effects, new_id()
    async with mail.custody.of(lambda: effects.let_go(ids, token)):
        claimed = await effects.claim(ids, token, wall=mail.clock.wall(), lease=LEASE)
        if claimed:
            await _deliver_page(claimed, token, mail)
    if len(claimed) < len(ids):
        await _deliver_suspects(ids, mail)


async def _deliver_suspects(ids: Sequence[str], mail: Mail) -> None:
    """Deliver those that a worker died with, each alone: only what kills is counted on."""
    for suspect in await mail.stores.effects.suspects(ids, wall=mail.clock.wall()):
        async with mail.custody.alone:
            await _deliver_alone(suspect.id, mail)


async def _deliver_alone(effect_id: str, mail: Mail) -> None:
    effects, token = mail.stores.effects, new_id()
    found = await effects.suspects([effect_id], wall=mail.clock.wall())
    if not found:  # somebody else has had it meanwhile
        return
    (suspect,) = found
    if suspect.deaths >= suspects.DEATHS:
        await _set_aside(suspect, mail)
        return
    async with mail.custody.of(lambda: effects.let_go([effect_id], token)):
        wall = mail.clock.wall()
        claimed = await effects.claim_suspect(effect_id, token, wall=wall, lease=LEASE)
        if claimed is not None:
            await _deliver_page([claimed], token, mail)


async def _set_aside(effect: Effect, mail: Mail) -> None:
    stores, wall = mail.stores, mail.clock.wall()
    failed = await suspects.set_message_aside(effect, wall, tell_by=wall + TELL, stores=stores)
    if failed is not None:
        policy = (await stores.workspace.get()).messaging
        await Permits(policy, {}, stores).give_back(failed)
        await tell([failed], stores=stores)


async def _deliver_page(claimed: Sequence[Effect], token: str, mail: Mail) -> None:
    stores = mail.stores
    sorted_ = parcels.by_destination(await parcels.load(claimed, stores=stores))
    done = await asyncio.gather(
        *(_deliver_all(to, theirs, token, mail) for to, theirs in sorted_.items()),
        return_exceptions=True,
    )
    # All have ended, one way or the other: now the first that failed may say so.
    for result in done:
        if isinstance(result, BaseException):
            raise result


async def _deliver_all(to: str, page: Sequence[Parcel], token: str, mail: Mail) -> None:
    """Deliver what goes to one place, one after the other, as long as the lease lasts."""
    began, road = time.monotonic(), mail.roads.to(to)
    finished: list[Effect] = []
    channel = mail.channels.get(page[0].effect.channel)
    permitted = await permits(page, stores=mail.stores, suppression=mail.suppression)
    if channel is None:
        await _fail_all(page, "this channel is not set up", permitted, token, mail)
        return
    async with channel.open() as outlet:
        for place, parcel in enumerate(page):
            late = time.monotonic() - began > LEASE.total_seconds() / 2
            if late or not road.admits(mail.clock.wall()):
                pause = timedelta() if late else road.pause
                rest = [each.effect.id for each in page[place:]]
                await mail.stores.effects.release(rest, token, until=mail.clock.wall() + pause)
                break
            await road.pace()
            result = await _deliver(parcel, permitted, outlet, road, token, mail)
            if result is not None:
                finished.append(result)
                if result.state in (EffectState.FAILED, EffectState.SKIPPED):
                    await permitted.give_back(result)
    await tell(finished, stores=mail.stores)
    await outages.tell(to, road, stores=mail.stores, wall=mail.clock.wall())


async def _fail_all(
    page: Sequence[Parcel], reason: str, permitted: Permits, token: str, mail: Mail
) -> None:
    ended = [
        await _finish(parcel.effect, EffectState.FAILED, reason, token, mail) for parcel in page
    ]
    failed = [effect for effect in ended if effect is not None]
    for effect in failed:
        await permitted.give_back(effect)
    await tell(failed, stores=mail.stores)


async def tell(effects: Sequence[Effect], *, stores: Stores) -> None:
    """Have the feed know what became of messages. Safe to repeat."""
    await stores.outbox.add(message_entry(effect) for effect in effects)
    await stores.effects.told([effect.id for effect in effects])


async def _deliver(
    parcel: Parcel, permitted: Permits, outlet: Outlet, road: Road, token: str, mail: Mail
) -> Effect | None:
    """Bring one message to its end and return it, or None if it is not at its end."""
    effect = parcel.effect
    if hindrance := permitted.hindrance(parcel):
        return await _finish(effect, *hindrance, token, mail)
    try:
        message = await compose(
            parcel, rulebook=mail.rulebook, links=mail.links, wall=mail.clock.wall()
        )
    except TemplateError as error:
        return await _finish(effect, EffectState.FAILED, f"template: {error}", token, mail)
    if not await permitted.take(effect, now=mail.clock.now()):
        return await _finish(effect, EffectState.SKIPPED, "capped", token, mail)
    version = parcel.template.version if parcel.template else None
    effect = replace(effect, to=message.to, subject=message.subject, template_version=version)
    if not await mail.stores.effects.begin(effect, token, until=mail.clock.wall() + STUCK):
        return None  # someone else has it
    return await _send(effect, message, outlet, road, token, mail)


async def _send(
    effect: Effect, message: Message, outlet: Outlet, road: Road, token: str, mail: Mail
) -> Effect | None:
    try:
        await outlet.send(message)
    except NotSent as error:
        road.note(not (error.away or error.ill), mail.clock.wall())
        return await _postpone(effect, error, token, mail)
    except Exception as error:
        # Whatever it was, the message may have left.
        reason = str(error) or type(error).__name__
        if not isinstance(error, Unclear):
            log.exception("the channel failed at message %s", effect.id)
        road.note(False, mail.clock.wall())
        if effect.transactional:
            return await _postpone(effect, NotSent(reason, retry=True), token, mail)
        return await _finish(effect, EffectState.UNKNOWN, reason, token, mail)
    road.note(True, mail.clock.wall())
    return await _finish(effect, EffectState.SENT, "", token, mail)


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
    pause = timedelta(seconds=min(max(2**effect.claims, error.after or 0), LONGEST_PAUSE))
    await mail.stores.effects.postpone(effect, token, until=mail.clock.wall() + pause)
    log.info("message %s waits %s: %s", effect.id, pause, error.reason)
    return None


async def retry(effect_id: str, *, stores: Stores, jobs: Jobs, wall: datetime) -> Effect:
    """Have a message or a call that failed tried again. Raises NotFound, or Conflict if it has not.

    What may have left is never sent again, whoever asks.
    """
    put_back = await stores.effects.put_back(effect_id, wall=wall)
    effect = await stores.effects.find(effect_id)
    if effect is None or not effect.leaves:
        raise NotFound("There is no such message.", field=("id",))
    if not put_back:
        raise Conflict(f"The message is {effect.state}; only what failed can be tried again.")
    await ring([effect], jobs=jobs)
    return effect


async def sweep(*, stores: Stores, clock: Clock, most: int = 500) -> list[Effect]:
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
    return await stores.effects.overdue(
        EffectState.PENDING, before=wall - timedelta(seconds=3), limit=4 * most
    )
