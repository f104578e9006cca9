"""What a promotion takes or gives, clause by clause."""

from decimal import Decimal

from dsl import nodes
from dsl.checker import literals
from dsl.checker.agreement import described, in_words
from dsl.checker.clauses import check_shares
from dsl.checker.expressions import condition, lower
from dsl.checker.operations import is_poisoned
from dsl.checker.scopes import Scope
from dsl.checker.tiers import check_tiers
from dsl.clauses import Amount
from dsl.core import Expr
from dsl.kinds import NUMBER, Money
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

# What stands for an amount already reported: the promotion is in error anyway.
NO_AMOUNT = Amount(0, "USD")
WHOLE = Off(percent=Decimal(100))


def lowered(node: nodes.Effect, scope: Scope) -> Effect:  # noqa: C901, PLR0911 - one case each
    """Return an effect, having said what is wrong with it."""
    report = scope.world.report
    match node:
        case nodes.Take():
            off, target = _off(node.off, scope), _target(node.target, scope)
            return Take(off, target, _cap(node.cap, scope), span=node.span)
        case nodes.TakeTiers():
            return _tiers(node, scope)
        case nodes.FreeShipping(cap=cap):
            return Take(WHOLE, Target("shipping"), _cap(cap, scope), span=node.span)
        case nodes.FixedPrice():
            return _fixed_price(node, scope)
        case nodes.BuyGet():
            return _buy_get(node, scope)
        case nodes.Bundle():
            return _bundle(node, scope)
        case nodes.Gift(sku=sku, quantity=quantity):
            many = 1 if quantity is None else literals.count(quantity, report, "a quantity")
            return Gift(sku.value, many, span=node.span)
        case nodes.Award():
            return _award(node, scope)
        case nodes.Grant():
            check_grant(node.promotion, scope)
            duration = None if node.duration is None else literals.length(node.duration, report)
            return Grant(node.promotion.text, duration, span=node.span)
        case nodes.SplitEffects():
            return _split(node, scope)


def money(node: nodes.Money, scope: Scope) -> Amount:
    """Return an amount of a promotion, whose currency is thereby the promotion's."""
    amount = literals.amount(node, scope.world.report)
    if amount is None:
        return NO_AMOUNT
    scope.currencies.note(amount.currency, node.span)
    return amount


def check_grant(name: nodes.Name, scope: Scope) -> None:
    """Say if a promotion that is granted is unknown, or has no codes to give."""
    world = scope.world
    if not world.knows(name, nodes.Promotion, "E204"):
        return
    node = world.published[name.text]
    clauses = node.clauses if isinstance(node, nodes.Promotion) else ()
    if not any(isinstance(clause, nodes.UniqueCodes) for clause in clauses):
        message = f"promotion `{name.text}` has no codes of its own to grant"
        world.report.error("E248", name.span, message, "give it the clause `codes unique`")


def filter_of(where: nodes.Expr | None, scope: Scope) -> Expr | None:
    """Return a filter over the cart's lines."""
    if where is None:
        return None
    return condition(where, scope.within(scope.world.item, "an item"))


def _off(node: nodes.Percent | nodes.Money, scope: Scope) -> Off:
    match node:
        case nodes.Percent():
            return Off(percent=literals.share(node, scope.world.report, "a discount"))
        case nodes.Money():
            return Off(amount=money(node, scope))


def _target(node: nodes.Target, scope: Scope) -> Target:
    report = scope.world.report
    units = 0 if node.count is None else literals.count(node.count, report, "a number of items")
    return Target(node.what, filter_of(node.where, scope), units)


def _cap(node: nodes.Money | None, scope: Scope) -> Amount | None:
    return None if node is None else money(node, scope)


def _times(node: nodes.Number | None, scope: Scope) -> int | None:
    if node is None:
        return None
    return literals.count(node, scope.world.report, "a number of times")


