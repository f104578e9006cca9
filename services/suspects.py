"""Whatever kills its worker: found among what waits beside it, and set aside after five tries.

Nothing is counted as long as all goes well. Whoever takes over a lane that its holder never let go
of begins with one thing, then takes two, four and so on, and counts each before touching it: a
worker that is killed has then left a mark on what it may have died of. What bears a mark is taken
alone, so that neighbours are done and only what kills is counted on.

What leaves the house needs no counting: each message, letter and call is claimed by itself, and one
whose claim ran out was somebody's who died.

An alert is told by whoever's write has set something aside (services.alarms): several may find
that it is over.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import takewhile
from typing import TypeVar

from models.audience import Audience
from models.delivery import Delivery, DeliveryState
from models.effect import Effect, EffectState
from models.errors import Invalid
from models.event import Event
from models.feed import FeedEntry
from models.letter import Letter
from models.membership import Look
from models.run import Run
from models.store import Stores
from services import alarms
from services.jobs import Job, Jobs

T = TypeVar("T")

log = logging.getLogger(__name__)

# With the try before anybody counted, five.
TRIES = 4
DEATHS = 5  # of workers that had claimed it, after which something no longer leaves the house
MOST = 500
_KILLS = "its worker was killed again and again"


async def next_suspects(
    lane: int, now: datetime, *, paused: Sequence[str], most: int, stores: Stores
) -> tuple[list[Event], list[Run]]:
    """Return what waits longest in a lane, at most so much, counted. Sets aside what is over."""
    while runs := await stores.runs.due_marked(lane, now, paused=paused, limit=most):
        run, tries = runs[0]
        if tries < TRIES:
            taken = _unmarked(runs)
            await stores.runs.mark([run.id for run in taken])
            return [], taken
        await set_run_aside(run, _KILLS, now, stores=stores)
    while events := await stores.events.pending_marked(lane, limit=most):
        event, tries = events[0]
        if tries < TRIES:
            told = _unmarked(events)
            await stores.events.mark([event.id for event in told])
            return told, []
        await set_event_aside(event, _KILLS, now, stores=stores)
    return [], []


async def next_looks(lane: int, now: datetime, *, most: int, stores: Stores) -> list[Look]:
    """Return people of a lane who are to be looked at, at most so many, counted likewise."""
    while looks := await stores.looks.due_marked([lane], now, limit=most):
        look, tries = looks[0]
        if tries < TRIES:
            taken = _unmarked(looks)
            await stores.looks.mark([look.user_id for look in taken])
            return taken
        await set_person_aside(look, _KILLS, now, stores=stores)
    return []


def _unmarked(found: Sequence[tuple[T, int]]) -> list[T]:
    """Return the first alone if it bears a mark, else all before the first that does."""
    taken = [each for each, _ in takewhile(lambda pair: pair[1] == 0, found)]
    return taken or [found[0][0]]


async def set_event_aside(event: Event, reason: str, now: datetime, *, stores: Stores) -> None:
    """Take an event out of its lane, for someone to look at, and raise the alarm."""
    aside = partial(stores.events.set_aside, event.id, reason, at=now)
    alert = _alert("event", event.id, event.user_id, reason, now, now.isoformat())
    if await alarms.set_aside(alert, stores.events, event.id, aside, stores=stores):
        log.error("event %s is set aside: %s", event.id, reason)


async def set_run_aside(run: Run, reason: str, now: datetime, *, stores: Stores) -> None:
    """End a run that cannot be moved, and raise the alarm."""
    aside = partial(stores.runs.set_aside, run, f"failed: {reason}", now=now)
    alert = _alert("run", run.id, run.user_id, reason, now, str(run.version), trigger=run.trigger)
    alert = replace(alert, campaign_id=run.campaign_id)
    if await alarms.set_aside(alert, stores.runs, run.id, aside, stores=stores):
        log.error("run %s is set aside: %s", run.id, reason)


async def set_person_aside(look: Look, reason: str, now: datetime, *, stores: Stores) -> None:
    """Look at someone no more until something about them changes, and raise the alarm."""
    aside = partial(stores.looks.set_aside, look)
    alert = _alert("person", look.user_id, look.user_id, reason, now, now.isoformat())
    alert = replace(alert, data={"reason": reason})
    if await alarms.set_aside(alert, stores.looks, look.user_id, aside, stores=stores):
        log.error("user %s is looked at no more: %s", look.user_id, reason)


async def set_message_aside(
    effect: Effect, wall: datetime, *, tell_by: datetime, stores: Stores
) -> Effect | None:
    """Have a message or a call fail, and raise the alarm; None if someone else has it."""
    failed = replace(effect, state=EffectState.FAILED, reason=_KILLS)
    aside = partial(stores.effects.set_aside, failed, wall=wall, tell_by=tell_by)
    kind = effect.kind.value
    about = {"run": effect.run_id, "trigger": effect.trigger, "step": effect.step}
    alert = _alert(kind, effect.id, effect.user_id, _KILLS, wall, wall.isoformat(), **about)
    alert = replace(alert, campaign_id=effect.campaign_id)
    if not await alarms.set_aside(alert, stores.effects, effect.id, aside, stores=stores):
        return None
    log.error("%s %s is set aside: %s", kind, effect.id, _KILLS)
    return failed


async def set_delivery_aside(
    delivery: Delivery, token: str, wall: datetime, *, stores: Stores
) -> None:
    """Have the delivery of an entry fail, and raise the alarm. The webhook goes on."""
    failed = replace(
        delivery, state=DeliveryState.FAILED, reason=_KILLS, next_at=None, done_at=wall
    )
    aside = partial(stores.deliveries.settle, failed, token)
    time, about = wall.isoformat(), {"webhook": delivery.webhook}
    alert = _alert("delivery", delivery.id, None, _KILLS, wall, time, **about)
    if await alarms.set_aside(alert, stores.deliveries, delivery.id, aside, stores=stores):
        log.error("delivery %s is set aside: %s", delivery.id, _KILLS)


async def set_letter_aside(letter: Letter, wall: datetime, *, stores: Stores) -> None:
    """Keep a letter from being sent, and raise the alarm."""
    aside = partial(stores.letters.set_aside, letter.id, at=wall)
    time, about = wall.isoformat(), {"purpose": letter.purpose.value}
    alert = _alert("letter", letter.id, letter.user_id, _KILLS, wall, time, **about)
    if await alarms.set_aside(alert, stores.letters, letter.id, aside, stores=stores):
        log.error("letter %s is set aside: %s", letter.id, _KILLS)


async def set_audience_aside(audience: Audience, wall: datetime, *, stores: Stores) -> None:
    """Bring an audience up to date no more until it is enabled, and raise the alarm."""
    aside = partial(stores.audiences.set_aside, audience, _KILLS)
    time, about = wall.isoformat(), {"segment": audience.segment}
    alert = _alert("audience", audience.name, None, _KILLS, wall, time, **about)
    if await alarms.set_aside(alert, stores.audiences, audience.name, aside, stores=stores):
        log.error("audience %s is set aside: %s", audience.name, _KILLS)


def _alert(
    kind: str, key: str, user_id: str | None, reason: str, now: datetime, time: str, **about: str
) -> FeedEntry:
    """Return the entry. `time` tells one time from another: it may be put back, and fail again."""
    return FeedEntry(
        f"{kind}:{key}:set_aside:{time}",
        f"alert.{kind}_set_aside",
        now,
        None,
        user_id,
        {kind: key, "reason": reason, **about},
    )


async def put_back(ids: Sequence[str], *, stores: Stores, jobs: Jobs) -> int:
    """Have events that were set aside applied after all; return how many. Safe to repeat.

    Raises Invalid for too many.
    """
    if len(ids) > MOST:
        raise Invalid(f"At most {MOST} events at a time.", field=("ids",))
    events = await stores.events.put_back(ids)
    lanes = sorted({str(event.lane) for event in events})
    if lanes:
        await jobs.ring(Job.WORK_LANE, lanes)
    return len(events)
