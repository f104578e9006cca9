"""The canonical text of clauses and effects."""

from typing import TypeAlias, assert_never

from dsl import nodes
from dsl.formatter.expressions import counted, item, text, where
from dsl.formatter.layout import Item, braced

Clause: TypeAlias = (
    nodes.CampaignClause
    | nodes.PromotionClause
    | nodes.LoyaltyClause
    | nodes.FlashSaleClause
    | nodes.GroupBuyClause
    | nodes.LotteryClause
)


def _optional(word: str, expr: nodes.Expr | None) -> str:
    return f" {word} {text(expr)}" if expr is not None else ""


def zone(name: nodes.Text | None) -> str:
    return _optional("in", name)


def _times(times: nodes.Number | None) -> str:
    return f" at most {counted(times, 'time')}" if times else ""


def _after(times: nodes.Number | None, cap: nodes.Money | None) -> str:
    return _times(times) + _optional("up to", cap)


def matching(before: str, event: nodes.EventMatch, after: str, node: nodes.Node) -> Item:
    """Return a clause that names an event, spread at the event's condition."""
    if event.where is None:
        return Item(node.span, f"{before} {event.event.text}{after}")
    return item(event.where, f"{before} {event.event.text} where ", after, node.span)


def filtered(before: str, condition: nodes.Expr | None, after: str, node: nodes.Node) -> Item:
    """Return a clause with a condition after `where`, if it has one."""
    if condition is None:
        return Item(node.span, before + after)
    return item(condition, f"{before} where ", after, node.span)


def _items(count: nodes.Number, condition: nodes.Expr | None, dearest: str = "") -> str:
    noun = "item" if count.value == 1 else "items"
    return f"{count.text} {dearest}{noun}{where(condition)}"


def _target(before: str, target: nodes.Target, after: str, node: nodes.Node) -> Item:
    match target.what:
        case "each":
            before = f"{before} each item"
        case "cheapest" | "dearest" if target.count:
            before = f"{before} {target.what} {_items(target.count, None)}"
        case what:
            before = f"{before} {what}"
    return filtered(before, target.where, after, node)


def clause(node: Clause) -> Item:
    """Return a clause of any declaration but a trigger or an example."""
    match node:
        case (
            nodes.Take()
            | nodes.TakeTiers()
            | nodes.FreeShipping()
            | nodes.FixedPrice()
            | nodes.BuyGet()
            | nodes.Bundle()
            | nodes.Gift()
            | nodes.Award()
            | nodes.Grant()
            | nodes.SplitEffects()
        ):
            return effect(node)
        case nodes.Audience():
            return item(node.condition, "for ", "", node.span)
        case nodes.When():
            return item(node.condition, "when ", "", node.span)
        case nodes.Goal():
            return matching("goal", node.event, _optional("within", node.within), node)
        case nodes.EarnPer():
            per = f"per {text(node.per)} of {node.of}"
            return filtered(f"earn {counted(node.points, 'point')} {per}", node.where, "", node)
        case nodes.EarnOn():
            return matching(f"earn {counted(node.points, 'point')} on", node.event, "", node)
        case nodes.EnterOn():
            return matching("enter on", node.event, "", node)
        case _:
            return Item(node.span, _plain(node))


_Plain: TypeAlias = (
    nodes.Active
    | nodes.ActiveEvery
    | nodes.Limit
    | nodes.Budget
    | nodes.Priority
    | nodes.Holdout
    | nodes.Code
    | nodes.UniqueCodes
    | nodes.Exclusive
    | nodes.BestOf
    | nodes.FirstOf
    | nodes.Tier
    | nodes.PointsExpire
    | nodes.Redeem
    | nodes.FlashSku
    | nodes.Hold
    | nodes.GroupSku
    | nodes.EnterFor
    | nodes.LimitEntries
    | nodes.DrawAt
    | nodes.Prize
)


