"""What many rules ask about the same value or list, brought together."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from dsl.core import Expr, Ref
from engine.matching.columns import Both, Bounds, Choices, Column, Contents
from engine.matching.literals import Among, Has, Literal, Test, Within

# The calendar that a condition is judged by, under whatever name the index's user knows it.
Zone: TypeAlias = str | None
Key: TypeAlias = tuple[Zone, Expr]

# One rule's question about a value that no other asks about is as quickly judged by itself.
_FEWEST = 2


@dataclass(slots=True)
class Gathering:
    """Literals of rules (numbered), by what they are about."""

    among: dict[Key, dict[int, list[Among]]] = field(default_factory=lambda: defaultdict(dict))
    within: dict[Key, dict[int, list[Within]]] = field(default_factory=lambda: defaultdict(dict))
    has: dict[tuple[Ref, tuple[str, ...]], dict[int, Has]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    tests: dict[tuple[Zone, Test], list[int]] = field(default_factory=lambda: defaultdict(list))
    _sources: dict[Key, list[tuple[int, Test]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, rule: int, literal: Literal, source: Test | None, zone: Zone) -> None:
        """Add a literal, and the same as a test unless the literal follows from another."""
        match literal:
            case Among(value):
                self.among[zone, value].setdefault(rule, []).append(literal)
            case Within(value):
                self.within[zone, value].setdefault(rule, []).append(literal)
            case Has(ref, path) if rule not in self.has[ref, path]:
                self.has[ref, path][rule] = literal
                return
            case Has():  # a column answers for one text or another, not for one and another
                pass
            case Test():
                self.tests[zone, literal].append(rule)
                return
            case _:
                assert_never(literal)
        if source is None:
            return
        if isinstance(literal, Has):
            self.tests[zone, source].append(rule)
        else:
            self._sources[zone, literal.value].append((rule, source))

    def columns(self, everyone: int) -> list[tuple[Key, Column]]:
        """Return columns of values, those that look up what is equal first."""
        found: list[tuple[Key, Column]] = []
        for key, sources in self._sources.items():
            if len(sources) < _FEWEST:
                for rule, test in sources:
                    self.tests[key[0], test].append(rule)
            else:
                found.append((key, _column(self.among.get(key), self.within.get(key), everyone)))
        return found

    def contents(self, everyone: int) -> list[tuple[Ref, tuple[str, ...], Contents]]:
        """Return columns of what lists have."""
        return [(ref, path, Contents(rules, everyone)) for (ref, path), rules in self.has.items()]

    def shared(self) -> list[tuple[Zone, Test, Sequence[int]]]:
        """Return the tests of several rules, to be called after `columns`."""
        return [(zone, t, rules) for (zone, t), rules in self.tests.items() if len(rules) > 1]

    def own(self) -> Mapping[int, Sequence[tuple[Zone, Test]]]:
        """Return the tests that only one rule has, by rule, to be called after `columns`."""
        found: dict[int, list[tuple[Zone, Test]]] = defaultdict(list)
        for (zone, test), rules in self.tests.items():
            if len(rules) == 1:
                found[rules[0]].append((zone, test))
        return found


def _column(
    among: Mapping[int, Sequence[Among]] | None,
    within: Mapping[int, Sequence[Within]] | None,
    everyone: int,
) -> Column:
    if among and within:
        return Both(Choices(among, everyone), Bounds(within, everyone))
    return Choices(among, everyone) if among else Bounds(within or {}, everyone)
