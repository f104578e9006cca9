"""The most that a promotion can take at its turn, whatever those before it took.

Said in two parts, both of which only grow with what lines still cost: rates of that, line by line,
and flat sums. Prices only fall, so that what a cart costs at first bounds what is flat.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from dsl.clauses import Amount
from dsl.core import Expr
from dsl.promotions import (
    Bundle,
    BuyGet,
    Effect,
    FixedPrice,
    Off,
    SplitEffects,
    Take,
    Target,
    Tiers,
)
from engine.chance import arm_of
from engine.pricing.goods import Goods
from engine.pricing.reductions import Reduction, capped, down_to, minor, reduction
from engine.pricing.turn import Conditions, Turn


@dataclass(frozen=True, slots=True)
class Taking:
    """The most that an effect takes of these lines.

    `rate` of what each still costs, off it; `each` besides, by line; and `flat`, off any of them.
    `even`: what is taken at that rate may lie up to 1.5 minor units beside each line's part of it,
    and half a unit above it altogether.
    """

    lines: Sequence[int]
    rate: float = 0.0
    each: Mapping[int, float] | None = None
    flat: float = 0.0
    even: bool = False


@dataclass(frozen=True, slots=True)
class Most:
    """The most that a promotion takes, off lines and off shipping."""

    lines: tuple[Taking, ...]
    shipping: int


class Bounds:
    """Works out the most that promotions take of one cart."""

    def __init__(self, goods: Goods, shipping: int, conditions: Conditions) -> None:
        self._goods = goods
        self._shipping = shipping
        self._conditions = conditions
        self._rooms = [
            quantity * (price - floor)
            for quantity, price, floor in zip(
                goods.quantities, goods.prices, goods.floors, strict=True
            )
        ]

    def most(self, effects: Sequence[Effect], turn: Turn, *, varies: bool) -> Most:
        """Return the most that these effects take; `varies`: what they see is not known yet."""
        lines: list[Taking] = []
        shipping = 0
        for effect in _flatten(effects, turn.user_id):
            target = getattr(effect, "target", None)
            if isinstance(target, Target) and target.what == "shipping":
                shipping += self._off_shipping(effect, turn, varies=varies)
            else:
                found = self._taking(effect, _Sight(self._goods, self._conditions, turn, varies))
                if found is not None:
                    lines.append(found)
        return Most(tuple(lines), min(shipping, self._shipping))

    def _off_shipping(self, effect: Effect, turn: Turn, *, varies: bool) -> int:
        match effect:
            case Take(off, _, cap):
                return capped(reduction(off), minor(cap))(self._shipping)
            case Tiers():
                offs = _tiers(effect, turn, varies=varies)
                taken = [capped(reduction(o), minor(effect.cap))(self._shipping) for o in offs]
                return max(taken, default=0)
            case _:
                return self._shipping

    def _taking(self, effect: Effect, sight: "_Sight") -> Taking | None:
        match effect:
            case Take(off, target, cap):
                return self._take(off, target, cap, sight)
            case Tiers():
                return self._tiered(effect, sight)
            case FixedPrice(target, price, cap):
                lines = sight.lines(target.where)
                return self._each(down_to(price.minor), lines, minor(cap))
            case BuyGet():
                return self._buy_get(effect, sight)
            case Bundle():
                return self._bundle(effect, sight)
            case _:
                return None

    def _take(self, off: Off, target: Target, cap: Amount | None, sight: "_Sight") -> Taking:
        lines, whole = sight.lines(target.where), self._at_first(off, target, sight)
        most = whole if cap is None else min(whole, cap.minor)
        if most < whole or target.what.endswith("est"):
            return self._flat(most, lines)
        if off.percent is None:
            each = target.what == "each"
            return self._each(reduction(off), lines, None) if each else self._flat(most, lines)
        rate = min(1.0, float(off.percent) / 100)
        if target.what == "each":
            # Each unit's discount is rounded by itself.
            return Taking(lines, rate, {at: self._goods.quantities[at] / 2 for at in lines})
        # With floors, what one line has no room for is taken off the others.
        return self._flat(most, lines) if self._goods.floored else Taking(lines, rate, even=True)

    def _tiered(self, tiers: Tiers, sight: "_Sight") -> Taking | None:
        offs = _tiers(tiers, sight.turn, varies=sight.varies)
        if len(offs) == 1:
            return self._take(offs[0], tiers.target, tiers.cap, sight)
        if not offs:
            return None
        most = max([self._at_first(off, tiers.target, sight) for off in offs])
        most = most if tiers.cap is None else min(most, tiers.cap.minor)
        return self._flat(most, sight.lines(tiers.target.where))

    def _at_first(self, off: Off, target: Target, sight: "_Sight") -> int:
        """Return what is taken while nothing has been taken, without a cap."""
        discount, lines = reduction(off), sight.lines(target.where)
        if target.what == "each":
            prices, quantities = self._goods.prices, self._goods.quantities
            return sum([quantities[at] * discount(prices[at]) for at in lines])
        if target.what.endswith("est"):
            return discount(sight.top(lines, target.count))
        return discount(sight.worth(lines))

    def _each(self, discount: Reduction, lines: Sequence[int], cap: int | None) -> Taking:
        """Bound what is taken off each unit by itself, where less is taken of what costs less."""
        goods = self._goods
        most = {at: goods.quantities[at] * discount(goods.prices[at]) for at in lines}
        whole = sum(most.values())
        if cap is not None and cap < whole:
            return self._flat(cap, lines)
        return Taking(lines, each={at: min(most[at], self._rooms[at]) for at in lines})

    def _buy_get(self, effect: BuyGet, sight: "_Sight") -> Taking:
        bought, rewarded = sight.lines(effect.buy_where), sight.lines(effect.get_where)
        either = sight.units({*bought, *rewarded})
        repeats = min(
            sight.units(bought) // effect.buy,
            sight.units(rewarded) // effect.get,
            either // (effect.buy + effect.get),
        )
        if effect.times is not None:
            repeats = min(repeats, effect.times)
        count = effect.get * repeats
        if effect.price is None and effect.off is not None:
            off = capped(reduction(effect.off), minor(effect.cap))
            return self._flat(off(sight.top(rewarded, count)), rewarded)
        price = 0 if effect.price is None else effect.price.minor
        whole = sight.top(rewarded, count, above=price)
        return self._flat(capped(lambda most: most, minor(effect.cap))(whole), rewarded)

    def _bundle(self, effect: Bundle, sight: "_Sight") -> Taking:
        parts = [(count, sight.lines(where)) for count, where in effect.parts]
        repeats = min(sight.units(lines) // count for count, lines in parts)
        if effect.times is not None:
            repeats = min(repeats, effect.times)
        # The first repeat takes the dearest: none after it saves more.
        first = sum(sight.top(lines, count) for count, lines in parts) - effect.price.minor
        whole = repeats * max(0, first)
        lines = sorted({at for _, lines in parts for at in lines})
        return self._flat(capped(lambda most: most, minor(effect.cap))(whole), lines)

    def _flat(self, amount: int, lines: Sequence[int]) -> Taking:
        return Taking(lines, flat=min(amount, sum([self._rooms[at] for at in lines])))


def _flatten(effects: Sequence[Effect], user_id: str) -> Iterator[Effect]:
    """Yield effects, of a split those of the buyer's arm."""
    for effect in effects:
        if isinstance(effect, SplitEffects):
            shares = [share for share, _, _ in effect.arms]
            _, _, inner = effect.arms[arm_of(user_id, effect.name, shares)]
            yield from _flatten(inner, user_id)
        else:
            yield effect


