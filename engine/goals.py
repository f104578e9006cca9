"""What a trigger is meant to bring about, and whether it has, run by run; held-out runs too."""

from datetime import datetime

from dsl import Moment, holds
from dsl.clauses import Length
from dsl.moment import add
from dsl.triggers import Trigger
from engine.effects import Facts
from models.event import Event
from models.run import Run, RunState

# For goals that do not say within which time.
USUAL = Length(30, "day")


def goal_until(trigger: Trigger, started_at: datetime, zone: str) -> datetime | None:
    """Return until when the goal of a run that starts now counts; None if it has no goal."""
    if trigger.goal is None:
        return None
    return add(started_at, trigger.goal.within or USUAL, zone)


def is_open(run: Run, event: Event) -> bool:
    """Whether an event comes in the time in which a run's goal counts and has not been reached."""
    return (
        run.state is not RunState.PLANNED
        and run.goal_until is not None
        and run.converted_at is None
        and run.started_at <= event.at < run.goal_until
        and event.id != run.started_by
    )


def reaches(run: Run, trigger: Trigger, event: Event, facts: Facts, moment: Moment) -> bool:
    """Whether an event is what the trigger of a run is meant to bring about."""
    goal = trigger.goal
    if goal is None or goal.event != event.name or not is_open(run, event):
        return False
    around = {**facts, "event": run.event, **run.bound}
    return goal.where is None or holds(goal.where, around, moment, event.facts())
