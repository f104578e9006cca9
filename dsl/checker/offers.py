"""Loyalty, flash sales, group buys and lotteries."""

from collections.abc import Mapping
from dataclasses import replace

from dsl import nodes
from dsl.checker import literals
from dsl.checker.agreement import in_words
from dsl.checker.clauses import (
    Binding,
    Clauses,
    active_of,
    limits_of,
    matched,
    zone_of,
)
from dsl.checker.effects import NO_AMOUNT, check_grant
from dsl.checker.paths import walk
from dsl.checker.scopes import Scope, segment_scope
from dsl.checker.steps import NO_EVENT, NO_TIME
from dsl.checker.world import World
from dsl.clauses import Amount
from dsl.core import Ref
from dsl.kinds import NUMBER, Money
from dsl.offers import Earn, FlashSale, GroupBuy, Lottery, Loyalty, Prize, Tier


def _scope(world: World) -> Scope:
    """Return what filters on events see beside the event: the user, with any window."""
    scope = segment_scope(world)
    return replace(scope, place="this", sees="`user` and its events are known here", daily=False)


def _title(node: nodes.Text | None) -> str | None:
    return None if node is None else node.value


def _price(node: nodes.Money, world: World) -> Amount:
    return literals.amount(node, world.report) or NO_AMOUNT


# --- loyalty -------------------------------------------------------------------------------------


def loyalty(node: nodes.Loyalty, world: World, binding: Binding) -> Loyalty:
    """Return a loyalty programme, having said what is wrong with it."""
    report = world.report
    clauses = Clauses(node.name, "loyalty", node.clauses, report)
    earn = tuple(
        _earn(clause, world)
        for clause in node.clauses
        if isinstance(clause, nodes.EarnPer | nodes.EarnOn)
    )
    expire = clauses.one(nodes.PointsExpire, "points expire")
    redeem = clauses.one(nodes.Redeem, "redeem")
    if not earn:
        clauses.lacks("earn", "such as `earn 1 point per 1 USD of order_placed.total`")
    return Loyalty(
        node.name.text,
        _title(node.title),
        earn,
        _tiers(clauses),
        None if expire is None else literals.length(expire.after, report),
        None
        if redeem is None
        else (literals.count(redeem.points, report, "points"), _price(redeem.worth, world)),
        binding.campaign,
        span=node.span,
    )


def _earn(node: nodes.EarnPer | nodes.EarnOn, world: World) -> Earn:
    points = literals.count(node.points, world.report, "points")
    match node:
        case nodes.EarnOn(event=written):
            return Earn(points, matched(written, _scope(world)) or NO_EVENT)
        case nodes.EarnPer(of=of):
            written = nodes.EventMatch(of.parts[0], node.where, span=of.span)
            event = matched(written, _scope(world))
            if event is None:
                return Earn(points, NO_EVENT)
            ref, per = _earned_of(node, world)
            return Earn(points, event, per, ref)


def _earned_of(node: nodes.EarnPer, world: World) -> tuple[Ref | None, int | float | None]:
    """Return the event's field that points are earned per, and the measure in its stored form."""
    report, of = world.report, node.of
    scope = _scope(world)
    kind = walk(world.events[of.parts[0].text], of.parts[1:], of, scope)
    if kind is None:
        return None, None
    ref = Ref("element", of.names[1:], kind, span=of.span)
    per: int | float | None = None
    match node.per, kind:
        case nodes.Money() as money, Money(currency):
            amount = literals.amount(money, report)
            if amount is not None and currency != amount.currency:
                message = f"`{of}` is money {currency}, and this is {amount.currency}"
                report.error("E221", money.span, message)
            per = None if amount is None else amount.minor
        case nodes.Number() as number, _ if kind == NUMBER:
            per = literals.stored_number(number.value)
        case _:
            given = "money" if isinstance(node.per, nodes.Money) else "number"
            message = f"`{of}` is {in_words(kind)}: points cannot be earned per {given} of it"
            report.error("E220", node.per.span.to(of.span), message)
    if per == 0:
        report.error("E229", node.per.span, "points per nothing would be endless")
    return ref, per


def _tiers(clauses: Clauses) -> tuple[Tier, ...]:
    report = clauses.report
    tiers: dict[str, Tier] = {}
    for node in clauses.every(nodes.Tier):
        name, points = node.name.text, literals.count(node.points, report, "points")
        if name in tiers:
            report.error("E212", node.name.span, f"there is a tier `{name}` already")
        elif any(tier.points == points for tier in tiers.values()):
            report.error("E251", node.points.span, f"there is a tier at {points} points already")
        tiers[name] = Tier(name, points, literals.length(node.within, report))
    return tuple(sorted(tiers.values(), key=lambda tier: tier.points))