def _tiers(tiers: Tiers, turn: Turn, *, varies: bool) -> list[Off]:
    """Return what may be taken: by the highest tier reached, or where that varies by any."""
    if varies:
        return [off for _, off in tiers.steps]
    measure = turn.number(tiers.by)
    reached = [] if measure is None else [step for step in tiers.steps if step[0] <= measure]
    return [max(reached, key=itemgetter(0))[1]] if reached else []


class _Sight:
    """What a promotion sees of a cart: where that is not known yet, all that it could be."""

    def __init__(self, goods: Goods, conditions: Conditions, turn: Turn, varies: bool) -> None:
        self.turn = turn
        self.varies = varies
        self._goods = goods
        self._conditions = conditions

    def lines(self, where: Expr | None) -> Sequence[int]:
        return self.turn.lines(0 if self.varies else self._conditions.number(where))

    def units(self, lines: Sequence[int] | set[int]) -> int:
        return sum([self._goods.quantities[at] for at in lines])

    def worth(self, lines: Sequence[int]) -> int:
        return sum([self._goods.quantities[at] * self._goods.prices[at] for at in lines])

    def top(self, lines: Sequence[int], count: int, *, above: int = 0) -> int:
        """Return what so many units cost at most, of each what is above a price."""
        found = 0
        for at in self._goods.by_price(lines, dearest=True):
            size = min(count, self._goods.quantities[at])
            found += size * max(0, self._goods.prices[at] - above)
            count -= size
        return found
