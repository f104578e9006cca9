"""Which of many rules hold, found by looking up values instead of asking rule after rule.

Every distinct test is made once, whatever the number of rules that have it, and only while some
rule depends on it. What only one rule asks is judged last, and only if that rule is left.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from dsl import MISSING, Compiler, Moment
from dsl.compiled import Judge
from dsl.compiled.support import Function
from dsl.core import Aggregate, Expr, Not
from engine.matching.columns import Column
from engine.matching.elements import texts_of
from engine.matching.gathering import Gathering, Zone
from engine.matching.literals import Test, literals
from engine.matching.sets import bits, chosen

Rule = TypeVar("Rule")
Facts: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Condition:
    """A part of what a rule asks, and the zone that it is judged in."""

    expr: Expr
    zone: Zone = None


@dataclass(frozen=True, slots=True)
class _Lookup:
    """A column of values, and how to find the value."""

    mask: int
    column: Column
    find: Function
    zone: Zone


@dataclass(frozen=True, slots=True)
class _Shared:
    """A test of several rules; `others` are those that do not have it."""

    mask: int
    others: int
    judge: Judge
    zone: Zone


class Index(Generic[Rule]):
    """Rules, each with its conditions; it finds those of which all hold."""

    def __init__(
        self, rules: Iterable[tuple[Rule, Iterable[Condition]]], compiler: Compiler
    ) -> None:
        gathering = Gathering()
        self._rules: list[Rule] = []
        for rule, conditions in rules:
            for condition in conditions:
                for literal, source in literals(condition.expr):
                    gathering.add(len(self._rules), literal, source, condition.zone)
            self._rules.append(rule)
        self._places = range(len(self._rules))
        self._everyone = (1 << len(self._rules)) - 1
        self._compiler = compiler
        self._lookups = self._make_lookups(gathering)
        self._shared = self._make_shared(gathering)
        self._own = gathering.own()
        self._judges: dict[int, Sequence[tuple[Judge, Zone]]] = {}

    def match(
        self, facts: Facts, moment_in: Callable[[Zone], Moment], element: Any = MISSING
    ) -> list[Rule]:
        """Return the rules that hold, in the order in which they were given."""
        live = self._everyone
        for lookup in self._lookups:
            if live & lookup.mask:
                value = lookup.find(facts, moment_in(lookup.zone), element)
                live &= lookup.column.keep(value)
        for test in self._shared:
            if live & test.mask and not test.judge(facts, moment_in(test.zone), element):
                live &= test.others
        if not self._own:
            return chosen(self._rules, live)
        return [
            self._rules[place]
            for place in chosen(self._places, live)
            if place not in self._own
            or all(
                judge(facts, moment_in(zone), element) for judge, zone in self._own_judges(place)
            )
        ]

    def _make_lookups(self, gathering: Gathering) -> list[_Lookup]:
        found = [
            (
                isinstance(value, Aggregate),
                _Lookup(column.mask, column, self._find(value), zone),
            )
            for (zone, value), column in gathering.columns(self._everyone)
        ]
        found += [
            (False, _Lookup(column.mask, column, texts_of(ref, path), None))
            for ref, path, column in gathering.contents(self._everyone)
        ]
        # What is cheap to find comes first, and of that what most rules ask about.
        found.sort(key=lambda each: (each[0], -each[1].mask.bit_count()))
        return [lookup for _, lookup in found]

    def _find(self, value: Expr) -> Function:
        return self._compiler.function(value, frozenset(), truth=False)

    def _make_shared(self, gathering: Gathering) -> list[_Shared]:
        found = []
        for zone, test, rules in gathering.shared():
            mask = bits(rules)
            judge = self._compiler.condition(as_condition(test))
            found.append(_Shared(mask, self._everyone ^ mask, judge, zone))
        return sorted(found, key=lambda each: -each.mask.bit_count())

    def _own_judges(self, place: int) -> Sequence[tuple[Judge, Zone]]:
        if place not in self._judges:  # compiled when first needed: many never are
            self._judges[place] = [
                (self._compiler.condition(as_condition(test)), zone)
                for zone, test in self._own[place]
            ]
        return self._judges[place]


def as_condition(test: Test) -> Expr:
    """Return a test as the condition that it is."""
    return test.condition if test.positive else Not(test.condition)
