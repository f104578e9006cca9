"""Which events rules ask about, since when, and which of their fields: what must be loaded."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias, assert_never

from dsl.buckets import Measured
from dsl.core import (
    Aggregate,
    EventSource,
    Ever,
    Expr,
    InSegment,
    Last,
    Ref,
    Since,
    This,
    Window,
)
from dsl.measures import is_zoned, measures_of
from dsl.program import Program
from dsl.promotions import Award, Promotion, SplitEffects, Tiers
from dsl.triggers import (
    CallWebhook,
    Emit,
    If,
    OnEvent,
    Send,
    SetFact,
    Split,
    Step,
    Trigger,
    Wait,
    WaitFor,
    WaitUntil,
)
from dsl.walking import parts

# Since when (None: ever) and which fields of an event.
Needs: TypeAlias = Mapping[str, tuple[datetime | None, frozenset[str]]]

# No zone is further from UTC than this; what is loaded too much does no harm.
_MARGIN = timedelta(days=2)
_DAYS = {"minute": 1 / 1440, "hour": 1 / 24, "day": 1, "week": 7, "month": 31, "year": 366}


@dataclass(frozen=True, slots=True)
class Need:
    """`measures` are the ids of those that stand in for the events, if all of them are there."""

    event: str
    window: Window | None
    fields: frozenset[str]
    measures: frozenset[str] = frozenset()

    def is_measured(self, measured: Measured) -> bool:
        """Whether only the events since the measures' end are needed."""
        return bool(self.measures) and self.measures <= measured.live


def needs_of(
    program: Program, expressions: Iterable[Expr | None], *, in_workspace: bool = False
) -> frozenset[Need]:
    """Return what these expressions ask about, segments they name included.

    `in_workspace` says that they are judged in the workspace's zone, as segments always are.
    """
    found: set[Need] = set()
    seen: set[str] = set()
    for expression in expressions:
        if expression is not None:
            found.update(_needs(expression, program, seen, in_workspace))
    return frozenset(found)


def at(
    needs: Iterable[Need], now: datetime, measured: Measured | None = None
) -> dict[str, tuple[datetime | None, frozenset[str]]]:
    """Return for each event since when it is asked about at `now` (None: ever), with a margin.

    What is asked about is less where there are measures.
    """
    merged: dict[str, tuple[datetime | None, frozenset[str]]] = {}
    for need in needs:
        since = _start(need.window, now)
        if measured is not None and need.is_measured(measured):
            since = measured.until if since is None else max(since, measured.until)
        if need.event in merged:
            earlier, fields = merged[need.event]
            since = None if since is None or earlier is None else min(since, earlier)
            merged[need.event] = (since, fields | need.fields)
        else:
            merged[need.event] = (since, need.fields)
    return merged


def _start(window: Window | None, now: datetime) -> datetime | None:
    try:
        match window:
            case Last(count, unit):
                return now - timedelta(days=count * _DAYS[unit]) - _MARGIN
            case This(unit):
                return now - timedelta(days=_DAYS[unit]) - _MARGIN
            case Since(day):
                first = date.fromisoformat(day)
                return datetime(first.year, first.month, first.day, tzinfo=UTC) - _MARGIN
            case Ever() | None:
                return None
            case _:
                assert_never(window)
    except OverflowError:
        return None


def _needs(
    expression: Expr, program: Program, seen: set[str], in_workspace: bool
) -> Iterator[Need]:
    match expression:
        case Aggregate(source=EventSource(event, nested)):
            fields = frozenset(nested[:1]) | frozenset(_fields(expression))
            measures = measures_of(expression, program)
            if is_zoned(expression) and not in_workspace:
                measures = ()
            ids = frozenset(measure.id for measure in measures)
            yield Need(event, expression.window, fields, ids)
        case InSegment(segment):
            if segment in program.segments and segment not in seen:
                seen.add(segment)
                yield from _needs(program.segments[segment].condition, program, seen, True)
        case _:
            pass
    for part in parts(expression):
        yield from _needs(part, program, seen, in_workspace)


def _fields(expression: Expr) -> Iterator[str]:
    """Yield the first name of every element's path: at least those of the event itself."""
    match expression:
        case Aggregate(value=value):
            yield from value[:1]
        case Ref("element", path):
            yield from path[:1]
        case _:
            pass
    for part in parts(expression):
        yield from _fields(part)


# --- where rules keep their expressions -----------------------------------------------------------


def expressions_of_trigger(trigger: Trigger) -> Iterator[Expr | None]:
    """Yield every expression of a trigger, its steps included."""
    yield trigger.audience
    if isinstance(trigger.start, OnEvent):
        yield trigger.start.where
    if trigger.goal is not None:
        yield trigger.goal.where
    for step in trigger.steps:
        yield from _of_step(step)


def _of_step(step: Step) -> Iterator[Expr | None]:
    match step:
        case Wait() | WaitUntil():
            yield step.unless.where if step.unless else None
        case Send() | CallWebhook() | Emit():
            yield from (expression for _, expression in step.data)
        case SetFact():
            yield step.value
        case If() | WaitFor():
            yield step.condition if isinstance(step, If) else step.event.where
            for inner in (*step.then, *step.otherwise):
                yield from _of_step(inner)
        case Split():
            for _, _, steps in step.arms:
                for inner in steps:
                    yield from _of_step(inner)
        case _:
            return


def expressions_of_promotion(promotion: Promotion) -> Iterator[Expr | None]:
    """Yield every expression of a promotion that can ask about the user."""
    yield promotion.audience
    yield promotion.when
    for effect in promotion.effects:
        match effect:
            case Tiers():
                yield effect.by
            case Award():
                yield effect.of
            case SplitEffects():
                for _, _, inner in effect.arms:
                    for part in inner:
                        yield part.by if isinstance(part, Tiers) else None
            case _:
                pass


def everything(program: Program) -> frozenset[Need]:
    """Return all that a program's segments, promotions and triggers ask about."""
    needs = needs_of(
        program, (segment.condition for segment in program.segments.values()), in_workspace=True
    )
    for promotion in program.promotions.values():
        needs |= of_promotion(promotion, program)
    for trigger in program.triggers.values():
        needs |= of_trigger(trigger, program)
    return needs


def of_promotion(promotion: Promotion, program: Program) -> frozenset[Need]:
    """Return what a promotion asks about."""
    own = all(window.zone in (None, program.zone) for window in promotion.active)
    return needs_of(program, expressions_of_promotion(promotion), in_workspace=own)


def of_trigger(trigger: Trigger, program: Program) -> frozenset[Need]:
    """Return what a trigger and its steps ask about."""
    own = trigger.zone in (None, program.zone)
    return needs_of(program, expressions_of_trigger(trigger), in_workspace=own)
