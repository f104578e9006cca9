"""The measures that a program's rules can be judged by, and how the database makes them."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from dsl import Layout, Moment, NotPushable, Program, compiled
from dsl.core import Expr
from dsl.measures import Measure, asked_by
from dsl.mongo.folding import Folding, folding
from dsl.zones import EPOCH
from engine.listening import Heard, Listener
from engine.memory import once_per_program
from engine.needs import expressions_of_promotion, expressions_of_trigger

# Each costs room on everybody's document: beyond these, events are read.
MOST = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """A measure, and how it comes of events."""

    measure: Measure
    folding: Folding


@once_per_program
def measures_in(program: Program) -> Mapping[str, Wanted]:
    """Return the measures worth keeping for a program, by id: what most rules ask about first."""
    asked = list(asked_by(_expressions(program), program))
    measures = {measure.id: measure for measure in asked}
    times = Counter(measure.id for measure in asked)
    found: dict[str, Wanted] = {}
    for key in sorted(measures, key=lambda key: (-times[key], key)):
        if len(found) == MOST:
            break
        with suppress(NotPushable):
            found[key] = Wanted(measures[key], folding(measures[key], Layout(), program))
    return found


@dataclass(frozen=True, slots=True)
class Filters:
    """A program's measures made in Python: which an event adds to, and each one's filter."""

    listeners: Mapping[str, Listener]
    judges: Mapping[str, Callable[[Any], bool]]


@once_per_program
def filters_of(program: Program) -> Filters:
    """Return the filters of a program's measures, by event and by measure."""
    by_event: dict[str, list[Heard]] = {}
    for key, wanted in measures_in(program).items():
        measure = wanted.measure
        heard = Heard(key, measure.source, measure.where)
        by_event.setdefault(measure.source.event, []).append(heard)
    return Filters(
        {event: Listener(filters, program) for event, filters in by_event.items()},
        {key: judge_of(wanted.measure, program) for key, wanted in measures_in(program).items()},
    )


def judge_of(measure: Measure, program: Program) -> Callable[[Any], bool]:
    """Return a measure's filter, as a function of an element."""
    if measure.where is None:
        return lambda _: True
    judge = compiled(measure.where, program)
    moment = Moment(EPOCH, program.zone, program)
    return lambda element: judge({}, moment, element)


def _expressions(program: Program) -> Iterator[Expr | None]:
    for segment in program.segments.values():
        yield segment.condition
    for promotion in program.promotions.values():
        yield from expressions_of_promotion(promotion)
    for trigger in program.triggers.values():
        yield from expressions_of_trigger(trigger)
    for lottery in program.lotteries.values():
        yield from (on.where for on in lottery.enter_on)
