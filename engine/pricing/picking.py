"""Choosing units: the cheapest or the dearest, ties going to the earlier line."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from engine.pricing.runs import Run
from engine.pricing.till import Picks, Till

# The line, the run's place in it, and the run.
Unit: TypeAlias = tuple[int, int, Run]
# The line, the run's place in it, and how many of its units.
Pick: TypeAlias = tuple[int, int, int]


def in_order(till: Till, lines: Sequence[int], *, dearest: bool) -> Iterator[Unit]:
    """Yield units by original price, which discounts do not change.

    At equal price the earlier line comes first, within a line what still costs most.
    """
    ranks = till.goods.dear if dearest else till.goods.cheap
    for at in sorted(lines, key=ranks.__getitem__) if len(lines) > 1 else lines:
        runs = till.units(at)
        if len(runs) == 1:
            yield at, 0, runs[0]
        else:
            lefts = [run[1] for run in runs]
            for place in sorted(range(len(runs)), key=lefts.__getitem__, reverse=True):
                yield at, place, runs[place]


def pick(till: Till, lines: Sequence[int], count: int, *, dearest: bool) -> Picks:
    """Pick so many units, or all there are, passing over those without room."""
    floors = till.goods.floors
    picks: list[Pick] = []
    for at, place, (size, left, _) in in_order(till, lines, dearest=dearest):
        if left > floors[at]:
            taken = min(count, size)
            picks.append((at, place, taken))
            count -= taken
            if not count:
                break
    return gathered(picks)


def gathered(picks: list[Pick]) -> Picks:
    """Return picks by line, in order."""
    found: Picks = {}
    for at, place, count in sorted(picks):
        found.setdefault(at, []).append((place, count))
    return found


def unused(till: Till, lines: Iterable[int], *, roomy: bool) -> int:
    """Count the units that no buy or bundle of this promotion has used up; `roomy`: with room."""
    floors = till.goods.floors
    return sum(
        size
        for at in lines
        for size, left, used in till.units(at)
        if not used and (left > floors[at] or not roomy)
    )