# --- flash sales and group buys ------------------------------------------------------------------


def flash_sale(node: nodes.FlashSale, world: World, binding: Binding) -> FlashSale:
    """Return a flash sale, having said what is wrong with it."""
    report = world.report
    clauses = Clauses(node.name, "flash sale", node.clauses, report)
    zone = zone_of(clauses)
    sold = clauses.needed(nodes.FlashSku, "sku", 'such as `sku "A100" at 99 CNY stock 500`')
    hold = clauses.one(nodes.Hold, "hold")
    _needs_a_window(clauses, binding)
    return FlashSale(
        node.name.text,
        _title(node.title),
        active_of(clauses, zone, world.zone, binding),
        "" if sold is None else sold.sku.value,
        NO_AMOUNT if sold is None else _price(sold.price, world),
        0 if sold is None else literals.count(sold.stock, report, "a stock"),
        limits_of(clauses),
        None if hold is None else literals.length(hold.duration, report),
        binding.campaign,
        span=node.span,
    )


def group_buy(node: nodes.GroupBuy, world: World, binding: Binding) -> GroupBuy:
    """Return a group buy, having said what is wrong with it."""
    report = world.report
    clauses = Clauses(node.name, "group buy", node.clauses, report)
    zone = zone_of(clauses)
    hint = 'such as `sku "F200" at 79 CNY for 3 people within 24 hours`'
    sold = clauses.needed(nodes.GroupSku, "sku", hint)
    stock = None if sold is None else sold.stock
    _needs_a_window(clauses, binding)
    return GroupBuy(
        node.name.text,
        _title(node.title),
        active_of(clauses, zone, world.zone, binding),
        "" if sold is None else sold.sku.value,
        NO_AMOUNT if sold is None else _price(sold.price, world),
        0 if sold is None else literals.count(sold.people, report, "a group's people", least=2),
        NO_TIME if sold is None else literals.length(sold.within, report),
        None if stock is None else literals.count(stock, report, "a stock"),
        limits_of(clauses),
        binding.campaign,
        span=node.span,
    )


def _needs_a_window(clauses: Clauses, binding: Binding) -> None:
    if not binding.active and not clauses.every(nodes.Active):
        clauses.lacks("active from", "such as `active from 2026-11-11 to 2026-11-12`")


# --- lotteries -----------------------------------------------------------------------------------


def lottery(node: nodes.Lottery, world: World, binding: Binding) -> Lottery | None:
    """Return a lottery, or None without a draw, having said what is wrong with it."""
    report = world.report
    clauses = Clauses(node.name, "lottery", node.clauses, report)
    zone = zone_of(clauses)
    bought = clauses.one(nodes.EnterFor, "enter for")
    _needs_a_window(clauses, binding)
    entries = clauses.one(nodes.LimitEntries, "limit … entries per user")
    draw = clauses.needed(nodes.DrawAt, "draw at", "such as `draw at 2026-04-01T12:00`")
    prizes = tuple(_prize(prize, world) for prize in clauses.every(nodes.Prize))
    if not prizes:
        clauses.lacks("prize", 'such as `prize "Phone" quantity 1`')
    active = active_of(clauses, zone, world.zone, binding)
    on = tuple(
        event
        for clause in clauses.every(nodes.EnterOn)
        if (event := matched(clause.event, _scope(world))) is not None
    )
    if draw is None:
        return None
    draw_at = literals.instant(draw.at.value, zone or world.zone)
    ends = [window.end for window in active if window.end is not None]
    if ends and draw_at < min(ends):
        message = "the draw is before the last entries are in"
        report.error("E244", draw.span, message, "draw when the lottery is no longer active")
    return Lottery(
        node.name.text,
        _title(node.title),
        active,
        on,
        None if bought is None else literals.count(bought.points, report, "points"),
        None if entries is None else literals.count(entries.count, report, "entries"),
        draw_at,
        prizes,
        binding.campaign,
        span=node.span,
    )


def _prize(node: nodes.Prize, world: World) -> Prize:
    quantity = literals.count(node.quantity, world.report, "a quantity")
    if node.grants is not None:
        check_grant(node.grants, _scope(world))
    return Prize(node.title.value, quantity, None if node.grants is None else node.grants.text)


def first_of(found: Mapping[str, Loyalty]) -> Loyalty | None:
    """Return the workspace's loyalty programme."""
    return next(iter(found.values()), None)
