"""Whether a trigger is for someone: its window, the event that starts it, its audience."""

from collections.abc import Iterator, Mapping
from typing import Any

from dsl import Moment, explain
from dsl.core import InSegment, Not
from dsl.explanation.wording import in_words, noun_of
from dsl.kinds import TIMESTAMP
from dsl.triggers import AtTime, Every, OnEvent, OnSegment, Trigger
from dsl.values import as_instant
from engine.explaining.account import Clause, condition
from engine.explaining.holdouts import holdouts
from engine.explaining.situation import Situation
from engine.explaining.windows import windows
from engine.journeys import user_zone
from engine.occasions import Place, next_occasion


def trigger_clauses(trigger: Trigger, situation: Situation) -> Iterator[Clause]:
    """Yield what decides whether a run starts, the user's earlier runs aside.

    The event that starts it is the latest of its name that is known of the user.
    """
    moment, facts = _moment(trigger, situation), situation.seen()
    if trigger.name in situation.paused:
        yield Clause("campaign", False, "its campaign is paused")
    yield from windows(trigger.active, moment)
    match trigger.start:
        case OnEvent() as start:
            event = _latest(start.event, facts, moment)
            yield _on(start, event, facts, moment)
            facts = facts if event is None else {**facts, "event": event}
        case OnSegment(segment, enters):
            member = InSegment(segment)
            tree = explain(member if enters else Not(member), facts, moment)
            yield condition(f"when user {'enters' if enters else 'leaves'} segment", tree)
        case AtTime() | Every():
            yield _timed(trigger, moment)
    if trigger.audience is not None:
        yield condition("for", explain(trigger.audience, facts, moment))
    if situation.has_user:
        campaign = situation.program.campaigns.get(trigger.campaign or "")
        yield from holdouts(trigger.name, trigger.holdout, campaign, situation.user_id)


def _moment(trigger: Trigger, situation: Situation) -> Moment:
    moment = situation.moment
    if trigger.zone is None:
        return moment
    if trigger.zone == "user":
        return moment.in_zone(user_zone(situation.seen(), moment))
    return moment.in_zone(trigger.zone)


def _timed(trigger: Trigger, moment: Moment) -> Clause:
    """Say when a trigger starts next by the clock of the moment's zone."""
    occasion = next_occasion(trigger, Place(moment.zone, own=True), moment.now)
    name = "at" if isinstance(trigger.start, AtTime) else "every"
    if occasion is None:
        return Clause(name, False, "its time is over")
    return Clause(name, True, f"next on {in_words(occasion.at, TIMESTAMP, zone=moment.zone)}")


def _latest(name: str, facts: Mapping[str, Any], moment: Moment) -> Mapping[str, Any] | None:
    told = (facts.get("events") or {}).get(name, ())
    past = [event for event in told if as_instant(event["time"]) <= moment.now]
    return max(past, key=lambda event: as_instant(event["time"]), default=None)


def _on(
    start: OnEvent, event: Mapping[str, Any] | None, facts: Mapping[str, Any], moment: Moment
) -> Clause:
    name = f"on {start.event}"
    if event is None:
        return Clause(name, False, f"no {noun_of(start.event)} of this user is known")
    at = in_words(as_instant(event["time"]), TIMESTAMP, zone=moment.zone)
    text = f"the latest, of {at}"
    if start.where is None:
        return Clause(name, True, text)
    return condition(f"{name} where", explain(start.where, facts, moment, event), text)
