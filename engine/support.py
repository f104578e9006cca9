"""What rules may ask for that cannot be carried out yet: refused at publish, not at run time."""

from collections.abc import Iterator, Sequence

from dsl.diagnostics import Span
from dsl.program import Program
from dsl.triggers import (
    If,
    Send,
    SetFact,
    Split,
    Step,
    WaitFor,
)
from engine.circles import circles

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
    endless = circles(program)
    for trigger in program.triggers.values():
        if trigger.name in endless:
            found.append((trigger.span, endless[trigger.name]))
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
