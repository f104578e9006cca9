"""The most that a promotion can take at its turn, whatever those before it took.

Said in two parts, both of which only grow with what lines still cost: rates of that, line by line,
and flat sums. Prices only fall, so that what a cart costs at first bounds what is flat.

Which units are the cheapest is known beforehand as long as none can have become free: then of each
line that is picked as a whole a rate is taken, where otherwise the dearest might be meant.
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
from engine.pricing.dearest import Repeats
from engine.pricing.goods import Goods
from engine.pricing.reductions import Reduction, capped, down_to, minor, reduction
from engine.pricing.turn import Conditions, Turn

# How far rounding can take a unit's price below its part of a discount, with much to spare.
_ROUNDING = 3.0


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
    """The most that a promotion takes, off lines and off shipping; `repeats` besides."""

    lines: tuple[Taking, ...]
    shipping: int
    repeats: tuple[Repeats, ...] = ()


class Bounds:
    """Works out the most that promotions take of one cart, to be asked in the order of turns."""

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
        # What a unit of each line costs at least, whichever have had their turn.
        self._least = [float(price) for price in goods.prices]

    def most(
        self, effects: Sequence[Effect], turn: Turn, *, varies: bool, repeats: bool = False
    ) -> Most:
        """Return the most that these effects take; `varies`: what they see is not known yet.

        With `repeats` those are not among what lines lose: whoever asks looks at the till for them.
        """
        lines: list[Taking] = []
        repeated: list[Repeats] = []
        shipping = 0
        own = list(_flatten(effects, turn.user_id))
        for effect in own:
            target = getattr(effect, "target", None)
            if isinstance(target, Target) and target.what == "shipping":
                shipping += self._off_shipping(effect, turn, varies=varies)
            else:
                sight = _Sight(self._goods, self._conditions, turn, varies)
                takings = self._takings(effect, sight, is_only=len(own) == 1)
                looked_at = _repeats(effect, sight) if repeats else None
                if looked_at is None:
                    lines += takings
                else:
                    repeated.append(looked_at)
        return Most(tuple(lines), min(shipping, self._shipping), tuple(repeated))

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

    def _takings(self, effect: Effect, sight: "_Sight", *, is_only: bool) -> list[Taking]:
        match effect:
            case Take(off, target, cap):
                return self._take(off, target, cap, sight)
            case Tiers():
                return self._tiered(effect, sight)
            case FixedPrice(target, price, cap):
                lines = sight.lines(target.where)
                self._bring_down(lines, price.minor)
                return [self._each(down_to(price.minor), lines, minor(cap))]
            case BuyGet():
                return self._buy_get(effect, sight, is_only=is_only)
            case Bundle():
                return [self._bundle(effect, sight)]
            case _:
                return []

    def _take(self, off: Off, target: Target, cap: Amount | None, sight: "_Sight") -> list[Taking]:
        lines, whole = sight.lines(target.where), self._at_first(off, target, sight)
        most = whole if cap is None else min(whole, cap.minor)
        chosen = target.what.endswith("est")
        picks = None
        if chosen and not sight.varies:
            picks = self._picks(lines, target.count, dearest=target.what == "dearest")
        if off.percent is None:
            of_all = target.what in ("cart", "items")
            self._lower(lines, self._part(most, lines) if of_all else 1.0)
            each = target.what == "each" and most == whole
            return [self._each(reduction(off), lines, None) if each else self._flat(most, lines)]
        rate = min(1.0, float(off.percent) / 100)
        self._lower(lines, rate)
        if picks is not None:
            return self._off_picks(picks, rate, cap, lines)
        if chosen or most < whole:
            return [self._flat(most, lines)]
        if target.what == "each":
            # Each unit's discount is rounded by itself.
            return [Taking(lines, rate, {at: self._goods.quantities[at] / 2 for at in lines})]
        # With floors, what one line has no room for is taken off the others.
        return [self._flat(most, lines) if self._goods.floored else Taking(lines, rate, even=True)]

    def _tiered(self, tiers: Tiers, sight: "_Sight") -> list[Taking]:
        offs = _tiers(tiers, sight.turn, varies=sight.varies)
        if len(offs) == 1:
            return self._take(offs[0], tiers.target, tiers.cap, sight)
        if not offs:
            return []
        lines = sight.lines(tiers.target.where)
        self._lower(lines, 1.0)
        most = max([self._at_first(off, tiers.target, sight) for off in offs])
        return [self._flat(most if tiers.cap is None else min(most, tiers.cap.minor), lines)]

    def _picks(
        self, lines: Sequence[int], count: int, *, dearest: bool
    ) -> list[tuple[int, int]] | None:
        """Return of which lines how many units are picked; None if that is not certain.

        A unit without room is passed over, and that one has room may depend on who had their turn.
        """
        prices, quantities = self._goods.prices, self._goods.quantities
        roomy = [at for at in lines if prices[at]]
        if self._goods.floored or any(self._least[at] <= 0 for at in roomy):
            return None
        picks = []
        for at in self._goods.by_price(roomy, dearest=dearest):
            size = min(count, quantities[at])
            if size:
                picks.append((at, size))
                count -= size
        return picks

    def _off_picks(
        self,
        picks: Sequence[tuple[int, int]],
        rate: float,
        cap: Amount | None,
        lines: Sequence[int],
    ) -> list[Taking]:
        """Bound a percentage of these units, shared over their lines."""
        prices, quantities = self._goods.prices, self._goods.quantities
        if cap is not None and cap.minor < rate * sum([size * prices[at] for at, size in picks]):
            return [self._flat(cap.minor, lines)]
        whole = [at for at, size in picks if size == quantities[at]]
        part = {at: rate * size * prices[at] for at, size in picks if size < quantities[at]}
        return [
            Taking(whole, rate, dict.fromkeys(whole, _ROUNDING)),
            Taking(list(part), each={at: most + _ROUNDING for at, most in part.items()}),
        ]

    def _part(self, amount: int, lines: Sequence[int]) -> float:
        """Return how large a part of what these lines cost an amount can be."""
        quantities = self._goods.quantities
        whole = sum([quantities[at] * max(0.0, self._least[at]) for at in lines])
        return min(1.0, amount / whole) if whole else 1.0

    def _lower(self, lines: Sequence[int], rate: float) -> None:
        """Note that units of these lines may have lost so many parts of what they cost."""
        for at in lines:
            self._least[at] = self._least[at] * (1 - rate) - _ROUNDING

    def _bring_down(self, lines: Sequence[int], price: int) -> None:
        for at in lines:
            self._least[at] = min(self._least[at], price)

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

    def _buy_get(self, effect: BuyGet, sight: "_Sight", *, is_only: bool) -> list[Taking]:
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
        if effect.price is not None or effect.off is None:
            price = 0 if effect.price is None else effect.price.minor
            self._bring_down(rewarded, price)
            whole = sight.top(rewarded, count, above=price)
            return [self._flat(capped(lambda most: most, minor(effect.cap))(whole), rewarded)]
        picks = None
        both = set(bought).intersection(rewarded)
        # Otherwise some of what can be rewarded is left over to be bought.
        if is_only and not sight.varies and (not both or len(both) == len(rewarded)):
            picks = self._picks(rewarded, count, dearest=effect.dearest)
        rate = 1.0 if effect.off.percent is None else min(1.0, float(effect.off.percent) / 100)
        self._lower(rewarded, rate)
        if picks is not None and effect.off.percent is not None:
            return self._off_picks(picks, rate, effect.cap, rewarded)
        off = capped(reduction(effect.off), minor(effect.cap))
        return [self._flat(off(sight.top(rewarded, count)), rewarded)]

    def _bundle(self, effect: Bundle, sight: "_Sight") -> Taking:
        parts, repeats = _parts(effect, sight)
        # The first repeat takes the dearest: none after it saves more.
        dearest = sum(sight.top(lines, count) for count, lines in parts)
        whole = repeats * max(0, dearest - effect.price.minor)
        lines = sorted({at for _, lines in parts for at in lines})
        if not whole:
            return Taking(lines)
        # No repeat costs more than the first, so that none saves a larger part of its units.
        rate = 1 - effect.price.minor / dearest
        self._lower(lines, rate)
        most = capped(lambda most: most, minor(effect.cap))(whole)
        if rate * sight.worth(lines) < most and not self._goods.floored:
            return Taking(lines, rate, dict.fromkeys(lines, _ROUNDING))
        return self._flat(most, lines)

    def _flat(self, amount: int, lines: Sequence[int]) -> Taking:
        return Taking(lines, flat=min(amount, sum([self._rooms[at] for at in lines])))


def _parts(bundle: Bundle, sight: "_Sight") -> tuple[Sequence[tuple[int, Sequence[int]]], int]:
    """Return a bundle's parts, and how many repeats there can be."""
    parts = [(count, sight.lines(where)) for count, where in bundle.parts]
    repeats = min(sight.units(lines) // count for count, lines in parts)
    return parts, repeats if bundle.times is None else min(repeats, bundle.times)


def _repeats(effect: Effect, sight: "_Sight") -> Repeats | None:
    """Return the repeats of an effect that are best looked at in the till."""
    if not isinstance(effect, Bundle):
        return None
    parts, repeats = _parts(effect, sight)
    return Repeats(parts, effect.price.minor, repeats, minor(effect.cap))


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
