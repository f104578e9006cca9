"""Whom an event starts on a journey: conditions, windows, holdouts, limits, re-entry."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dsl import Moment, holds
from dsl.moment import add
from dsl.program import Program
from dsl.triggers import OnEvent, Trigger
from engine.chance import held_out
from engine.journeys import Facts, end, matches
from engine.schedule import is_active
from models.event import Event
from models.run import Run, RunState, run_id

# Triggers start only on events that are told in time.
LATEST = timedelta(hours=24)


def listeners(program: Program) -> dict[str, tuple[Trigger, ...]]:
    """Return the triggers that each event can start, by priority."""
    found: dict[str, list[Trigger]] = {}
    for trigger in sorted(program.triggers.values(), key=lambda t: (-t.priority, t.name)):
        if isinstance(trigger.start, OnEvent):
            found.setdefault(trigger.start.event, []).append(trigger)
    return {event: tuple(triggers) for event, triggers in found.items()}


def starts(trigger: Trigger, event: Event, facts: Facts, moment: Moment) -> bool:
    """Whether this event starts this trigger for its user, limits and other runs aside."""
    if not isinstance(trigger.start, OnEvent) or event.received_at - event.at > LATEST:
        return False
    program = moment.program
    campaign = program.campaigns.get(trigger.campaign) if trigger.campaign else None
    windows = trigger.active + (campaign.active if campaign else ())
    return (
        is_active(windows, moment)
        and matches(trigger.start, event, facts, moment)
        and (
            trigger.audience is None
            or holds(trigger.audience, {**facts, "event": event.facts()}, moment)
        )
    )


def begin(trigger: Trigger, event: Event, campaign_id: str | None, program: Program) -> Run:
    """Return the run that an event starts, before its first step. It may be held out."""
    run = Run(
        id=run_id(trigger.name, event.id),
        trigger=trigger.name,
        user_id=event.user_id,
        campaign_id=campaign_id,
        publication=event.publication,
        started_by=event.id,
        started_at=event.at,
        event=event.facts(),
    )
    campaign = program.campaigns.get(trigger.campaign) if trigger.campaign else None
    shares = [(trigger.name, trigger.holdout)]
    if campaign is not None:
        shares.append((campaign.name, campaign.holdout))
    for name, share in shares:
        if share is not None and held_out(event.user_id, name, share):
            return end(run, "held_out", event.at)
    return run


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a run may start beside what its user has had of the trigger; what it replaces."""

    start: bool
    replaces: tuple[Run, ...] = ()


def admit(trigger: Trigger, earlier: Sequence[Run], at: datetime, zone: str) -> Admission:
    """Apply `reenter` and the limits per user. `earlier` is this user's runs of this trigger."""
    under_way = [run for run in earlier if run.under_way(at)]
    replaces: tuple[Run, ...] = ()
    match trigger.reenter:
        case "parallel":
            pass
        case "never" if under_way:
            return Admission(start=False)
        case "restart":
            replaces = tuple(run for run in under_way if run.state is RunState.WAITING)
        case _:
            if any(run.acted for run in under_way):
                return Admission(start=False)
            replaces = tuple(run for run in under_way if run.state is RunState.WAITING)
    # A run that has done nothing yet still may, unless it makes room for this one.
    used = [
        run
        for run in earlier
        if run.acted or (run.state is RunState.WAITING and run not in replaces)
    ]
    for limit in trigger.limits:
        if limit.per == "user":
            within = limit.within
            counted = [
                run for run in used if within is None or add(run.started_at, within, zone) > at
            ]
            if len(counted) >= limit.count:
                return Admission(start=False)
    return Admission(start=True, replaces=replaces)


def total_limit(trigger: Trigger) -> int | None:
    """Return how many runs the trigger may have altogether, if that is limited."""
    return min((limit.count for limit in trigger.limits if limit.per == "total"), default=None)
