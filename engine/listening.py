"""Which of many aggregates over events an event adds something to.

An aggregate is known by its event and its filter: "event.order_placed|3f9a…" is the same in every
program, so that what was noted under one can be understood under the next.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from dsl import Compiler, Moment, Program
from dsl.aggregates import element_kind, grouped
from dsl.compiled import Judge
from dsl.core import Aggregate, EventSource, Expr, InSegment
from dsl.measures import is_of_element
from dsl.walking import nodes
from engine.matching import Condition, Index
from models.event import Event


def events_asked(expr: Expr, program: Program) -> Iterator[Aggregate]:
    """Yield the aggregates over events in a condition and the segments it refers to."""
    seen: set[str] = set()
    waiting = [expr]
    while waiting:
        for node in nodes(waiting.pop()):
            match node:
                case Aggregate(source=EventSource()):
                    yield node
                case InSegment(name) if name in program.segments and name not in seen:
                    seen.add(name)
                    waiting.append(program.segments[name].condition)
                case _:
                    pass


def source_of(aggregate: Aggregate) -> EventSource:
    """Return the events that an aggregate is over."""
    assert isinstance(aggregate.source, EventSource)
    return aggregate.source


def fact_of(aggregate: Aggregate) -> str:
    """Return the name of the fact that an event changes by adding to an aggregate."""
    source = source_of(aggregate)
    text = repr((source, aggregate.where))
    return (
        f"event.{source.event}|{sha256(text.encode('utf-8', 'backslashreplace')).hexdigest()[:12]}"
    )


@dataclass(frozen=True, slots=True)
class _Nested:
    """An aggregate over a list in events: the event counts if any element passes."""

    fact: str
    aggregate: Aggregate
    judge: Judge


class Listener:
    """The aggregates over one event."""

    def __init__(self, aggregates: Iterable[Aggregate], program: Program) -> None:
        self._program = program
        compiler = Compiler(program)
        always: set[str] = set()
        whole: dict[str, Expr] = {}
        nested: dict[str, _Nested] = {}
        for aggregate in aggregates:
            fact, where = fact_of(aggregate), aggregate.where
            if where is None or not is_of_element(where):
                always.add(fact)
            elif source_of(aggregate).nested:
                nested[fact] = _Nested(fact, aggregate, compiler.condition(where))
            else:
                whole[fact] = where
        self._always = frozenset(always)
        self._nested = tuple(nested.values())
        self._whole = Index(
            ((fact, (Condition(where),)) for fact, where in whole.items()), compiler
        )

    def changed_by(self, event: Event) -> frozenset[str]:
        """Return the facts that an event changes."""
        moment = Moment(event.at, self._program.zone, self._program)
        told = event.facts()
        found = self._whole.match({}, lambda _: moment, told)
        return self._always.union(
            found, (each.fact for each in self._nested if self._is_passed(each, told, moment))
        )

    def _is_passed(self, nested: _Nested, told: dict[str, object], moment: Moment) -> bool:
        source = source_of(nested.aggregate)
        element = element_kind(source, self._program)
        return any(
            nested.judge({}, moment, each)
            for many in grouped([told], source.nested, element)
            for each in many
        )
