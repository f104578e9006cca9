"""Choosing units: the cheapest or the dearest, ties going to the earlier line."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from engine.pricing.till import Picks, Till


class Stock(NamedTuple):
    """Units of one run that may be chosen."""

    at: int
    place: int
    size: int
    price: int  # the original one: what is cheap does not change by discounts
    left: int
    room: int


def stock(till: Till, lines: Iterable[int]) -> list[Stock]:
    """Return the units of these lines that no buy or bundle of this promotion has used up."""
    return [
        Stock(at, place, run.size, till.prices[at], run.left, till.room(at, run))
        for at in lines
        for place, run in enumerate(till.runs(at))
        if not run.used
    ]


def in_order(units: Iterable[Stock], *, dearest: bool) -> list[Stock]:
    """Order by original price; at equal price the earlier line, within it what still costs most."""
    sign = -1 if dearest else 1
    return sorted(units, key=lambda unit: (sign * unit.price, unit.at, -unit.left, unit.place))


def pick(till: Till, lines: Sequence[int], count: int, *, dearest: bool) -> Picks:
    """Pick so many units, passing over those without room."""
    everything = (
        Stock(at, place, run.size, till.prices[at], run.left, till.room(at, run))
        for at in lines
        for place, run in enumerate(till.runs(at))
    )
    return take(in_order((unit for unit in everything if unit.room > 0), dearest=dearest), count)


def take(ordered: Iterable[Stock], count: int) -> Picks:
    """Take the first so many units, or all there are."""
    picks: Picks = {}
    for unit in ordered:
        if not count:
            break
        picks[unit.at, unit.place] = min(count, unit.size)
        count -= picks[unit.at, unit.place]
    return picks
