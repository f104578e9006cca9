"""What can be worked out of a program's promotions before any cart is seen."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import prod
from typing import assert_never

from dsl.core import Expr, Ref
from dsl.program import Campaign, Program
from dsl.promotions import (
    Award,
    Bundle,
    BuyGet,
    Effect,
    FixedPrice,
    Gift,
    Grant,
    Promotion,
    SplitEffects,
    Take,
    Tiers,
)
from dsl.walking import nodes
from engine.memory import once_per_program
from engine.pricing.effects import Step, steps_of
from engine.pricing.turn import Conditions


@dataclass(frozen=True, slots=True, eq=False)
class Planned:
    """A promotion, with what its turn needs to know. There is one for each: `is` compares them."""

    name: str
    number: int  # its place among the turns of all
    promotion: Promotion
    campaign: Campaign | None
    zone: str
    codes: frozenset[str]
    needs_user: tuple[str, ...]  # the clauses that do
    waits: bool  # its `when` names cart.remaining, so it is judged at its turn
    varies: bool  # its effects name cart.remaining
    steps: tuple[Step, ...]  # what its effects do
    recurs: bool  # it is active in hours that recur
    held_out: tuple[tuple[str, Decimal], ...]  # what a buyer may be held out of, and the shares
    asks_more: bool  # it has limits, holdouts or hours that recur, which no index knows about
    budgeted: bool  # it, or its campaign, has a budget
    repeats: bool  # it has a bundle, of which only its turn shows how often it repeats
    currencies: tuple[str, ...]  # of its money and of its campaign's budget: the cart's are these


@dataclass(frozen=True, slots=True)
class Plan:
    """A program's promotions in the order of their turns: the highest priority first, then name.

    `choices` is how many ways there are to choose one from each `best of` group; `conditions` are
    those that the effects' steps know by number.
    """

    program: Program
    turns: tuple[Planned, ...]
    choices: int
    conditions: Conditions
    by_name: Mapping[str, Planned]
    by_code: Mapping[str, Sequence[Planned]]
    counted: Sequence[Planned]  # of which uses or money are counted
    has_unique_codes: bool


@once_per_program
def plan(program: Program) -> Plan:
    """Return a program's plan."""
    promotions = sorted(program.promotions.values(), key=lambda p: (-p.priority, p.name))
    groups = Counter(p.best_of for p in promotions if p.best_of)
    conditions = Conditions()
    turns = tuple(
        _plan_one(number, promotion, program, conditions)
        for number, promotion in enumerate(promotions)
    )
    by_code: dict[str, list[Planned]] = defaultdict(list)
    for planned in turns:
        for code in planned.codes:
            by_code[code].append(planned)
    return Plan(
        program=program,
        turns=turns,
        choices=prod(groups.values()),
        conditions=conditions,
        by_name={planned.name: planned for planned in turns},
        by_code=dict(by_code),
        counted=[each for each in turns if each.promotion.limits or each.budgeted],
        has_unique_codes=any(promotion.unique_codes for promotion in promotions),
    )


def fold_code(code: str) -> str:
    """Return a code as it is compared: case and surrounding space do not count."""
    composed = unicodedata.normalize("NFC", code.strip())
    # Letters with several marks fold into as many signs, and not always the same way.
    return unicodedata.normalize("NFC", composed.casefold())


def _plan_one(
    number: int, promotion: Promotion, program: Program, conditions: Conditions
) -> Planned:
    campaign = program.campaigns.get(promotion.campaign) if promotion.campaign else None
    recurs = any(window.recurring is not None for window in promotion.active)
    held_out = tuple(_holdouts(promotion, campaign))
    return Planned(
        name=promotion.name,
        number=number,
        promotion=promotion,
        campaign=campaign,
        zone=_own_zone(promotion, campaign) or program.zone,
        codes=frozenset(fold_code(code) for code in promotion.codes),
        needs_user=tuple(_needs_user(promotion, campaign)),
        waits=_names_remaining(promotion.when),
        varies=any(_names_remaining(expr) for expr in _expressions(promotion.effects)),
        steps=steps_of(promotion.name, promotion.effects, conditions),
        recurs=recurs,
        held_out=held_out,
        asks_more=bool(recurs or held_out or promotion.limits),
        budgeted=bool(promotion.budget or (campaign and campaign.budget)),
        repeats=any(isinstance(each, Bundle) for each in _all_effects(promotion.effects)),
        currencies=tuple(dict.fromkeys(_currencies(promotion, campaign))),
    )


def _currencies(promotion: Promotion, campaign: Campaign | None) -> Iterator[str]:
    if promotion.currency is not None:
        yield promotion.currency
    if campaign is not None and campaign.budget is not None:
        yield campaign.budget.currency


def _holdouts(promotion: Promotion, campaign: Campaign | None) -> Iterator[tuple[str, Decimal]]:
    if promotion.holdout is not None:
        yield promotion.name, promotion.holdout
    if campaign is not None and campaign.holdout is not None:
        yield campaign.name, campaign.holdout


def _own_zone(promotion: Promotion, campaign: Campaign | None) -> str | None:
    # A promotion's windows begin with its campaign's, whose zone is not the promotion's.
    own = promotion.active[len(campaign.active) if campaign else 0 :]
    return next((window.zone for window in own if window.zone is not None), None)


def _needs_user(promotion: Promotion, campaign: Campaign | None) -> Iterator[str]:
    if promotion.audience is not None:
        yield "for"
    if any(limit.per == "user" for limit in promotion.limits):
        yield "limit"
    if any(_holdouts(promotion, campaign)):
        yield "holdout"
    for effect in _all_effects(promotion.effects):
        match effect:
            case SplitEffects():
                yield "split"
            case Grant():
                yield "grant"
            case _:
                pass


def _all_effects(effects: Sequence[Effect]) -> Iterator[Effect]:
    for effect in effects:
        yield effect
        if isinstance(effect, SplitEffects):
            for _, _, inner in effect.arms:
                yield from _all_effects(inner)


def _expressions(effects: Sequence[Effect]) -> Iterator[Expr | None]:
    for effect in _all_effects(effects):
        match effect:
            case Take() | FixedPrice():
                yield effect.target.where
            case Tiers():
                yield from (effect.target.where, effect.by)
            case BuyGet():
                yield from (effect.buy_where, effect.get_where)
            case Bundle():
                yield from (where for _, where in effect.parts)
            case Award():
                yield effect.of
            case Gift() | Grant() | SplitEffects():
                pass
            case _:
                assert_never(effect)


def _names_remaining(expr: Expr | None) -> bool:
    return any(
        isinstance(node, Ref) and node.root == "cart" and node.path == ("remaining",)
        for node in nodes(expr)
    )
