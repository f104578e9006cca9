"""Triggers: what starts them, for whom, how often, and their journeys."""

from dsl import nodes
from dsl.checker import literals
from dsl.checker.agreement import UNKNOWN
from dsl.checker.clauses import (
    Binding,
    Clauses,
    active_of,
    goal_of,
    holdout_of,
    limits_of,
    matched,
    priority_of,
    zone_of,
)
from dsl.checker.expressions import condition
from dsl.checker.scopes import Scope, trigger_scope
from dsl.checker.steps import NO_EVENT, Journey
from dsl.checker.world import World
from dsl.kinds import Kind
from dsl.triggers import AtTime, Every, OnSegment, Pace, Start, Step, Trigger

STARTS = nodes.OnEvent | nodes.AtTime | nodes.Every | nodes.OnSegment
NEEDS_A_START = "`on EVENT`, `at TIME`, `every day at …` or `when user enters segment …`"
USER = "user"
LAST_OF_MONTH = 31


def lowered(node: nodes.Trigger, world: World, binding: Binding) -> Trigger | None:
    """Return a trigger, or None where nothing starts it, having said what is wrong with it."""
    clauses = Clauses(node.name, "trigger", node.clauses, world.report)
    written = _start_node(clauses)
    active_zone = zone_of(clauses)
    zone = _zone_of(written, clauses) or active_zone
    # Where each user has a zone of their own, times without an offset are the workspace's.
    reading = world.zone if zone in (None, USER) else zone
    scope = trigger_scope(world, reading or world.zone, _event_kind(written, world))
    start = None if written is None else _start(written, zone, scope)
    audience = clauses.one(nodes.Audience, "for")
    reenter = clauses.one(nodes.Reenter, "reenter")
    trigger = Trigger(
        name=node.name.text,
        start=start or NO_EVENT,
        title=None if node.title is None else node.title.value,
        active=active_of(clauses, active_zone, world.zone, binding),
        audience=None if audience is None else condition(audience.condition, scope),
        limits=limits_of(clauses),
        quiet=_quiet(clauses),
        pace=_pace(clauses),
        reenter=None if reenter is None else reenter.mode,
        holdout=holdout_of(clauses),
        goal=goal_of(clauses, scope, binding),
        priority=priority_of(clauses),
        steps=_steps(clauses, scope),
        zone=zone,
        campaign=binding.campaign,
        span=node.span,
    )
    return None if start is None else trigger


def _start_node(clauses: Clauses) -> STARTS | None:
    """Return what starts a trigger: exactly one thing does."""
    found = [clause for clause in clauses.written if isinstance(clause, STARTS)]
    if not found:
        message = f"nothing starts trigger `{clauses.owner.text}`"
        clauses.report.error("E241", clauses.owner.span, message, NEEDS_A_START)
        return None
    for again in found[1:]:
        hint = "write a second trigger for it"
        clauses.report.error("E240", again.span, "a trigger has one start", hint)
    return found[0]


def _zone_of(node: STARTS | None, clauses: Clauses) -> str | None:
    match node:
        case nodes.AtTime(zone=nodes.UserZone()) | nodes.Every(zone=nodes.UserZone()):
            return USER
        case nodes.AtTime(zone=nodes.Text() as zone) | nodes.Every(zone=nodes.Text() as zone):
            return literals.zone_name(zone, clauses.report)
        case _:
            return None


def _event_kind(node: STARTS | None, world: World) -> Kind | None:
    """Return what `event` is: nothing, or unknown where the start itself is in error."""
    match node:
        case None:
            return UNKNOWN
        case nodes.OnEvent(event=match):
            return world.events.get(match.event.text, UNKNOWN)
        case _:
            return None


def _start(node: STARTS, zone: str | None, scope: Scope) -> Start | None:
    world, report = scope.world, scope.world.report
    match node:
        case nodes.OnEvent(event=event):
            return matched(event, scope)
        case nodes.AtTime(at=at):
            if at.value.tzinfo is not None and node.zone is not None:
                message = "a time with an offset is the same instant in every zone"
                report.error("E242", node.zone.span, message, "leave out one of the two")
            return AtTime(at.value, zone)
        case nodes.Every(unit=unit, on=on, at=at):
            day: str | int | None = None
            if isinstance(on, nodes.Number):
                day = literals.count(on, report, "a day of the month")
                if day > LAST_OF_MONTH:
                    report.error("E229", on.span, f"a month has at most {LAST_OF_MONTH} days")
            else:
                day = on
            return Every(unit, day, literals.clock(at.value), zone)
        case nodes.OnSegment(segment=segment, enters=enters):
            world.knows(segment, nodes.Segment, "E203")
            return OnSegment(segment.text, enters)


def _steps(clauses: Clauses, scope: Scope) -> tuple[Step, ...]:
    then = clauses.needed(nodes.Then, "then", 'such as `then { send email "welcome" }`')
    if then is None:
        return ()
    if not then.steps:
        clauses.report.error("E241", then.span, "a journey needs at least one step")
    return Journey(scope).steps(then.steps, scope)


def _quiet(clauses: Clauses) -> tuple[str, str] | None:
    node = clauses.one(nodes.Quiet, "quiet")
    if node is None:
        return None
    start, end = literals.clock(node.start.value), literals.clock(node.end.value)
    if start == end:
        clauses.report.error("E244", node.span, "this ends at the time at which it starts")
    return start, end


def _pace(clauses: Clauses) -> Pace | None:
    node = clauses.one(nodes.Pace, "pace")
    if node is None:
        return None
    return Pace(literals.count(node.count, clauses.report, "a pace"), node.unit)
