"""Buy some, get some; and bundles: effects that use units up and repeat while units last."""

from collections import Counter
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
        amount = capped(buying.off(till.left_of(rewarded)), buying.cap)
        till.take_off_units(amount, rewarded)


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
    free: Counter[Place] = Counter()
    ordered = [_available(till, lines, free) for lines in parts]
    bundled: Counter[Place] = Counter()
    saving, times = 0, bundling.times
    while times is None or times > 0:
        repeat = _one_repeat(bundling.counts, ordered, free)
        if repeat is None:
            break
        cost = till.left_of(_gathered(repeat))
        if cost <= bundling.price:
            break
        # The next repeats take from the same runs until one of them cannot fill its part.
        same = min(free[place] // count for place, count in repeat.items())
        if times is not None:
            same = min(same, times)
            times -= same
        saving += same * (cost - bundling.price)
        for place, count in repeat.items():
            bundled[place] += same * count
            free[place] -= same * count
    if bundled:
        picks = _gathered(bundled)
        if bundling.uses:
            picks = _where_now(picks, till.use_up([picks]))
        till.take_off_units(capped(saving, bundling.cap), picks)


def _gathered(counts: Mapping[Place, int]) -> Picks:
    return gathered([(at, run, count) for (at, run), count in counts.items()])


def _available(till: Till, lines: Sequence[int], free: Counter[Place]) -> list[Place]:
    """Return the runs that may be bundled, the dearest first; note in `free` how many units."""
    floors = till.goods.floors
    places: list[Place] = []
    for at, run, (size, left, used) in in_order(till, lines, dearest=True):
        if not used and left > floors[at]:
            places.append((at, run))
            free[at, run] = size
    return places


def _one_repeat(
    counts: Sequence[int],
    ordered: Sequence[Sequence[Place]],
    free: Counter[Place],
) -> dict[Place, int] | None:
    """Return the units of the next repeat, or None where a part cannot be filled."""
    chosen: dict[Place, int] = {}
    for count, places in zip(counts, ordered, strict=True):
        wanted = count
        for place in places:
            already = chosen.get(place, 0)
            got = min(wanted, free[place] - already)
            if got > 0:
                chosen[place] = already + got
                wanted -= got
                if not wanted:
                    break
        if wanted:
            return None
    return chosen
