"""How a run moves from one of its steps to the next.

Pure: a run, its plan, the user's facts and a moment in, the moved run and its effects out. Who
writes them, and that they are written once, is services.lanes' concern.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias, assert_never

from dsl import Moment, holds
from dsl.moment import add, next_clock
from dsl.triggers import OnEvent, Send, Trigger, Wait, WaitFor, WaitUntil
from dsl.zones import find_zone
from engine.chance import arm_of
from engine.effects import Codes, Facts, changed, effect_of
from engine.plans import Branch, Deed, Do, Fork, Halt, Jump, Listen, Pause, Plan
from engine.quiet import end_of_quiet
from models.effect import Effect, EffectKind, EffectState
from models.event import Event
from models.experiment import Dealt
from models.run import Run, RunState

# A run that was due longer ago than this goes on from the present: after a worker's long absence
# all that it missed would else happen at once.
CATCH_UP = timedelta(hours=6)

Waiting: TypeAlias = Wait | WaitUntil | WaitFor | Deed


@dataclass(frozen=True, slots=True)
class Advance:
    """A run moved as far as it goes for now, what that does to the user, and the facts after it."""

    run: Run
    effects: tuple[Effect, ...]
    facts: Facts


# --- moving --------------------------------------------------------------------------------------


def matches(wanted: OnEvent, event: Event, facts: Facts, moment: Moment) -> bool:
    """Whether an event is the one that a rule waits for."""
    if wanted.event != event.name:
        return False
    if wanted.where is None:
        return True
    return holds(wanted.where, facts, moment, event.facts())


def end(run: Run, reason: str, at: datetime) -> Run:
    """Return the run ended before its last step."""
    return replace(
        run,
        state=RunState.ENDED,
        reason=reason,
        ended_at=at,
        due_at=None,
        waits_for=(),
    )


def due_moment(run: Run, now: datetime) -> datetime:
    """Return the time a due run is looked at for: its own, unless that is long past."""
    due = run.due_at or now
    return due if now - due <= CATCH_UP else now


def resume(run: Run, plan: Plan, facts: Facts, moment: Moment, codes: Codes) -> Advance:
    """Go on with a run whose time has come, as far as it goes at this moment."""
    match plan.at(run.position):
        case Pause():
            return _walk(run, plan, plan.places[run.position or ""] + 1, facts, moment, codes)
        case Listen(_, otherwise):
            return _walk(run, plan, otherwise, facts, moment, codes)
        case Do():  # kept back by quiet hours
            return _walk(run, plan, plan.places[run.position or ""], facts, moment, codes)
        case _:
            return _walk(run, plan, 0, facts, moment, codes)


def receive(
    run: Run, plan: Plan, event: Event, facts: Facts, moment: Moment, codes: Codes
) -> Advance | None:
    """Let a waiting run take notice of an event; None if it is not what the run waits for."""
    if (
        event.name not in run.waits_for
        or event.id == run.started_by
        or (run.since is not None and event.at < run.since)
    ):
        return None
    around = {**facts, "event": run.event, **run.bound}
    match plan.at(run.position):
        case Pause(step) if step.unless and matches(step.unless, event, around, moment):
            return Advance(end(run, f"event {event.name}", event.at), (), facts)
        case Listen(step) if matches(step.event, event, around, moment):
            if step.bound:
                run = replace(run, bound={**run.bound, step.bound: event.facts()})
            return _walk(run, plan, plan.places[step.id] + 1, facts, moment, codes)
        case _:
            return None


def _walk(run: Run, plan: Plan, place: int, facts: Facts, moment: Moment, codes: Codes) -> Advance:
    """Carry out instructions from `place` on until one makes the run wait, or the last one."""
    effects: list[Effect] = []
    while place < len(plan.instructions):
        instruction = plan.instructions[place]
        around = {**facts, "event": run.event, **run.bound}
        match instruction:
            case Do(step):
                until = _kept_until(step, plan.trigger, facts, moment)
                if until is not None:
                    return Advance(_wait(run, step, until, moment.now), tuple(effects), facts)
                effect = effect_of(run, step, around, moment, codes)
                effects.append(effect)
                facts = {**facts, "user": changed(facts["user"], effect)}
                run = _after(run, effect)
                place += 1
            case Pause(step):
                due = _end_of_pause(step, facts, moment)
                return Advance(_wait(run, step, due, moment.now), tuple(effects), facts)
            case Listen(step):
                due = add(moment.now, step.up_to, moment.zone)
                return Advance(_wait(run, step, due, moment.now), tuple(effects), facts)
            case Fork(experiment, arms):
                chosen = arm_of(run.user_id, experiment.name, [share for share, _ in arms])
                dealt = Dealt(experiment, experiment.arms[chosen][0], moment.now)
                run = replace(run, arms=(*run.arms, dealt))
                place = arms[chosen][1]
            case Branch() | Jump() | Halt():
                place = _turn(instruction, place, plan, around, moment)
            case _:
                assert_never(instruction)
    done = replace(
        run, state=RunState.DONE, position=None, ended_at=moment.now, due_at=None, waits_for=()
    )
    return Advance(done, tuple(effects), facts)


def _turn(
    instruction: Branch | Jump | Halt,
    place: int,
    plan: Plan,
    facts: Facts,
    moment: Moment,
) -> int:
    """Return the place of the instruction that follows one that only steers."""
    match instruction:
        case Branch(condition, otherwise):
            return place + 1 if holds(condition, facts, moment) else otherwise
        case Jump(to):
            return to
        case Halt():
            return len(plan.instructions)
        case _:
            assert_never(instruction)


def _wait(run: Run, step: Waiting, due: datetime, now: datetime) -> Run:
    match step:
        case Wait() | WaitUntil() if step.unless is not None:
            waits_for: tuple[str, ...] = (step.unless.event,)
        case WaitFor():
            waits_for = (step.event.event,)
        case _:
            waits_for = ()
    return replace(run, position=step.id, since=now, due_at=due, waits_for=waits_for)


def _end_of_pause(step: Wait | WaitUntil, facts: Facts, moment: Moment) -> datetime:
    match step:
        case Wait():
            return add(moment.now, step.duration, moment.zone)
        case WaitUntil():
            return next_clock(moment.now, step.at, user_zone(facts, moment), step.weekday)
        case _:
            assert_never(step)


def _after(run: Run, effect: Effect) -> Run:
    """Return the run as an effect of it leaves it."""
    run = replace(run, acted=run.acted or effect.state is not EffectState.SKIPPED)
    if effect.kind is EffectKind.GRANT:
        granted = {**run.granted, effect.data["promotion"]: effect.data["code"]}
        run = replace(run, granted=granted)
    return run


def _kept_until(step: Deed, trigger: Trigger, facts: Facts, moment: Moment) -> datetime | None:
    if not isinstance(step, Send):
        return None
    return end_of_quiet(trigger, step, moment, user_zone(facts, moment))


def user_zone(facts: Facts, moment: Moment) -> str:
    """Return the zone of the user's own clock: the workspace's where theirs is not known."""
    zone = facts["user"].get("timezone")
    known = isinstance(zone, str) and find_zone(zone) is not None
    return str(zone) if known else moment.program.zone
