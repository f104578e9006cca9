"""Planning runs: what a time or a segment starts, kept until its turn comes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from dsl.program import Program
from dsl.triggers import Pace, Trigger
from engine.starting import kept_out_by
from models.run import Run
from models.store import Stores
from services.jobs import Job, Jobs

_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}


class Paces(Protocol):
    """Who was last given a turn, and until when it lasts."""

    async def take(self, trigger: str, span: timedelta, *, after: datetime) -> datetime:
        """Take so much time, the next that is free from `after` on; return its beginning."""


async def turns(
    trigger: Trigger, pace: Pace, count: int, *, paces: Paces, after: datetime
) -> list[datetime]:
    """Take the next `count` turns of a trigger from `after` on, as far apart as its pace wants."""
    unit = _UNITS[pace.unit]
    span = -(-count * unit // pace.count)
    first = await paces.take(trigger.name, span, after=after)
    return [first + place * unit // pace.count for place in range(count)]


async def spread(
    runs: Sequence[Run], trigger: Trigger, program: Program, *, paces: Paces, after: datetime
) -> list[Run]:
    """Return planned runs of one trigger, each with its turn if there is a pace.

    Whom a holdout keeps out does not start, and takes none.
    """
    if trigger.pace is None:
        return list(runs)
    starting = [run for run in runs if kept_out_by(run.user_id, trigger, program) is None]
    if not starting:
        return list(runs)
    given = await turns(trigger, trigger.pace, len(starting), paces=paces, after=after)
    with_turn = {
        run.id: replace(run, started_at=turn, due_at=turn)
        for run, turn in zip(starting, given, strict=True)
    }
    return [with_turn.get(run.id, run) for run in runs]


async def plan(
    runs: Sequence[Run],
    trigger: Trigger,
    program: Program,
    *,
    stores: Stores,
    jobs: Jobs,
    now: datetime,
) -> None:
    """Keep planned runs of one trigger, spread by its `pace`, and ring for those that are due.

    Safe to repeat: a run that is there already stays as it is, and takes no second turn.
    """
    if trigger.pace is not None and runs:
        known = await stores.runs.known([run.id for run in runs])
        fresh = [run for run in runs if run.id not in known]
        after = max([now, *(run.started_at for run in fresh)])
        runs = await spread(fresh, trigger, program, paces=stores.paces, after=after)
    await stores.runs.plan(runs)
    due = sorted({str(run.lane) for run in runs if run.due_at is None or run.due_at <= now})
    if due:
        await jobs.ring(Job.WORK_LANE, due)
