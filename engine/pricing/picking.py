"""Choosing units: the cheapest or the dearest, ties going to the earlier line."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from engine.pricing.runs import Run
from engine.pricing.till import Pick, Till

# The line, the run's place in it, and the run.
Unit: TypeAlias = tuple[int, int, Run]


def in_order(till: Till, lines: Sequence[int], *, dearest: bool) -> Iterator[Unit]:
    """Yield units by original price, which discounts do not change.

    At equal price the earlier line comes first, within a line what still costs most.
    """
    for at in till.goods.by_price(lines, dearest=dearest):
        runs = till.units(at)
        if len(runs) == 1:
            yield at, 0, runs[0]
        else:
            lefts = [run[1] for run in runs]
            for place in sorted(range(len(runs)), key=lefts.__getitem__, reverse=True):
                yield at, place, runs[place]


def pick(till: Till, lines: Sequence[int], count: int, *, dearest: bool) -> list[Pick]:
    """Pick so many units, or all there are, in order; those without room are passed over."""
    floors = till.goods.floors
    picks: list[Pick] = []
    for at, place, (size, left, _) in in_order(till, lines, dearest=dearest):
        if left > floors[at]:
            taken = min(count, size)
            picks.append((at, place, taken, left))
            count -= taken
            if not count:
                break
    picks.sort()
    return picks
