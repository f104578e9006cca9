"""Carrying over what moves of runs decided: effects, changes to people, entries of the feed.

Every part is keyed by what it is, so all of it may be repeated; the run remembers that it is
unsettled until all of it is done.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from engine.journeys import end
from models.effect import Effect, EffectState
from models.experiment import HOLDOUT, Dealt
from models.feed import FeedEntry
from models.run import Run
from services.effects import Means, carry_out
from services.jobs import Job, Jobs
from services.rulebook import Published

PAGE = 20  # messages to a delivery
_STOPPED_AT_ONCE = 500
# What was longer ago than a run's last move was told with an earlier one. The feed knows that for
# thirty days; after that it would tell it twice.
_TOLD = timedelta(days=15)


async def settle(runs: Sequence[Run], means: Means) -> None:
    """Do what these runs' last moves decided, then have messages delivered. Safe to repeat."""
    if not runs:
        return
    stores = means.stores
    effects = [effect for run in runs for effect in run.unsettled or ()]
    await asyncio.gather(
        carry_out(effects, means),
        stores.outbox.add(entry for run in runs for entry in _entries(run)),
        *(stores.limits.give_back(run.trigger, run.id) for run in runs if run.spares_its_place),
    )
    await stores.runs.settle(runs)
    await ring([effect for effect in effects if _to_send(effect)], jobs=means.jobs)


async def stop_ended(published: Published, means: Means) -> int:
    """End all runs of campaigns that are no longer live; return how many. Safe to repeat."""
    stopped = 0
    for campaign_id in await means.stores.runs.waiting_campaigns():
        if campaign_id is not None and campaign_id not in published.campaigns:
            stopped += await stop_campaign(campaign_id, means)
    return stopped


async def stop_campaign(campaign_id: str, means: Means) -> int:
    """End all runs of a campaign that has ended; return how many. Safe to repeat."""
    stores, now = means.stores, means.clock.now()
    stopped = 0
    await stores.runs.drop_planned(campaign_id)
    while runs := await stores.runs.waiting_in(campaign_id, limit=_STOPPED_AT_ONCE):
        await settle([run for run in runs if run.unsettled is not None], means)
        ended = [
            replace(end(run, "campaign_ended", now), version=run.version + 1, unsettled=())
            for run in runs
        ]
        written = await stores.runs.move(ended)
        await settle(written.runs, means)
        stopped += len(written.runs)
    return stopped


async def ring(effects: Sequence[Effect], *, jobs: Jobs) -> None:
    """Have these effects leave the house: in queues of their own, so that none waits for bulk."""
    by_job: dict[Job, list[str]] = {}
    for effect in effects:
        by_job.setdefault(_job(effect), []).append(effect.id)
    for job, ids in by_job.items():
        pages = [",".join(ids[place : place + PAGE]) for place in range(0, len(ids), PAGE)]
        await jobs.ring(job, pages)


def _job(effect: Effect) -> Job:
    if effect.channel == "webhook":
        return Job.CALL_WEBHOOKS
    return Job.SEND_URGENT if effect.transactional else Job.SEND_MESSAGES


def _to_send(effect: Effect) -> bool:
    return effect.leaves and effect.state is EffectState.PENDING


def _entries(run: Run) -> Iterator[FeedEntry]:
    about = {"run": run.id, "trigger": run.trigger, "held_out": run.reason == "held_out"}
    moved = max(at for at in (run.started_at, run.since, run.converted_at, run.ended_at) if at)
    if run.version == 1:
        held = [each for each in run.arms if each.experiment.name == HOLDOUT]
        cause = {"event" if run.event else "occurrence": run.started_by}
        data = {**about, **cause, **_splits(held)}
        yield FeedEntry(
            f"{run.id}:started", "run.started", run.started_at, run.campaign_id, run.user_id, data
        )
    for effect in run.unsettled or ():
        if effect.leaves and effect.state is EffectState.SKIPPED:
            yield message_entry(effect)
    for each in run.arms:
        if each.experiment.name != HOLDOUT and moved - each.at < _TOLD:
            yield FeedEntry(
                f"{run.id}:split:{each.experiment.name}",
                "run.split",
                each.at,
                run.campaign_id,
                run.user_id,
                {**about, **_splits([each])},
            )
    if run.converted_at is not None and moved - run.converted_at < _TOLD:
        # What they were dealt later had no part in it.
        dealt = [each for each in run.arms if each.at <= run.converted_at]
        yield FeedEntry(
            f"{run.id}:converted",
            "run.converted",
            run.converted_at,
            run.campaign_id,
            run.user_id,
            {**about, **_splits(dealt)},
        )
    if run.ended_at is not None and moved - run.ended_at < _TOLD:
        data = {**about, "state": run.state.value, "reason": run.reason}
        yield FeedEntry(
            f"{run.id}:ended", "run.ended", run.ended_at, run.campaign_id, run.user_id, data
        )


def _splits(dealt: Sequence[Dealt]) -> dict[str, Any]:
    return {"splits": [each.told() for each in dealt]} if dealt else {}


def message_entry(effect: Effect) -> FeedEntry:
    """Return the feed's entry on what became of a message, or of a call of a webhook."""
    return FeedEntry(
        f"{effect.id}:{effect.state.value}",
        f"{effect.kind.value}.{effect.state.value}",
        effect.sent_at or effect.at,
        effect.campaign_id,
        effect.user_id,
        {
            "message": effect.id,
            "run": effect.run_id,
            "trigger": effect.trigger,
            "step": effect.step,
            "channel": effect.channel,
            "template": effect.template,
            "subject": effect.subject,
            "reason": effect.reason,
        },
    )
