"""Which of many aggregates over events an event adds something to.

An aggregate is known by its event and its filter: "event.order_placed|3f9a…" is the same in every
program, so that what was noted under one can be understood under the next.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

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
class Heard:
    """Events, or elements of a list in them, that pass a filter; `key` is what it is known by."""

    key: str
    source: EventSource
    where: Expr | None


@dataclass(frozen=True, slots=True)
class _Nested:
    """A filter of elements: the event counts if any of them passes."""

    key: str
    source: EventSource
    judge: Judge


class Listener:
    """Filters of one event."""

    def __init__(self, filters: Iterable[Heard], program: Program) -> None:
        self._program = program
        compiler = Compiler(program)
        always: set[str] = set()
        whole: dict[str, Expr] = {}
        nested: dict[str, _Nested] = {}
        for each in filters:
            if each.where is None or not is_of_element(each.where):
                always.add(each.key)
            elif each.source.nested:
                judge = compiler.condition(each.where)
                nested[each.key] = _Nested(each.key, each.source, judge)
            else:
                whole[each.key] = each.where
        self._always = frozenset(always)
        self._nested = tuple(nested.values())
        self._whole = Index(((key, (Condition(where),)) for key, where in whole.items()), compiler)

    def hears(self, event: Event) -> frozenset[str]:
        """Return the keys of the filters that an event passes, or may pass."""
        moment = Moment(event.at, self._program.zone, self._program)
        told = event.facts()
        found = self._whole.match({}, lambda _: moment, told)
        return self._always.union(
            found, (each.key for each in self._nested if self._is_passed(each, told, moment))
        )

    def _is_passed(self, nested: _Nested, told: dict[str, Any], moment: Moment) -> bool:
        element = element_kind(nested.source, self._program)
        return any(
            nested.judge({}, moment, each)
            for many in grouped([told], nested.source.nested, element)
            for each in many
        )