def _tiers(node: nodes.TakeTiers, scope: Scope) -> Tiers:
    report = scope.world.report
    by = lower(node.by, scope)
    if not is_poisoned(by) and not _is_amount(by):
        what = f"{described(by)} is {in_words(by.kind)}"
        hint = "such as `by cart.subtotal` or `by cart.quantity`"
        report.error("E220", node.by.span, f"tiers go by money or a number; {what}", hint)
    steps: dict[int | float, tuple[nodes.TierStep, Off]] = {}
    for step in node.steps:
        threshold = _measure(step.threshold, by, scope, "a threshold")
        off = _off(step.off, scope)
        if threshold is None:
            continue
        if threshold in steps:
            report.error("E251", step.threshold.span, "there is a tier from here already")
            continue
        steps[threshold] = step, off
    if not node.steps:
        report.error("E241", node.span, "tiers need at least one `from … : …`")
    target = _target(node.target, scope)
    check_tiers(by, target, steps, report)
    ordered = tuple((threshold, off) for threshold, (_, off) in sorted(steps.items()))
    return Tiers(target, by, ordered, _cap(node.cap, scope), span=node.span)


def _is_amount(expr: Expr) -> bool:
    return expr.kind == NUMBER or isinstance(expr.kind, Money)


def _measure(
    node: nodes.Number | nodes.Money, of: Expr, scope: Scope, what: str
) -> int | float | None:
    """Return a threshold in the stored form of what it is compared with."""
    report = scope.world.report
    match node, of.kind:
        case nodes.Money(), Money(currency):
            amount = money(node, scope)
            if currency not in (None, amount.currency) and amount is not NO_AMOUNT:
                message = f"{described(of)} is money {currency}, and {what} is in {amount.currency}"
                report.error("E221", node.span, message)
            return amount.minor
        case nodes.Number(), kind if kind == NUMBER:
            return literals.stored_number(node.value)
        case _ if is_poisoned(of) or not _is_amount(of):
            return None
        case _:
            given = "money" if isinstance(node, nodes.Money) else "a number"
            message = f"{described(of)} is {in_words(of.kind)}, and {what} is {given}"
            report.error("E220", node.span, message)
            return None


def _fixed_price(node: nodes.FixedPrice, scope: Scope) -> FixedPrice:
    if node.target.what in ("cart", "shipping"):
        message = f"`price` is of items, not of the {node.target.what}"
        scope.world.report.error("E220", node.target.span, message, "write `price items … at …`")
    target, price = _target(node.target, scope), money(node.price, scope)
    return FixedPrice(target, price, _cap(node.cap, scope), span=node.span)


def _buy_get(node: nodes.BuyGet, scope: Scope) -> BuyGet:
    report = scope.world.report
    off: Off | None = None
    price: Amount | None = None
    match node.reward:
        case nodes.Free():
            off = WHOLE
        case nodes.Percent() as percent:
            off = _off(percent, scope)
        case nodes.Money() as amount:
            price = money(amount, scope)
    return BuyGet(
        literals.count(node.buy, report, "a number of items"),
        filter_of(node.buy_where, scope),
        literals.count(node.get, report, "a number of items"),
        filter_of(node.get_where, scope),
        node.dearest,
        off,
        price,
        _times(node.times, scope),
        _cap(node.cap, scope),
        span=node.span,
    )


def _bundle(node: nodes.Bundle, scope: Scope) -> Bundle:
    report = scope.world.report
    if not node.parts:
        report.error("E241", node.span, "a bundle needs at least one part", "`2 of items where …`")
    parts = tuple(
        (literals.count(part.count, report, "a number of items"), filter_of(part.where, scope))
        for part in node.parts
    )
    times, cap = _times(node.times, scope), _cap(node.cap, scope)
    return Bundle(parts, money(node.price, scope), times, cap, span=node.span)


def _award(node: nodes.Award, scope: Scope) -> Award:
    points = literals.count(node.points, scope.world.report, "points")
    if node.per is None or node.of is None:
        return Award(points, span=node.span)
    of = lower(node.of, scope)
    if not is_poisoned(of) and not _is_amount(of):
        what = f"{described(of)} is {in_words(of.kind)}"
        scope.world.report.error("E220", of.span, f"points are per money or a number; {what}")
    per = _measure(node.per, of, scope, "what it is divided by")
    if per == 0:
        scope.world.report.error("E229", node.per.span, "points per nothing would be endless")
    return Award(points, per, of, span=node.span)


def _split(node: nodes.SplitEffects, scope: Scope) -> SplitEffects:
    report = scope.world.report
    shares = check_shares(node.name, [(arm.share, arm.name) for arm in node.arms], report)
    arms = tuple(
        (share, arm.name.text, tuple(lowered(effect, scope) for effect in arm.effects))
        for share, arm in zip(shares, node.arms, strict=True)
    )
    return SplitEffects(node.name.text, arms, span=node.span)
