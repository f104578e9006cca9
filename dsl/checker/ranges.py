"""Sets of values a fact may have: what one comparison admits, joined, met and turned around.

A range runs between two cuts. A cut lies just before a value `(0, value, 0)` or just after it
`(0, value, 1)`, or at an end `(-1, …)` `(1, …)`, so that open and closed bounds compare as tuples.
"""

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeAlias

Cut: TypeAlias = tuple[int, Any, int]

LOWEST: Cut = (-1, None, 0)
HIGHEST: Cut = (1, None, 0)


def before(value: Any) -> Cut:
    return (0, value, 0)


def after(value: Any) -> Cut:
    return (0, value, 1)


@dataclass(frozen=True, slots=True)
class Ranges:
    """Ordered values: disjoint ranges in ascending order.

    `whole` where between neighbours there is nothing: whole numbers, minor units of money, days.
    """

    parts: tuple[tuple[Cut, Cut], ...] = ((LOWEST, HIGHEST),)
    whole: bool = False

    def meet(self, other: "Ranges") -> "Ranges":
        """Return the values in both."""
        met, mine, theirs = [], 0, 0
        # Both ascend, so one walk along the two finds every overlap.
        while mine < len(self.parts) and theirs < len(other.parts):
            low, high = self.parts[mine]
            other_low, other_high = other.parts[theirs]
            met.append((max(low, other_low), min(high, other_high)))
            if high < other_high:
                mine += 1
            else:
                theirs += 1
        return _tidy(met, self.whole or other.whole)

    @property
    def size(self) -> int:
        """How many ranges there are: what meeting others costs."""
        return len(self.parts)

    def rest(self) -> "Ranges":
        """Return every other value."""
        cuts = [LOWEST, *(cut for part in self.parts for cut in part), HIGHEST]
        return _tidy(list(zip(cuts[::2], cuts[1::2], strict=True)), self.whole)

    def __bool__(self) -> bool:
        return bool(self.parts)


@dataclass(frozen=True, slots=True)
class Words:
    """Unordered values: those named, or with `others` all but those named."""

    named: frozenset[Any]
    others: bool = False

    def meet(self, other: "Words") -> "Words":
        """Return the values in both."""
        match self.others, other.others:
            case False, False:
                return Words(self.named & other.named)
            case False, True:
                return Words(self.named - other.named)
            case True, False:
                return Words(other.named - self.named)
            case _:
                return Words(self.named | other.named, others=True)

    @property
    def size(self) -> int:
        """How many values are named: what meeting others costs."""
        return len(self.named)

    def rest(self) -> "Words":
        """Return every other value."""
        return Words(self.named, not self.others)

    def __bool__(self) -> bool:
        return self.others or bool(self.named)


@dataclass(frozen=True, slots=True)
class Domain:
    """What a fact may be: some of these values, or missing."""

    values: Ranges | Words
    missing: bool = False

    def meet(self, other: "Domain") -> "Domain":
        """Return what is in both."""
        match self.values, other.values:
            case (Ranges() as mine, Ranges() as theirs):
                values: Ranges | Words = mine.meet(theirs)
            case (Words() as mine, Words() as theirs):
                values = mine.meet(theirs)
            case _:
                values = self.values
        return Domain(values, self.missing and other.missing)

    def rest(self) -> "Domain":
        """Return everything else, missing included: that is what `not` means."""
        return Domain(self.values.rest(), not self.missing)

    def __bool__(self) -> bool:
        return self.missing or bool(self.values)


def points(values: tuple[Any, ...]) -> Ranges:
    """Return exactly these ordered values."""
    return Ranges(tuple((before(value), after(value)) for value in sorted(set(values))))


def compared(operator: str, value: Any) -> Ranges:
    """Return what `operator value` admits: `> 5`, `= 5`."""
    match operator:
        case "<":
            part = (LOWEST, before(value))
        case "<=":
            part = (LOWEST, after(value))
        case ">":
            part = (after(value), HIGHEST)
        case ">=":
            part = (before(value), HIGHEST)
        case _:
            part = (before(value), after(value))
    return Ranges((part,))


def _tidy(parts: list[tuple[Cut, Cut]], whole: bool) -> Ranges:
    if whole:
        parts = [(_whole(low), _whole(high)) for low, high in parts]
    return Ranges(tuple(sorted(part for part in parts if part[0] < part[1])), whole)


def _whole(cut: Cut) -> Cut:
    # Between two neighbours there is only one cut: before the upper one.
    end, value, side = cut
    if end:
        return cut
    if isinstance(value, str):
        following = date.fromisoformat(value) + timedelta(days=side)
        return before(following.isoformat())
    return before(math.floor(value) + 1 if side else math.ceil(value))
