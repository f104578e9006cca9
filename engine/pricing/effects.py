"""What the effects of a promotion take and give, one after the other in the order written."""

from collections.abc import Sequence
from typing import assert_never

from dsl.clauses import Amount, Length
from dsl.promotions import (
    Award,
    Bundle,
    BuyGet,
    Effect,
    FixedPrice,
    Gift,
    Grant,
    Off,
    SplitEffects,
    Take,
    Target,
    Tiers,
)
from engine.chance import arm_of
from engine.multiples import full_multiples
from engine.pricing.picking import pick
from engine.pricing.reductions import capped, minor, reduction
from engine.pricing.repeats import apply_bundle, apply_buy_get
from engine.pricing.till import Picks, Till
from engine.pricing.turn import Turn
from models.quote import GiftGiven, GrantGiven


def apply(effects: Sequence[Effect], till: Till, turn: Turn) -> None:
    """Apply effects in order: each discounts the prices that those before it left."""
    for effect in effects:
        _apply_one(effect, till, turn)


def _apply_one(effect: Effect, till: Till, turn: Turn) -> None:
    match effect:
        case Take(off, target, cap):
            _take(off, target, cap, till, turn)
        case Tiers(target, _, _, cap):
            tier = _reached(effect, turn)
            if tier is not None:
                _take(tier, target, cap, till, turn)
        case FixedPrice(target, price, cap):
            picks = _units(target, till, turn)
            till.take_off_each(lambda left: max(0, left - price.minor), picks, minor(cap))
        case BuyGet():
            apply_buy_get(effect, till, turn)
        case Bundle():
            apply_bundle(effect, till, turn)
        case SplitEffects(name, arms):
            arm = arm_of(turn.user_id, name, [share for share, _, _ in arms])
            apply(arms[arm][2], till, turn)
        case _:
            _give(effect, till, turn)


def _give(effect: Gift | Award | Grant, till: Till, turn: Turn) -> None:
    match effect:
        case Gift(sku, quantity):
            till.gifts.append(GiftGiven(till.promotion, sku, quantity))
        case Award():
            till.points += _points(effect, turn)
        case Grant(promotion, duration):
            till.grants.append(GrantGiven(till.promotion, promotion, _words(duration)))
        case _:
            assert_never(effect)


def _take(off: Off, target: Target, cap: Amount | None, till: Till, turn: Turn) -> None:
    limit = minor(cap)
    match target.what:
        case "shipping":
            till.take_off_shipping(capped(reduction(off)(till.shipping), limit))
        case "cart" | "items":
            lines = turn.lines(target.where)
            left = sum(till.lines[at].left for at in lines)
            till.take_off_lines(capped(reduction(off)(left), limit), lines)
        case "each":
            till.take_off_each(reduction(off), _units(target, till, turn), limit)
        case _:
            picks = _units(target, till, turn)
            till.take_off_units(capped(reduction(off)(till.left_of(picks)), limit), picks)


def _units(target: Target, till: Till, turn: Turn) -> Picks:
    lines = turn.lines(target.where)
    if target.what in ("cheapest", "dearest"):
        return pick(till, lines, target.count, dearest=target.what == "dearest")
    return till.units_of(lines)


def _reached(tiers: Tiers, turn: Turn) -> Off | None:
    """Return the reduction of the highest tier reached."""
    measure = turn.number(tiers.by)
    if measure is None:
        return None
    reached = [step for step in tiers.steps if step[0] <= measure]
    return max(reached, key=lambda step: step[0])[1] if reached else None


def _points(award: Award, turn: Turn) -> int:
    """Return the points an award gives: so many, or so many per full multiple."""
    if award.of is None or not award.per:
        return award.points
    measure = turn.number(award.of)
    if measure is None:
        return 0
    return award.points * full_multiples(measure, award.per)


def _words(length: Length | None) -> str | None:
    if length is None:
        return None
    return f"{length.count} {length.unit}{'' if length.count == 1 else 's'}"
