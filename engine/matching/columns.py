"""Values looked up in tables of the rules that they satisfy.

Sets of rules are integers, one bit for each rule. A column knows for every value which rules stay.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from dsl import MISSING
from engine.matching.literals import Among, Has, Within
from engine.matching.sets import bits

# The way to a bound that counts as near, as a part of the larger of it and the value. One more or
# less is near as well: the first of something.
_REACH = 0.5


class Column(Protocol):
    """`mask` are the rules that have something to say about the value."""

    mask: int

    def keep(self, value: Any) -> int:
        """Return the rules that a value leaves; those that say nothing about it always stay."""


class Choices:
    """Rules that ask for a value to be one of some, or none of some: a look into a dict."""

    def __init__(self, rules: Mapping[int, Sequence[Among]], everyone: int) -> None:
        self.mask = bits(rules)
        self._missing = everyone ^ bits(
            rule for rule, asked in rules.items() if not all(each.missing for each in asked)
        )
        choosy = [rule for rule, asked in rules.items() if any(_names(each) for each in asked)]
        self._other = everyone ^ bits(choosy)
        kept: dict[Any, int] = {}
        for rule, asked in rules.items():
            bit = 1 << rule
            for value in _named(asked):
                stays = all(_admits(each, value) for each in asked)
                if stays != bool(self._other & bit):
                    kept[value] = kept.get(value, 0) ^ bit
        self._kept = {value: self._other ^ changed for value, changed in kept.items()}

    def keep(self, value: Any) -> int:
        if value is MISSING:
            return self._missing
        return self._kept.get(value, self._other)


def _names(literal: Among) -> bool:
    return literal.allowed is not None


def _named(asked: Sequence[Among]) -> set[Any]:
    return {value for each in asked for value in (each.allowed or frozenset()) | each.excluded}


def _admits(literal: Among, value: Any) -> bool:
    return value not in literal.excluded and (literal.allowed is None or value in literal.allowed)


class Bounds:
    """Rules that ask for a value to be above or below bounds: bisection over the sorted bounds.

    Between and on the bounds there are slots: 2k is below bound k, 2k + 1 is on it.
    """

    def __init__(self, rules: Mapping[int, Sequence[Within]], everyone: int) -> None:
        self.mask = bits(rules)
        self._missing = everyone ^ bits(
            rule for rule, asked in rules.items() if not all(each.missing for each in asked)
        )
        self._bounds = sorted({each.bound for asked in rules.values() for each in asked})
        places = {bound: place for place, bound in enumerate(self._bounds)}
        last = 2 * len(self._bounds)
        changes: dict[int, int] = defaultdict(int)
        for rule, asked in rules.items():
            bit = 1 << rule
            first, end = _stretch(asked, places, last)
            if first >= end:  # no value will do
                changes[0] ^= bit
                continue
            if first > 0:
                changes[0] ^= bit
                changes[first] ^= bit
            if end <= last:
                changes[end] ^= bit
        kept = everyone
        self._kept: list[int] = []
        for slot in range(last + 1):
            if slot in changes:
                kept ^= changes[slot]
            self._kept.append(kept)

    def keep(self, value: Any) -> int:
        if value is MISSING:
            return self._missing
        bounds = self._bounds
        place = bisect_left(bounds, value)
        on_it = place < len(bounds) and bounds[place] == value
        return self._kept[2 * place + on_it]

    def nearest(self, value: int | float, among: int, most: int) -> list[tuple[float, int]]:
        """Return which of these rules, that the value fails, have a bound within reach.

        With how far it is, as a part of the larger of value and bound. At most so many on each side
        of the value, the nearest.
        """
        place = bisect_left(self._bounds, value)
        here = 2 * place + (place < len(self._bounds) and self._bounds[place] == value)
        last = len(self._kept) - 1
        above = ((slot, self._bounds[(slot - 1) // 2]) for slot in range(here + 1, last + 1))
        below = ((slot, self._bounds[slot // 2]) for slot in range(here - 1, -1, -1))
        return [*self._walk(value, among, most, above), *self._walk(value, among, most, below)]

    def _walk(
        self, value: int | float, among: int, most: int, slots: Iterable[tuple[int, Any]]
    ) -> Iterator[tuple[float, int]]:
        found = 0
        for slot, bound in slots:
            gap = abs(bound - value)
            distance = gap / max(abs(bound), abs(value), 1)
            if found >= most or (distance > _REACH and gap > 1):
                return
            gained = self._kept[slot] & among
            among &= ~gained
            while gained:
                yield distance, gained.bit_length() - 1
                gained ^= 1 << gained.bit_length() - 1
                found += 1


def _stretch(asked: Sequence[Within], places: Mapping[Any, int], last: int) -> tuple[int, int]:
    """Return the slots that fulfil all bounds of a rule: from the first up to, without, the end."""
    first, end = 0, last + 1
    for each in asked:
        slot = 2 * places[each.bound] + 1
        match each.operator:
            case ">=":
                first = max(first, slot)
            case ">":
                first = max(first, slot + 1)
            case "<=":
                end = min(end, slot + 1)
            case _:
                end = min(end, slot)
    return first, end


class Contents:
    """Rules that ask for a list to have something: each of them once."""

    def __init__(self, rules: Mapping[int, Has], everyone: int) -> None:
        self.mask = bits(rules)
        self._rest = everyone ^ self.mask
        self._satisfied: dict[str, int] = {}
        for rule, asked in rules.items():
            for text in asked.wanted:
                self._satisfied[text] = self._satisfied.get(text, 0) | 1 << rule

    def keep(self, value: Any) -> int:
        """Return the rules that a list of these texts, in any order, leaves."""
        kept, satisfied = self._rest, self._satisfied
        for text in value:
            if text in satisfied:
                kept |= satisfied[text]
        return kept


class Both:
    """Rules that ask for a value to be among some, rules that ask for it to be within bounds."""

    def __init__(self, choices: Choices, bounds: Bounds) -> None:
        self.mask = choices.mask | bounds.mask
        self._choices, self._bounds = choices, bounds

    def keep(self, value: Any) -> int:
        return self._choices.keep(value) & self._bounds.keep(value)
