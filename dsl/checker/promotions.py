"""Promotions: clauses in any order to one value, in one currency."""

from dataclasses import replace

from dsl import nodes
from dsl.checker import effects
from dsl.checker.clauses import (
    Binding,
    Clauses,
    active_of,
    budget_of,
    goal_of,
    holdout_of,
    limits_of,
    priority_of,
    zone_of,
)
from dsl.checker.expressions import condition
from dsl.checker.scopes import Currencies, audience_scope, cart_scope
from dsl.checker.world import World
from dsl.promotions import Effect, Promotion, SplitEffects

EFFECTS = (
    nodes.Take
    | nodes.TakeTiers
    | nodes.FreeShipping
    | nodes.FixedPrice
    | nodes.BuyGet
    | nodes.Bundle
    | nodes.Gift
    | nodes.Award
    | nodes.Grant
    | nodes.SplitEffects
)


def lowered(node: nodes.Promotion, world: World, binding: Binding) -> Promotion:
    """Return a promotion, having said what is wrong with it."""
    report = world.report
    clauses = Clauses(node.name, "promotion", node.clauses, report)
    zone = zone_of(clauses)
    people = audience_scope(world, zone or world.zone)
    currencies = Currencies()
    cart = cart_scope(world, zone or world.zone, currencies)
    before = report.errors
    audience, when = clauses.one(nodes.Audience, "for"), clauses.one(nodes.When, "when")
    found = tuple(
        effects.lowered(clause, cart) for clause in node.clauses if isinstance(clause, EFFECTS)
    )
    if not found:
        clauses.lacks("take", "or another effect: `buy`, `bundle`, `gift`, `award`, `grant` …")
    _check_splits(found, node, world)
    budget = budget_of(clauses)
    if budget is not None:
        currencies.note(budget[0].currency, budget[1])
    exclusive, best, first = _combination(clauses)
    promotion = Promotion(
        name=node.name.text,
        title=None if node.title is None else node.title.value,
        active=active_of(clauses, zone, world.zone, binding),
        audience=None if audience is None else condition(audience.condition, people),
        codes=_codes(clauses),
        unique_codes=clauses.one(nodes.UniqueCodes, "codes unique") is not None,
        when=None if when is None else condition(when.condition, cart),
        effects=found,
        limits=limits_of(clauses),
        budget=None if budget is None else budget[0],
        priority=priority_of(clauses),
        exclusive=exclusive,
        best_of=best,
        first_of=first,
        holdout=holdout_of(clauses),
        goal=goal_of(clauses, replace(people, currencies=currencies), binding),
        currency=next(iter(currencies.found), None),
        campaign=binding.campaign,
        span=node.span,
    )
    if report.errors == before:
        _check_currencies(promotion, currencies, binding, world)
    return promotion


def _check_currencies(
    promotion: Promotion, currencies: Currencies, binding: Binding, world: World
) -> None:
    """Say where a second currency is named: no cart could match both."""
    first, others = currencies.others()
    if first and not others and binding.currency not in (None, first):
        world.report.warning(
            "W309",
            currencies.found[first],
            f"promotion `{promotion.name}` is in {first}, and the budget of its campaign"
            f" `{binding.campaign}` in {binding.currency}: it is for no cart",
            f"write the amount in {binding.currency}, or the promotion in another file",
        )
    for currency, span in others:
        world.report.error(
            "E221",
            span,
            f"promotion `{promotion.name}` is in {first}, and this is in {currency}",
            "write one promotion per currency",
        )


def _codes(clauses: Clauses) -> tuple[str, ...]:
    """Return the codes that open a promotion; case and surrounding space do not count."""
    codes: dict[str, str] = {}
    for node in clauses.every(nodes.Code):
        key = node.code.value.strip().casefold()
        if not key:
            clauses.report.error("E229", node.code.span, "a code cannot be empty")
        elif key in codes:
            clauses.report.error("E240", node.span, f'code "{node.code.value}" is given already')
        codes[key] = node.code.value
    unique = clauses.every(nodes.UniqueCodes)
    if codes and unique:
        message = "a promotion has a code of its own or unique ones, not both"
        clauses.report.error("E242", unique[0].span, message)
    return tuple(codes.values())


def _combination(clauses: Clauses) -> tuple[bool, str | None, str | None]:
    """Return `exclusive`, `best of` and `first of`, which exclude each other."""
    exclusive = clauses.one(nodes.Exclusive, "exclusive")
    best = clauses.one(nodes.BestOf, "best of")
    first = clauses.one(nodes.FirstOf, "first of")
    report = clauses.report
    group = best or first
    if best is not None and first is not None:
        report.error("E242", first.span, "a promotion is in one group: `best of` or `first of`")
    elif exclusive is not None and group is not None:
        message = f"a group has no `exclusive` member, and this is in `{group.group.text}`"
        report.error("E242", exclusive.span, message, "leave out one of the two")
    return (
        exclusive is not None,
        None if best is None else best.group.text,
        None if first is None else first.group.text,
    )


def _check_splits(found: tuple[Effect, ...], node: nodes.Promotion, world: World) -> None:
    """Say where two splits share a name: they would deal the same people the same arms."""
    seen: set[str] = set()
    pending = list(found)
    while pending:
        effect = pending.pop(0)
        if isinstance(effect, SplitEffects):
            if effect.name in seen:
                message = f"there is a split `{effect.name}` already in `{node.name.text}`"
                world.report.error("E212", effect.span, message)
            seen.add(effect.name)
            pending += [inner for _, _, arm in effect.arms for inner in arm]
