"""Buy some, get some; and bundles: effects that use units up and repeat while units last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from engine.pricing.picking import Pick, gathered, in_order, unused
from engine.pricing.reductions import Reduction, capped
from engine.pricing.till import Picks, Till

# The line, and the run's place in it.
Place: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Buying:
    """A buy/get: `off` says what is taken of all rewarded, else `each` what of a unit.

    `uses` says whether later effects of the promotion must know which units it used up.
    """

    buy: int
    get: int
    dearest: bool
    off: Reduction | None
    each: Reduction
    times: int | None
    cap: int | None
    uses: bool


def buy_and_get(
    buying: Buying, buyable: Sequence[int], rewardable: Sequence[int], till: Till
) -> None:
    """Reward the cheapest (or dearest) units, as many repeats as the units of these lines allow."""
    both = set(buyable).intersection(rewardable)
    buys = unused(till, buyable, roomy=False)
    gets = unused(till, rewardable, roomy=True)
    # A unit serves once, and each repeat needs all of its units.
    apart = buys + gets - unused(till, both, roomy=True)
    repeats = min(buys // buying.buy, gets // buying.get, apart // (buying.buy + buying.get))
    if buying.times is not None:
        repeats = min(repeats, buying.times)
    if not repeats:
        return
    spare = buys - buying.buy * repeats
    rewarded = _rewarded(buying, buying.get * repeats, spare, rewardable, both, till)
    if buying.uses:
        bought = _bought(buying.buy * repeats, rewarded, buyable, both, till)
        rewarded = _where_now(rewarded, till.use_up([rewarded, bought]))
    if buying.off is None:
        till.take_off_each(buying.each, rewarded, buying.cap)
    else:
        till.take_off_units(capped(buying.off, buying.cap), rewarded)


def _rewarded(
    buying: Buying, wanted: int, spare: int, rewardable: Sequence[int], both: set[int], till: Till
) -> Picks:
    """Pick what is rewarded, leaving enough of what can also be bought to be bought."""
    floors = till.goods.floors
    picks: list[Pick] = []
    for at, place, (size, left, used) in in_order(till, rewardable, dearest=buying.dearest):
        if used or left <= floors[at]:
            continue
        count = min(wanted, size)
        if at in both:
            count = min(count, spare)
            spare -= count
        if count:
            picks.append((at, place, count))
            wanted -= count
            if not wanted:
                break
    return gathered(picks)


def _bought(
    wanted: int, rewarded: Picks, buyable: Sequence[int], both: set[int], till: Till
) -> Picks:
    """Pick what is bought: the dearest, first of what could not be rewarded anyway."""
    floors = till.goods.floors
    taken = {(at, place): count for at, own in rewarded.items() for place, count in own}
    outside: list[Pick] = []
    inside: list[Pick] = []
    for at, place, (size, left, used) in in_order(till, buyable, dearest=True):
        if not used:
            free = size - taken.get((at, place), 0)
            (inside if at in both and left > floors[at] else outside).append((at, place, free))
    picks: list[Pick] = []
    for at, place, free in outside + inside:
        count = min(wanted, free)
        if count:
            picks.append((at, place, count))
            wanted -= count
    return gathered(picks)


def _where_now(picks: Picks, moved: Mapping[Place, int]) -> Picks:
    return {at: [(moved[at, place], count) for place, count in own] for at, own in picks.items()}


@dataclass(frozen=True, slots=True)
class Bundling:
    """A bundle: so many units of each part for a price. `uses` is as in Buying."""

    counts: tuple[int, ...]
    price: int
    times: int | None
    cap: int | None
    uses: bool


def bundle(bundling: Bundling, parts: Sequence[Sequence[int]], till: Till) -> None:
    """Bundle the dearest units of each part's lines, again and again while it is cheaper."""
    offer = _Offer(till, parts)
    bundled: dict[Place, int] = {}
    saving, times = 0, bundling.times
    while times is None or times > 0:
        repeat = offer.one_repeat(bundling.counts)
        if repeat is None:
            break
        cost = offer.cost_of(repeat)
        if cost <= bundling.price:
            break
        # The next repeats take from the same runs until one of them cannot fill its part.
        same = offer.times(repeat)
        if times is not None:
            same = min(same, times)
            times -= same
        saving += same * (cost - bundling.price)
        for place, count in repeat.items():
            bundled[place] = bundled.get(place, 0) + same * count
            offer.free[place] -= same * count
    if bundled:
        picks = gathered([(at, run, count) for (at, run), count in bundled.items()])
        if bundling.uses:
            picks = _where_now(picks, till.use_up([picks]))
        till.take_off_units(capped(lambda _: saving, bundling.cap), picks)


class _Offer:
    """What may still be bundled: for each part its runs, the dearest first."""

    def __init__(self, till: Till, parts: Sequence[Sequence[int]]) -> None:
        self.free: dict[Place, int] = {}
        self._lefts: dict[Place, int] = {}
        self._parts = [self._available(till, lines) for lines in parts]

    def _available(self, till: Till, lines: Sequence[int]) -> list[Place]:
        floors = till.goods.floors
        places: list[Place] = []
        for at, run, (size, left, used) in in_order(till, lines, dearest=True):
            if not used and left > floors[at]:
                place = (at, run)
                places.append(place)
                self.free[place], self._lefts[place] = size, left
        places.reverse()  # the next one is the last, so that what is used up is dropped quickly
        return places

    def one_repeat(self, counts: Sequence[int]) -> dict[Place, int] | None:
        """Return the units of the next repeat, or None where a part cannot be filled."""
        free = self.free
        chosen: dict[Place, int] = {}
        for wanted, places in zip(counts, self._parts, strict=True):
            while places and not free[places[-1]]:
                places.pop()
            for place in reversed(places):
                already = chosen.get(place, 0)
                got = min(wanted, free[place] - already)
                if got > 0:
                    chosen[place] = already + got
                    wanted -= got  # noqa: PLW2901 - so many are still to be found
                    if not wanted:
                        break
            if wanted:
                return None
        return chosen

    def cost_of(self, repeat: Mapping[Place, int]) -> int:
        """Return what the units of a repeat cost now."""
        return sum([self._lefts[place] * count for place, count in repeat.items()])

    def times(self, repeat: Mapping[Place, int]) -> int:
        """Return how often these units are there."""
        return min([self.free[place] // count for place, count in repeat.items()])
