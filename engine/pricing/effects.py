"""What the effects of a promotion take and give.

An effect is worked out once per program into a step: a function of the till and of what the
promotion sees when its turn comes.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias, assert_never

from dsl.promotions import (
    Award,
    Bundle,
    BuyGet,
    Effect,
    FixedPrice,
    Gift,
    Grant,
    SplitEffects,
    Take,
    Target,
    Tiers,
)
from engine.chance import arm_of
from engine.multiples import full_multiples
from engine.pricing.picking import pick
from engine.pricing.reductions import Reduction, capped, down_to, minor, reduction
from engine.pricing.repeats import Bundling, Buying, bundle, buy_and_get
from engine.pricing.till import Pick, Till
from engine.pricing.turn import Conditions, Turn
from models.quote import GiftGiven, GrantGiven

Step: TypeAlias = Callable[[Till, Turn], None]


def steps_of(
    promotion: str, effects: Sequence[Effect], conditions: Conditions, *, uses: bool = False
) -> tuple[Step, ...]:
    """Return the steps of a promotion's effects, in order.

    Each discounts the prices that those before it left.

    `uses`: whether what follows them must know which units were used up.
    """
    steps: list[Step] = []
    for effect in reversed(effects):
        steps.append(_step(promotion, effect, conditions, uses))
        uses = uses or isinstance(effect, BuyGet | Bundle | SplitEffects)
    return tuple(reversed(steps))


def _step(promotion: str, effect: Effect, conditions: Conditions, uses: bool) -> Step:
    match effect:
        case Take(off, target, cap):
            return _take(reduction(off), target, minor(cap), conditions)
        case Tiers():
            return _tiers(effect, conditions)
        case FixedPrice(target, price, cap):
            return _each(down_to(price.minor), target, minor(cap), conditions)
        case BuyGet():
            return _buy_get(effect, conditions, uses)
        case Bundle():
            return _bundle(effect, conditions, uses)
        case SplitEffects():
            return _split(promotion, effect, conditions, uses)
        case _:
            return _give(promotion, effect)


def _take(off: Reduction, target: Target, cap: int | None, conditions: Conditions) -> Step:
    discount = capped(off, cap)
    match target.what:
        case "shipping":
            return lambda till, _turn: till.take_off_shipping(discount)
        case "cart" | "items":
            number = conditions.number(target.where)
            return lambda till, turn: till.take_off_lines(discount, turn.lines(number))
        case "each":
            return _each(off, target, cap, conditions)
        case _:
            units = _units(target, conditions)
            return lambda till, turn: till.take_off_units(discount, units(till, turn))


def _each(off: Reduction, target: Target, cap: int | None, conditions: Conditions) -> Step:
    if cap is None and target.what in ("each", "items"):
        number = conditions.number(target.where)
        return lambda till, turn: till.take_off_every(off, turn.lines(number))
    units = _units(target, conditions)
    return lambda till, turn: till.take_off_each(off, units(till, turn), cap)


def _units(target: Target, conditions: Conditions) -> Callable[[Till, Turn], list[Pick]]:
    number, count = conditions.number(target.where), target.count
    if target.what in ("cheapest", "dearest"):
        dearest = target.what == "dearest"
        return lambda till, turn: pick(till, turn.lines(number), count, dearest=dearest)
    return lambda till, turn: till.all_of(turn.lines(number))


def _tiers(tiers: Tiers, conditions: Conditions) -> Step:
    """Take what the highest tier reached says."""
    steps = [
        (threshold, _take(reduction(off), tiers.target, minor(tiers.cap), conditions))
        for threshold, off in sorted(tiers.steps, key=lambda step: step[0], reverse=True)
    ]

    def take_tier(till: Till, turn: Turn) -> None:
        measure = turn.number(tiers.by)
        if measure is not None:
            for threshold, take in steps:
                if threshold <= measure:
                    take(till, turn)
                    return

    return take_tier


def _buy_get(effect: BuyGet, conditions: Conditions, uses: bool) -> Step:
    buying = Buying(
        buy=effect.buy,
        get=effect.get,
        dearest=effect.dearest,
        off=None if effect.price is not None or effect.off is None else reduction(effect.off),
        each=down_to(0 if effect.price is None else effect.price.minor),
        times=effect.times,
        cap=minor(effect.cap),
        uses=uses,
    )
    bought, rewarded = conditions.number(effect.buy_where), conditions.number(effect.get_where)

    def buy(till: Till, turn: Turn) -> None:
        buy_and_get(buying, turn.lines(bought), turn.lines(rewarded), till)

    return buy


def _bundle(effect: Bundle, conditions: Conditions, uses: bool) -> Step:
    counts = tuple(count for count, _ in effect.parts)
    bundling = Bundling(counts, effect.price.minor, effect.times, minor(effect.cap), uses)
    numbers = [conditions.number(where) for _, where in effect.parts]

    def put_together(till: Till, turn: Turn) -> None:
        bundle(bundling, [turn.lines(number) for number in numbers], till)

    return put_together


def _split(promotion: str, effect: SplitEffects, conditions: Conditions, uses: bool) -> Step:
    shares = [share for share, _, _ in effect.arms]
    arms = [steps_of(promotion, effects, conditions, uses=uses) for _, _, effects in effect.arms]

    def take_arm(till: Till, turn: Turn) -> None:
        for step in arms[arm_of(turn.user_id, effect.name, shares)]:
            step(till, turn)

    return take_arm


def _give(promotion: str, effect: Gift | Award | Grant) -> Step:
    match effect:
        case Gift(sku, quantity):
            gift = GiftGiven(promotion, sku, quantity)

            def give(till: Till, _turn: Turn) -> None:
                till.give().gifts += (gift,)

            return give
        case Award():
            return _award(effect)
        case Grant(granted, duration):
            lasts = None if duration is None else duration.words
            code = GrantGiven(promotion, granted, lasts)

            def grant(till: Till, _turn: Turn) -> None:
                till.give().grants += (code,)

            return grant
        case _:
            assert_never(effect)


def _award(award: Award) -> Step:
    """Give so many points, or so many per full multiple."""

    def give_points(till: Till, turn: Turn) -> None:
        if award.of is None or not award.per:
            till.give().points += award.points
            return
        measure = turn.number(award.of)
        if measure is not None:
            till.give().points += award.points * full_multiples(measure, award.per)

    return give_points
