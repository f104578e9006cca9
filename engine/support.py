"""What rules may ask for that cannot be carried out yet: refused at publish, not at run time."""

from collections.abc import Iterator, Mapping, Sequence

from dsl.diagnostics import Span
from dsl.program import Program
from dsl.triggers import (
    Emit,
    If,
    OnEvent,
    OnSegment,
    Send,
    SetFact,
    Split,
    Step,
    Stop,
    Trigger,
    Wait,
    WaitFor,
    WaitUntil,
)

_CHANNELS = frozenset({"email", "sms", "push", "webhook"})
_BUILT_IN = frozenset(
    (
        "id",
        "email",
        "name",
        "locale",
        "timezone",
        "created_at",
        "birthday",
        "tags",
        "points",
        "tier",
        "consent",
    )
)


def unsupported(program: Program) -> list[tuple[Span, str]]:
    """Return what rules ask for that cannot be carried out yet, and where."""
    found: list[tuple[Span, str]] = []
    circles = _circles(program)
    for trigger in program.triggers.values():
        if isinstance(trigger.start, OnSegment):
            found.append((trigger.span, "triggers cannot start `when` a segment changes yet"))
        if trigger.name in circles:
            found.append((trigger.span, circles[trigger.name]))
        for step in _steps(trigger.steps):
            if message := _unsupported(step):
                found.append((step.span, message))
    return found


def _unsupported(step: Step) -> str | None:
    match step:
        case Send(channel=channel) if channel not in _CHANNELS:
            return f"there is no channel {channel!r}; there are email, sms, push and webhook"
        case SetFact(path=path) if len(path) != 1 or path[0] in _BUILT_IN:
            return "only a user's own attributes can be set"
        case _:
            return None


def _circles(program: Program) -> dict[str, str]:
    """Return the triggers that would start themselves again at once, and so for ever.

    A `wait` before the `emit` breaks a circle, and so does a limit per user.
    """
    started_by: dict[str, list[Trigger]] = {}
    for trigger in program.triggers.values():
        if isinstance(trigger.start, OnEvent):
            started_by.setdefault(trigger.start.event, []).append(trigger)
    following: dict[str, dict[str, str]] = {}
    for trigger in program.triggers.values():
        if not any(limit.per == "user" for limit in trigger.limits):
            following[trigger.name] = {
                other.name: event
                for event in _emitted_at_once(trigger.steps)[0]
                for other in started_by.get(event, ())
            }
    return {
        name: f"`emit {event}` starts this again at once, and so for ever; `wait` before it, or"
        " `limit` the runs per user"
        for name, nexts in following.items()
        for first, event in nexts.items()
        if _reaches(first, name, following)
    }


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


def _emitted_at_once(steps: Sequence[Step]) -> tuple[set[str], bool]:
    """Return the events that steps may emit before any time passes; whether time surely does."""
    events: set[str] = set()
    for step in steps:
        match step:
            case Wait() | WaitUntil():
                return events, True
            case Emit(event=event):
                events.add(event)
            case Stop():
                return events, True
            case If() | WaitFor() | Split():
                found = [_emitted_at_once(way) for way in _at_once(step)]
                events.update(*(emitted for emitted, _ in found))
                if all(waits for _, waits in found):
                    return events, True
            case _:
                pass
    return events, False


def _at_once(step: If | WaitFor | Split) -> list[Sequence[Step]]:
    match step:
        case If():
            return [step.then, step.otherwise]
        case WaitFor():  # what is waited for may come at once, too
            return [step.then]
        case Split():
            return [inner for _, _, inner in step.arms]


def _steps(steps: Sequence[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        match step:
            case If() | WaitFor():
                yield from _steps(step.then)
                yield from _steps(step.otherwise)
            case Split():
                for _, _, inner in step.arms:
                    yield from _steps(inner)
            case _:
                pass
