"""Whatever kills its worker: found one by one, and set aside after five tries.

Nothing is counted as long as all goes well. Whoever takes over a lane that its holder never let go
of takes things singly for a while, and counts each before touching it: a worker that is killed has
then left a mark on what it died of.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from models.errors import Invalid
from models.event import Event
from models.feed import FeedEntry
from models.run import Run
from models.store import Stores
from services.jobs import Job, Jobs

log = logging.getLogger(__name__)

SINGLY = 500  # things to take one by one
# With the try before anybody counted, five.
TRIES = 4
MOST = 500
_KILLS = "its worker was killed again and again"


@dataclass(frozen=True, slots=True)
class Suspect:
    """What to work on next: an event, or a run that is due."""

    event: Event | None = None
    run: Run | None = None


async def next_suspect(
    lane: int, now: datetime, *, paused: list[str], stores: Stores
) -> Suspect | None:
    """Return what waits longest in a lane, counted; None if nothing waits. Sets aside the rest."""
    while True:
        found = await stores.runs.count_due(lane, now, paused=paused)
        if found is None:
            break
        run, claims = found
        if claims <= TRIES:
            return Suspect(run=run)
        await set_run_aside(run, _KILLS, now, stores=stores)
    while True:
        told = await stores.events.count_pending_first(lane)
        if told is None:
            return None
        event, claims = told
        if claims <= TRIES:
            return Suspect(event=event)
        await set_event_aside(event, _KILLS, now, stores=stores)


async def set_event_aside(event: Event, reason: str, now: datetime, *, stores: Stores) -> None:
    """Take an event out of its lane, for someone to look at, and raise the alarm."""
    log.error("event %s is set aside: %s", event.id, reason)
    await stores.outbox.add([_alert("event", event.id, event.user_id, reason, now)])
    await stores.events.set_aside(event.id, reason, at=now)


async def set_run_aside(run: Run, reason: str, now: datetime, *, stores: Stores) -> None:
    """End a run that cannot be moved, and raise the alarm."""
    log.error("run %s is set aside: %s", run.id, reason)
    await stores.outbox.add([_alert("run", run.id, run.user_id, reason, now, run.campaign_id)])
    await stores.runs.set_aside(run, f"failed: {reason}", now=now)


def _alert(
    kind: str, key: str, user_id: str, reason: str, now: datetime, campaign_id: str | None = None
) -> FeedEntry:
    return FeedEntry(
        f"{kind}:{key}:set_aside:{now.isoformat()}",
        f"alert.{kind}_set_aside",
        now,
        campaign_id,
        user_id,
        {kind: key, "reason": reason},
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
