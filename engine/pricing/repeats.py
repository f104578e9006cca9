"""Buy some, get some; and bundles: effects that use units up and repeat while units last."""

from collections import Counter
from collections.abc import Sequence

from dsl.promotions import Bundle, BuyGet
from engine.pricing.picking import Stock, in_order, stock, take
from engine.pricing.reductions import capped, minor, reduction
from engine.pricing.till import Picks, Till
from engine.pricing.turn import Turn


def apply_buy_get(effect: BuyGet, till: Till, turn: Turn) -> None:
    """Reward the cheapest (or dearest) matching units, as many repeats as the units allow."""
    rewardable_lines = frozenset(turn.lines(effect.get_where))
    buyable = stock(till, turn.lines(effect.buy_where))
    rewardable = [unit for unit in stock(till, sorted(rewardable_lines)) if unit.room > 0]
    both = {(unit.at, unit.place) for unit in buyable} & {(u.at, u.place) for u in rewardable}
    repeats = _repeats(effect, buyable, rewardable, both)
    if not repeats:
        return
    rewarded = _rewarded(effect, repeats, buyable, rewardable, both)
    bought = _bought(effect.buy * repeats, buyable, rewarded, both)
    moved = till.use_up(_together(rewarded, bought))
    _reward(effect, till, {moved[place]: count for place, count in rewarded.items()})


def _repeats(
    effect: BuyGet,
    buyable: Sequence[Stock],
    rewardable: Sequence[Stock],
    both: set[tuple[int, int]],
) -> int:
    """Return how many repeats fit: each needs all of its units, and a unit serves once."""
    buys, gets = _count(buyable), _count(rewardable)
    shared = sum(unit.size for unit in buyable if (unit.at, unit.place) in both)
    most = min(
        buys // effect.buy, gets // effect.get, (buys + gets - shared) // (effect.buy + effect.get)
    )
    return most if effect.times is None else min(most, effect.times)


def _rewarded(
    effect: BuyGet,
    repeats: int,
    buyable: Sequence[Stock],
    rewardable: Sequence[Stock],
    both: set[tuple[int, int]],
) -> Picks:
    """Pick what is rewarded, leaving enough of what can also be bought to be bought."""
    wanted = effect.get * repeats
    spare = _count(buyable) - effect.buy * repeats
    picks: Picks = {}
    for unit in in_order(rewardable, dearest=effect.dearest):
        place = (unit.at, unit.place)
        count = min(wanted, unit.size, spare if place in both else unit.size)
        if count:
            picks[place] = count
            wanted -= count
            spare -= count if place in both else 0
    return picks


def _bought(
    count: int, buyable: Sequence[Stock], rewarded: Picks, both: set[tuple[int, int]]
) -> Picks:
    """Pick what is bought: the dearest, first of what could not be rewarded anyway."""
    free = [
        unit._replace(size=unit.size - rewarded.get((unit.at, unit.place), 0))
        for unit in in_order(buyable, dearest=True)
    ]
    outside = [unit for unit in free if (unit.at, unit.place) not in both]
    inside = [unit for unit in free if (unit.at, unit.place) in both]
    return take((unit for unit in outside + inside if unit.size), count)


def _reward(effect: BuyGet, till: Till, rewarded: Picks) -> None:
    cap = minor(effect.cap)
    if effect.price is not None:
        price = effect.price.minor
        till.take_off_each(lambda left: max(0, left - price), rewarded, cap)
    elif effect.off is not None:
        amount = reduction(effect.off)(till.left_of(rewarded))
        till.take_off_units(capped(amount, cap), rewarded)


def apply_bundle(effect: Bundle, till: Till, turn: Turn) -> None:
    """Bundle the dearest matching units, part by part, again and again while it is cheaper."""
    parts = [
        (
            count,
            in_order(
                (unit for unit in stock(till, turn.lines(where)) if unit.room > 0), dearest=True
            ),
        )
        for count, where in effect.parts
    ]
    available = {(unit.at, unit.place): unit for _, units in parts for unit in units}
    free = Counter({place: unit.size for place, unit in available.items()})
    bundled: Picks = {}
    saving, times = 0, effect.times
    while times is None or times > 0:
        repeat = _one_repeat(parts, free)
        if repeat is None:
            break
        cost = sum(available[place].left * count for place, count in repeat.items())
        if cost <= effect.price.minor:
            break
        # The next repeats take from the same runs until one of them cannot fill its part.
        same = min(free[place] // count for place, count in repeat.items())
        same = same if times is None else min(same, times)
        times = None if times is None else times - same
        saving += same * (cost - effect.price.minor)
        for place, count in repeat.items():
            bundled[place] = bundled.get(place, 0) + same * count
            free[place] -= same * count
    if bundled:
        moved = till.use_up(bundled)
        amount = capped(saving, minor(effect.cap))
        till.take_off_units(amount, {moved[place]: count for place, count in bundled.items()})


def _one_repeat(
    parts: Sequence[tuple[int, Sequence[Stock]]], free: Counter[tuple[int, int]]
) -> Picks | None:
    """Return the units of the next repeat, or None where a part cannot be filled."""
    chosen: Counter[tuple[int, int]] = Counter()
    for count, units in parts:
        wanted = count
        for unit in units:
            place = (unit.at, unit.place)
            got = min(wanted, free[place] - chosen[place])
            if got > 0:
                chosen[place] += got
                wanted -= got
            if not wanted:
                break
        if wanted:
            return None
    return dict(chosen)


def _count(units: Sequence[Stock]) -> int:
    return sum(unit.size for unit in units)


def _together(*several: Picks) -> Picks:
    together: Picks = {}
    for picks in several:
        for place, count in picks.items():
            together[place] = together.get(place, 0) + count
    return together
