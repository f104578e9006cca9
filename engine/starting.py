"""Whom an event or a time starts on a journey: conditions, windows, holdouts, limits, re-entry.

An event starts a run as it is applied. Everything else that starts runs (a time of day, a segment
that someone enters) plans them: `planned` makes a run that is due when it may start, and the lane
judges it then with `is_for`, `admit` and `begun`, as it judges an event.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from dsl import Moment, holds
from dsl.clauses import Active, Limit
from dsl.moment import add
from dsl.program import Program
from dsl.triggers import OnEvent, OnSegment, Trigger
from engine.chance import held_out
from engine.effects import Facts
from engine.goals import goal_until
from engine.journeys import end, matches
from engine.matching import Condition, Index, within
from engine.plans import Plan
from engine.schedule import is_active
from models.event import LATEST, Event
from models.experiment import BEGUN, HELD_OUT, Dealt, Experiment
from models.run import Run, RunState, run_id


def listeners(program: Program) -> dict[str, tuple[Trigger, ...]]:
    """Return the triggers that each event can start, by priority."""
    found: dict[str, list[Trigger]] = {}
    for trigger in sorted(program.triggers.values(), key=rank):
        if isinstance(trigger.start, OnEvent):
            found.setdefault(trigger.start.event, []).append(trigger)
    return {event: tuple(triggers) for event, triggers in found.items()}


def on_segments(program: Program) -> dict[tuple[str, bool], tuple[Trigger, ...]]:
    """Return the triggers that entering (or leaving) each segment starts, by priority."""
    found: dict[tuple[str, bool], list[Trigger]] = {}
    for trigger in sorted(program.triggers.values(), key=rank):
        match trigger.start:
            case OnSegment(segment, enters):
                found.setdefault((segment, enters), []).append(trigger)
            case _:
                pass
    return {move: tuple(triggers) for move, triggers in found.items()}


def rank(trigger: Trigger) -> tuple[int, str]:
    """Order triggers, the one that starts first before the others."""
    return -trigger.priority, trigger.name


def starts(trigger: Trigger, event: Event, facts: Facts, moment: Moment) -> bool:
    """Whether this event starts this trigger for its user, limits and other runs aside."""
    if not isinstance(trigger.start, OnEvent) or event.received_at - event.at > LATEST:
        return False
    facts = {**facts, "event": event.facts()}
    return matches(trigger.start, event, facts, moment) and is_for(trigger, facts, moment)


def is_for(trigger: Trigger, facts: Facts, moment: Moment) -> bool:
    """Whether a trigger is active at a moment and for a user, whatever it is that starts it."""
    return is_active(windows(trigger, moment.program), moment) and (
        trigger.audience is None or holds(trigger.audience, facts, moment)
    )


def started(
    index: Index[Plan], event: Event, facts: Facts, moment_in: Callable[[str | None], Moment]
) -> list[Plan]:
    """Return the plans of an index of listeners that this event starts, as `starts` says of each.

    `moment_in` gives the moment in a trigger's zone.
    """
    if event.received_at - event.at > LATEST:
        return []
    told = event.facts()
    moment = moment_in(None)
    return [
        plan
        for plan in index.match({**facts, "event": told}, moment_in, told)
        if is_active(windows(plan.trigger, moment.program), moment)
    ]


def conditions_of(trigger: Trigger, program: Program) -> Iterator[Condition]:
    """Yield what an event, its user and the time must fulfil; not hours that recur."""
    yield from within(windows(trigger, program))
    if isinstance(trigger.start, OnEvent) and trigger.start.where is not None:
        yield Condition(trigger.start.where, trigger.zone)
    if trigger.audience is not None:
        yield Condition(trigger.audience, trigger.zone)


def windows(trigger: Trigger, program: Program) -> Sequence[Active]:
    """Return when a trigger is active: its own windows and those of its campaign."""
    campaign = program.campaigns.get(trigger.campaign) if trigger.campaign else None
    return trigger.active + (campaign.active if campaign else ())


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
    return _with_goal(run, trigger, program)


def planned(
    trigger: Trigger,
    user_id: str,
    cause: str,
    at: datetime,
    *,
    campaign_id: str | None,
    publication: int,
) -> Run:
    """Return a run that something other than an event is to start at a time.

    `cause` says what starts it: the same cause never starts a second run of the trigger for the
    user. Whether it does start is judged when the time has come.
    """
    return Run(
        id=run_id(trigger.name, f"{cause}\n{user_id}"),
        trigger=trigger.name,
        user_id=user_id,
        campaign_id=campaign_id,
        publication=publication,
        started_by=cause,
        started_at=at,
        state=RunState.PLANNED,
        due_at=at,
    )


def begun(run: Run, trigger: Trigger, at: datetime, program: Program) -> Run:
    """Return a planned run that starts now, before its first step. It may be held out."""
    started_run = replace(run, state=RunState.WAITING, started_at=at, due_at=None)
    return _with_goal(started_run, trigger, program)


def _with_goal(run: Run, trigger: Trigger, program: Program) -> Run:
    until = goal_until(trigger, run.started_at, program.zone)
    return _unless_held_out(replace(run, goal_until=until), trigger, program)


def kept_out_by(user_id: str, trigger: Trigger, program: Program) -> str | None:
    """Return the trigger or campaign whose holdout keeps someone out, if one does."""
    shares = _holdouts(trigger, program)
    return next((name for name, share in shares if held_out(user_id, name, share)), None)


def _holdouts(trigger: Trigger, program: Program) -> list[tuple[str, Decimal]]:
    campaign = program.campaigns.get(trigger.campaign) if trigger.campaign else None
    shares = [] if trigger.holdout is None else [(trigger.name, trigger.holdout)]
    if campaign is not None and campaign.holdout is not None:
        shares.append((campaign.name, campaign.holdout))
    return shares


def _unless_held_out(run: Run, trigger: Trigger, program: Program) -> Run:
    shares = _holdouts(trigger, program)
    if not shares:
        return run
    experiment = Experiment.holdout(share for _, share in shares)
    by = kept_out_by(run.user_id, trigger, program)
    if by is None:
        return replace(run, arms=(Dealt(experiment, BEGUN, run.started_at),))
    held = replace(run, arms=(Dealt(experiment, HELD_OUT, run.started_at, by),))
    return end(held, "held_out", run.started_at)


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
    # What a run did stays done when another replaces it.
    rest = [run for run in earlier if run.acted or run not in replaces]
    for limit in trigger.limits:
        if limit.per == "user" and len(used_up_by(limit, rest, at, zone)) >= limit.count:
            return Admission(start=False)
    return Admission(start=True, replaces=replaces)


def used_up_by(limit: Limit, runs: Sequence[Run], at: datetime, zone: str) -> list[Run]:
    """Return the runs that count against a limit per user at a time."""
    # One that has done nothing yet still may.
    used = [run for run in runs if run.acted or run.state is RunState.WAITING]
    within = limit.within
    return [run for run in used if within is None or add(run.started_at, within, zone) > at]


def total_limit(trigger: Trigger) -> int | None:
    """Return how many runs the trigger may have altogether, if that is limited."""
    return min((limit.count for limit in trigger.limits if limit.per == "total"), default=None)