def _plain(node: _Plain) -> str:  # noqa: C901, PLR0911, PLR0912
    """Return a clause that has no condition in it."""
    match node:
        case nodes.Active():
            return f"active from {text(node.start)}{_optional('to', node.end)}{zone(node.zone)}"
        case nodes.ActiveEvery():
            hours = f"{text(node.start)} to {text(node.end)}"
            return f"active every {node.weekday or 'day'} {hours}{zone(node.zone)}"
        case nodes.Limit(per="user"):
            return f"limit {node.count.text} per user{_optional('per', node.within)}"
        case nodes.Limit():
            return f"limit {node.count.text} total"
        case nodes.Budget():
            return f"budget {text(node.amount)}"
        case nodes.Priority():
            return f"priority {'-' if node.negative else ''}{node.number.text}"
        case nodes.Holdout():
            return f"holdout {text(node.share)}"
        case nodes.Code():
            return f"code {text(node.code)}"
        case nodes.UniqueCodes():
            return "codes unique"
        case nodes.Exclusive():
            return "exclusive"
        case nodes.BestOf():
            return f"best of {node.group.text}"
        case nodes.FirstOf():
            return f"first of {node.group.text}"
        case nodes.Tier():
            points = counted(node.points, "point")
            return f"tier {node.name.text} at {points} in {text(node.within)}"
        case nodes.PointsExpire():
            return f"points expire after {text(node.after)}"
        case nodes.Redeem():
            return f"redeem {counted(node.points, 'point')} for {text(node.worth)}"
        case nodes.FlashSku():
            return f"sku {text(node.sku)} at {text(node.price)} stock {node.stock.text}"
        case nodes.Hold():
            return f"hold {text(node.duration)}"
        case nodes.GroupSku():
            people = counted(node.people, "person", "people")
            stock = _optional("stock", node.stock)
            price = f"{text(node.sku)} at {text(node.price)}"
            return f"sku {price} for {people} within {text(node.within)}{stock}"
        case nodes.EnterFor():
            return f"enter for {counted(node.points, 'point')}"
        case nodes.LimitEntries():
            return f"limit {counted(node.count, 'entry', 'entries')} per user"
        case nodes.DrawAt():
            return f"draw at {text(node.at)}"
        case nodes.Prize():
            grants = f" grants {node.grants.text}" if node.grants else ""
            return f"prize {text(node.title)} quantity {node.quantity.text}{grants}"
        case _:
            assert_never(node)


def effect(node: nodes.Effect) -> Item:  # noqa: PLR0911
    """Return something that a promotion does."""
    match node:
        case nodes.Take():
            cap = _optional("up to", node.cap)
            return _target(f"take {text(node.off)} off", node.target, cap, node)
        case nodes.TakeTiers():
            steps = [
                Item(step.span, f"from {text(step.threshold)}: {text(step.off)}")
                for step in node.steps
            ]
            head = f"{_target('take off', node.target, '', node).flat} by {text(node.by)}"
            cap = _optional("up to", node.cap).lstrip()
            return braced(node.span, head, steps, cap, start=node.by.span.end)
        case nodes.FreeShipping():
            return Item(node.span, f"free shipping{_optional('up to', node.cap)}")
        case nodes.FixedPrice():
            price = f" at {text(node.price)}{_optional('up to', node.cap)}"
            return _target("price", node.target, price, node)
        case nodes.BuyGet():
            return Item(node.span, _buy_get(node))
        case nodes.Bundle():
            parts = [
                filtered(f"{part.count.text} of items", part.where, "", part) for part in node.parts
            ]
            price = f"for {text(node.price)}{_after(node.times, node.cap)}"
            return braced(node.span, "bundle", parts, price)
        case nodes.Gift():
            return Item(
                node.span, f"gift sku {text(node.sku)}{_optional('quantity', node.quantity)}"
            )
        case nodes.Award() | nodes.Grant():
            return Item(node.span, given(node))
        case nodes.SplitEffects():
            arms = [
                braced(
                    arm.span, f"{text(arm.share)} {arm.name.text}", list(map(effect, arm.effects))
                )
                for arm in node.arms
            ]
            return braced(node.span, f"split {node.name.text}", arms)
        case _:
            assert_never(node)


def given(node: nodes.Award | nodes.Grant) -> str:
    """Return an award or a grant, as an effect or a step."""
    match node:
        case nodes.Award():
            per = f" per {text(node.per)}{_optional('of', node.of)}" if node.per else ""
            return f"award {counted(node.points, 'point')}{per}"
        case nodes.Grant():
            return f"grant {node.promotion.text}{_optional('for', node.duration)}"
        case _:
            assert_never(node)


def _buy_get(node: nodes.BuyGet) -> str:
    match node.reward:
        case nodes.Free():
            reward = "free"
        case nodes.Percent():
            reward = f"at {text(node.reward)} off"
        case nodes.Money():
            reward = f"for {text(node.reward)}"
        case _:
            assert_never(node.reward)
    bought = _items(node.buy, node.buy_where)
    got = _items(node.get, node.get_where, "dearest " if node.dearest else "")
    return f"buy {bought} get {got} {reward}{_after(node.times, node.cap)}"
