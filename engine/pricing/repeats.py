"""Buy some, get some; and bundles: effects that use units up and repeat while units last."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from engine.pricing.picking import in_order
from engine.pricing.reductions import Reduction, capped
from engine.pricing.till import Pick, Till

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
    both = buyable if buyable is rewardable else set(buyable).intersection(rewardable)
    buys = till.unused(buyable, roomy=False)
    gets = till.unused(rewardable, roomy=True)
    # A unit serves once, and each repeat needs all of its units.
    apart = buys if both is rewardable else buys + gets - till.unused(both, roomy=True)
    repeats = min(buys // buying.buy, gets // buying.get, apart // (buying.buy + buying.get))
    if buying.times is not None:
        repeats = min(repeats, buying.times)
    if not repeats:
        return
    spare = buys - buying.buy * repeats
    rewarded = _rewarded(buying, buying.get * repeats, spare, rewardable, both, till)
    if buying.uses:
        bought = _bought(buying.buy * repeats, rewarded, buyable, both, till)
        rewarded = _where_now(rewarded, till.use_up([*rewarded, *bought]))
    if buying.off is None:
        till.take_off_each(buying.each, rewarded, buying.cap)
    else:
        till.take_off_units(capped(buying.off, buying.cap), rewarded)


def _rewarded(
    buying: Buying,
    wanted: int,
    spare: int,
    rewardable: Sequence[int],
    both: Collection[int],
    till: Till,
) -> list[Pick]:
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
            picks.append((at, place, count, left))
            wanted -= count
            if not wanted:
                break
    picks.sort()
    return picks


def _bought(
    wanted: int, rewarded: Sequence[Pick], buyable: Sequence[int], both: Collection[int], till: Till
) -> list[Pick]:
    """Pick what is bought: the dearest, first of what could not be rewarded anyway."""
    floors = till.goods.floors
    taken = {(at, place): count for at, place, count, _ in rewarded}
    outside: list[Pick] = []
    inside: list[Pick] = []
    for at, place, (size, left, used) in in_order(till, buyable, dearest=True):
        if not used:
            free = size - taken.get((at, place), 0)
            among = inside if at in both and left > floors[at] else outside
            among.append((at, place, free, left))
    picks: list[Pick] = []
    for at, place, free, left in outside + inside:
        count = min(wanted, free)
        if count:
            picks.append((at, place, count, left))
            wanted -= count
    return picks


def _where_now(picks: Sequence[Pick], moved: Mapping[Place, int]) -> list[Pick]:
    return [(at, moved[at, place], count, left) for at, place, count, left in picks]


@dataclass(frozen=True, slots=True)
class Bundling:
    """A bundle: so many units of each part for a price. `uses` is as in Buying."""

    counts: tuple[int, ...]
    price: int
    times: int | None
    cap: int | None
    uses: bool


class _Stock:
    """A run that bundles take from; `chosen` of its units are in the repeat under way."""

    __slots__ = ("at", "chosen", "free", "left", "run", "taken")

    def __init__(self, at: int, run: int, left: int, free: int) -> None:
        self.at = at
        self.run = run
        self.left = left
        self.free = free
        self.chosen = self.taken = 0


def bundle(bundling: Bundling, parts: Sequence[Sequence[int]], till: Till) -> None:
    """Bundle the dearest units of each part's lines, again and again while it is cheaper."""
    stocks: dict[Place, _Stock] = {}
    waiting = [_stocked(till, lines, stocks) for lines in parts]
    saving, times = 0, bundling.times
    while times is None or times > 0:
        repeat = _one_repeat(bundling.counts, waiting)
        if repeat is None:
            break
        worth = -bundling.price
        for stock in repeat:
            worth += stock.left * stock.chosen
        if worth <= 0:
            break
        # The next repeats take from the same runs until one of them cannot fill its part.
        same = min([stock.free // stock.chosen for stock in repeat])
        if times is not None:
            same = min(same, times)
            times -= same
        saving += same * worth
        for stock in repeat:
            count = same * stock.chosen
            stock.taken += count
            stock.free -= count
            stock.chosen = 0
    if saving:
        picks = sorted(
            (each.at, each.run, each.taken, each.left) for each in stocks.values() if each.taken
        )
        if bundling.uses:
            picks = _where_now(picks, till.use_up(picks))
        till.take_off_units(capped(lambda _: saving, bundling.cap), picks)


def _stocked(till: Till, lines: Sequence[int], stocks: dict[Place, _Stock]) -> list[_Stock]:
    """Return what one part may take, the dearest last, so that what is empty is dropped quickly."""
    floors = till.goods.floors
    found: list[_Stock] = []
    for at, run, (size, left, used) in in_order(till, lines, dearest=True):
        if not used and left > floors[at]:
            # Parts that share lines share what is in them.
            stock = stocks.get((at, run))
            if stock is None:
                stock = stocks[at, run] = _Stock(at, run, left, size)
            found.append(stock)
    found.reverse()
    return found


def _one_repeat(counts: Sequence[int], waiting: Sequence[list[_Stock]]) -> list[_Stock] | None:
    """Choose the units of the next repeat; None where a part cannot be filled."""
    repeat: list[_Stock] = []
    for wanted, stocks in zip(counts, waiting, strict=True):
        while stocks and not stocks[-1].free:
            stocks.pop()
        for stock in reversed(stocks):
            got = min(wanted, stock.free - stock.chosen)
            if got:
                if not stock.chosen:
                    repeat.append(stock)
                stock.chosen += got
                wanted -= got  # noqa: PLW2901 - so many are still to be found
                if not wanted:
                    break
        if wanted:
            return None
    return repeat
