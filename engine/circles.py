"""Triggers that would start each other again and again before any time passes."""

from collections.abc import Iterator, Mapping, Sequence

from dsl.core import Apply, Const, Expr, InSegment, Ref
from dsl.program import Program
from dsl.triggers import (
    AwardStep,
    Emit,
    If,
    OnEvent,
    OnSegment,
    SetFact,
    Split,
    Step,
    Stop,
    Tag,
    Trigger,
    Wait,
    WaitFor,
    WaitUntil,
)
from dsl.walking import nodes
from engine.membership import watch_of

# What steps change at once, and the step that does, as it is written.
_Done = dict[str, str]


def circles(program: Program) -> dict[str, str]:
    """Return the triggers that would start themselves again at once, and so for ever.

    A `wait` before the step breaks a circle, and so does a limit per user. Who enters a segment
    enters it again only after leaving it, so that a trigger alone is no circle there.
    """
    following: dict[str, dict[str, str]] = {}
    for trigger in program.triggers.values():
        if not any(limit.per == "user" for limit in trigger.limits):
            done = _done_at_once(trigger.steps)[0]
            following[trigger.name] = {
                other.name: step
                for change, step in done.items()
                for other in program.triggers.values()
                if _may_start(other, change, program)
                and (other is not trigger or isinstance(other.start, OnEvent))
            }
    return {
        name: f"`{step}` starts this again at once, and so for ever; `wait` before it, or"
        " `limit` the runs per user"
        for name, nexts in following.items()
        for first, step in nexts.items()
        if _reaches(first, name, following)
    }


def _may_start(trigger: Trigger, change: str, program: Program) -> bool:
    match trigger.start:
        case OnEvent(event):
            return change == f"event.{event}"
        case OnSegment(segment):
            tag = change.removeprefix("tag.")
            if tag != change:
                return _may_mind(program.segments[segment].condition, tag, program, {segment})
            return segment in watch_of(program).concerned([change])
        case _:
            return False


def _may_mind(condition: Expr, tag: str, program: Program, seen: set[str]) -> bool:
    """Whether a segment asks for this tag, or asks about tags in another way."""
    asked: set[int] = set()
    for node in nodes(condition):
        match node:
            case Apply("contains", (Ref("user", ("tags",)) as tags, Const(str() as wanted))):
                asked.add(id(tags))
                if wanted == tag:
                    return True
            case Ref("user", ("tags", *_)) if id(node) not in asked:
                return True
            case InSegment(name) if name in program.segments and name not in seen:
                seen.add(name)
                if _may_mind(program.segments[name].condition, tag, program, seen):
                    return True
            case _:
                pass
    return False


def _reaches(start: str, goal: str, following: Mapping[str, Mapping[str, str]]) -> bool:
    seen, waiting = set[str](), [start]
    while waiting:
        name = waiting.pop()
        if name == goal:
            return True
        if name not in seen:
            seen.add(name)
            waiting += following.get(name, ())
    return False


def _done_at_once(steps: Sequence[Step]) -> tuple[_Done, bool]:
    """Return what steps may change before any time passes; whether time surely does."""
    done: _Done = {}
    for step in steps:
        match step:
            case Wait() | WaitUntil() | Stop():
                return done, True
            case If() | WaitFor() | Split():
                found = [_done_at_once(way) for way in _at_once(step)]
                for each, _ in found:
                    done |= each
                if all(waits for _, waits in found):
                    return done, True
            case _:
                done |= dict(_changes(step))
    return done, False


def _changes(step: Step) -> Iterator[tuple[str, str]]:
    match step:
        case Emit(event=event):
            yield f"event.{event}", f"emit {event}"
        case Tag(tag=tag, remove=remove):
            yield f"tag.{tag}", f'{"untag" if remove else "tag"} "{tag}"'
        case SetFact(path=path):
            yield f"user.{path[0]}", f"set user.{'.'.join(path)}"
        case AwardStep(points=points):
            yield "user.points", f"award {points} points"
            yield "user.tier", f"award {points} points"
        case _:
            return


def _at_once(step: If | WaitFor | Split) -> list[Sequence[Step]]:
    match step:
        case If():
            return [step.then, step.otherwise]
        case WaitFor():  # what is waited for may come at once, too
            return [step.then]
        case Split():
            return [inner for _, _, inner in step.arms]
