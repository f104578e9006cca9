"""Which of many rules are one condition short, those that lack the least first.

As in the index, every distinct test is made once. Rules that fail one test, and those that fail
none so far, are sets; whoever fails a second test is in neither.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from dsl import MISSING, Compiler, Moment
from dsl.compiled import Judge
from dsl.compiled.support import Function
from engine.matching.columns import Bounds, Column
from engine.matching.elements import texts_of
from engine.matching.gathering import Gathering, Zone
from engine.matching.index import Condition, as_condition
from engine.matching.literals import Test, literals
from engine.matching.sets import bits, chosen

Rule = TypeVar("Rule")
Facts: TypeAlias = Mapping[str, Any]
MomentIn: TypeAlias = Callable[[Zone], Moment]

# How far off what is no number on the way to a bound is: as far as can be.
WHOLLY = 1.0


class _Failure(NamedTuple):
    """The rules that failed a test; what it looked up, if it did."""

    rules: int
    column: Column | None = None
    value: Any = None


class _Lookup(NamedTuple):
    mask: int
    column: Column
    find: Function
    zone: Zone

    def failure(self, asked: int, facts: Facts, moment_in: MomentIn) -> _Failure | None:
        """Return which of these rules a value fails, if any."""
        value = self.find(facts, moment_in(self.zone), MISSING)
        failed = asked & ~self.column.keep(value)
        return _Failure(failed, self.column, value) if failed else None


@dataclass(slots=True)
class _Judged:
    """Compiled when it is first needed: many never are."""

    mask: int
    test: Test
    zone: Zone
    compiler: Compiler
    judge: Judge | None = None

    def failure(self, asked: int, facts: Facts, moment_in: MomentIn) -> _Failure | None:
        """Return these rules if the test fails them."""
        if self.judge is None:
            self.judge = self.compiler.condition(as_condition(self.test))
        return None if self.judge(facts, moment_in(self.zone)) else _Failure(asked)


class Shortfalls(Generic[Rule]):
    """Rules, each with its conditions; it finds those of which all but one hold."""

    def __init__(
        self, rules: Iterable[tuple[Rule, Iterable[Condition]]], compiler: Compiler
    ) -> None:
        gathering = Gathering()
        self._rules: list[Rule] = []
        for rule, conditions in rules:
            for condition in conditions:
                for literal, source in literals(condition.expr):
                    if source is not None:  # one that only follows would count twice
                        gathering.add(len(self._rules), literal, source, condition.zone)
            self._rules.append(rule)
        everyone = (1 << len(self._rules)) - 1
        self._questions: list[_Lookup | _Judged] = [
            _Lookup(column.mask, column, compiler.function(value, frozenset(), truth=False), zone)
            for (zone, value), column in gathering.columns(everyone)
        ]
        self._questions += [
            _Lookup(column.mask, column, texts_of(ref, path), None)
            for ref, path, column in gathering.contents(everyone)
        ]
        self._questions += [
            _Judged(bits(rules), test, zone, compiler)
            for (zone, test), rules in gathering.tests.items()
        ]

    def nearest(
        self, facts: Facts, moment_in: MomentIn, among: Iterable[int], most: int
    ) -> list[Rule]:
        """Return those of these rules (by place) that are one condition short, the nearest first.

        Of each test that is short at most so many. Nearest are those whose number has the smallest
        part of the way to go, to a bound at most twice or half of it; then come all others.
        """
        none, one = bits(among), 0  # the rules that failed none so far, and one
        failures: list[_Failure] = []
        for ask in self._questions:
            asked = (none | one) & ask.mask
            failure = ask.failure(asked, facts, moment_in) if asked else None
            if failure is not None:
                one = one & ~failure.rules | none & failure.rules
                none &= ~failure.rules
                failures.append(failure)
        found: list[tuple[float, int]] = []
        for rules, column, value in failures:
            found += _by_distance(rules & one, column, value, most)
        return [self._rules[place] for _, place in sorted(found)]


def _by_distance(
    rules: int, column: Column | None, value: Any, most: int
) -> Sequence[tuple[float, int]]:
    if isinstance(column, Bounds) and isinstance(value, int | float):
        return column.nearest(value, rules, most)
    places = range(rules.bit_length())
    return [(WHOLLY, place) for place in chosen(places, rules)[:most]]
