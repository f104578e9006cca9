"""What rules may ask for that cannot be carried out yet: refused at publish, not at run time."""

from collections.abc import Iterator, Sequence

from dsl.diagnostics import Span
from dsl.program import Program
from dsl.triggers import (
    AwardStep,
    CallWebhook,
    Emit,
    EnterLottery,
    GrantStep,
    If,
    OnSegment,
    Send,
    SetFact,
    Split,
    Step,
    WaitFor,
)

_CHANNELS = frozenset({"email"})
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
    found: list[tuple[Span, str]] = [
        (lottery.span, "entries cannot be bought with points yet")
        for lottery in program.lotteries.values()
        if lottery.enter_points is not None
    ]
    for trigger in program.triggers.values():
        if isinstance(trigger.start, OnSegment):
            found.append((trigger.span, "triggers cannot start `when` a segment changes yet"))
        if trigger.pace is not None:
            found.append((trigger.span, "`pace` is not carried out yet"))
        for step in _steps(trigger.steps):
            if message := _unsupported(step):
                found.append((step.span, message))
    return found


def _unsupported(step: Step) -> str | None:
    match step:
        case Send(channel=channel) if channel not in _CHANNELS:
            return f"there is no channel for `send {channel}` yet; `send email` is there"
        case SetFact(path=path) if len(path) != 1 or path[0] in _BUILT_IN:
            return "only a user's own attributes can be set"
        case GrantStep():
            return "a journey cannot `grant` yet"
        case AwardStep():
            return "a journey cannot `award` points yet"
        case CallWebhook():
            return "a journey cannot `call` a webhook yet"
        case Emit():
            return "a journey cannot `emit` an event yet"
        case EnterLottery():
            return "a journey cannot `enter` a lottery yet"
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
