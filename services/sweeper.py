"""The sweep: whatever waits although its bell was lost is rung for again."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from models.store import Stores
from services import messages, runs
from services.clock import Clock
from services.jobs import Job, Jobs
from services.rulebook import Rulebook

PATIENCE = timedelta(seconds=3)  # work that was rung for should be taken by then
DUE_AGAIN = timedelta(seconds=0.5)


@dataclass(slots=True)
class Watch:
    """What the sweeper remembers between rounds. Forgetting it costs a bell too many, no more."""

    pending_since: dict[int, datetime] = field(default_factory=dict)
    rung_at: dict[int, datetime] = field(default_factory=dict)
    looks_at: dict[int, datetime] = field(default_factory=dict)
    messages_at: datetime | None = None
    publication: int | None = None


async def ring_due(
    watch: Watch, *, stores: Stores, rulebook: Rulebook, jobs: Jobs, clock: Clock
) -> int:
    """Ring the lanes in which runs are due; return how many were rung."""
    published = await rulebook.current()
    wall = clock.wall()
    due = await stores.runs.due_lanes(clock.now(), paused=sorted(published.paused))
    for lane in watch.rung_at.keys() - due:
        del watch.rung_at[lane]
    lanes = [
        lane
        for lane in sorted(due)
        if lane not in watch.rung_at or wall - watch.rung_at[lane] >= DUE_AGAIN
    ]
    watch.rung_at.update(dict.fromkeys(lanes, wall))
    if lanes:
        await jobs.ring(Job.WORK_LANE, [str(lane) for lane in lanes])
    return len(lanes)


async def ring_looks(watch: Watch, *, stores: Stores, jobs: Jobs, clock: Clock) -> int:
    """Ring the lanes in which people are to be looked at; return how many were rung."""
    wall = clock.wall()
    due = set(await stores.looks.due_lanes(clock.now()))
    for lane in watch.looks_at.keys() - due:
        del watch.looks_at[lane]
    lanes = [
        lane
        for lane in sorted(due)
        if lane not in watch.looks_at or wall - watch.looks_at[lane] >= DUE_AGAIN
    ]
    watch.looks_at.update(dict.fromkeys(lanes, wall))
    if lanes:
        await jobs.ring(Job.WORK_LANE, [str(lane) for lane in lanes])
    return len(lanes)


async def sweep(watch: Watch, *, stores: Stores, jobs: Jobs, clock: Clock) -> None:
    """Ring for lanes whose events wait too long, and see to messages that are stuck."""
    wall = clock.wall()
    pending = set(await stores.events.pending_lanes())
    for lane in watch.pending_since.keys() - pending:
        del watch.pending_since[lane]
    late = [
        lane
        for lane in sorted(pending)
        if wall - watch.pending_since.setdefault(lane, wall) >= PATIENCE
    ]
    watch.pending_since.update(dict.fromkeys(late, wall))
    if late:
        await jobs.ring(Job.WORK_LANE, [str(lane) for lane in late])
    if watch.messages_at is None or wall - watch.messages_at >= PATIENCE:
        watch.messages_at = wall
        await runs.ring(await messages.sweep(stores=stores, clock=clock), jobs=jobs)
