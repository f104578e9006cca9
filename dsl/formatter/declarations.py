"""The canonical text of declarations."""

from collections.abc import Sequence
from typing import assert_never

from dsl import nodes
from dsl.diagnostics import Span
from dsl.formatter.clauses import clause
from dsl.formatter.expressions import fields, item, text
from dsl.formatter.layout import Item, braced, listed
from dsl.formatter.steps import Steps


def declaration(node: nodes.Declaration, steps: Steps) -> Item:  # noqa: C901, PLR0911, PLR0912
    """Return a whole declaration."""
    match node:
        case nodes.Event():
            return braced(node.span, f"event {node.name.text}", fields(node.record))
        case nodes.Attributes():
            return braced(node.span, f"attributes {node.subject}", fields(node.record))
        case nodes.NamedList():
            elements = [Item(element.span, text(element)) for element in node.elements.elements]
            return listed(node.span, f"list {node.name.text} [", elements, "]")
        case nodes.Campaign():
            return _named("campaign", node, list(map(clause, node.clauses)))
        case nodes.Segment():
            condition = item(node.condition, "", "", node.condition.span)
            return _named("segment", node, [condition])
        case nodes.Promotion():
            return _named("promotion", node, list(map(clause, node.clauses)))
        case nodes.Trigger():
            return _named("trigger", node, list(map(steps.trigger_clause, node.clauses)))
        case nodes.Loyalty():
            return _named("loyalty", node, list(map(clause, node.clauses)))
        case nodes.FlashSale():
            return _named("flash_sale", node, list(map(clause, node.clauses)))
        case nodes.GroupBuy():
            return _named("group_buy", node, list(map(clause, node.clauses)))
        case nodes.Lottery():
            return _named("lottery", node, list(map(clause, node.clauses)))
        case nodes.Example():
            head = f"example {text(node.title)}"
            return braced(node.span, head, list(map(_example_clause, node.clauses)))
        case nodes.Broken():
            raise ValueError("a broken declaration has no canonical text")
        case _:
            assert_never(node)


_Named = (
    nodes.Campaign
    | nodes.Segment
    | nodes.Promotion
    | nodes.Trigger
    | nodes.Loyalty
    | nodes.FlashSale
    | nodes.GroupBuy
    | nodes.Lottery
)


def _named(kind: str, node: _Named, items: Sequence[Item]) -> Item:
    title = f" {text(node.title)}" if node.title else ""
    return braced(node.span, f"{kind} {node.name.text}{title}", items)


def _facts(before: str, facts: Sequence[nodes.Fact], after: str, span: Span) -> Item:
    entries = [Item(fact.span, f"{fact.path}: {text(fact.value)}") for fact in facts]
    return listed(span, f"{before} {{", entries, f"}}{after}")


def _cart_entry(node: nodes.CartLine | nodes.CartShipping | nodes.CartCode) -> Item:
    match node:
        case nodes.CartLine():
            return _facts(f"{node.quantity.text} of", node.facts, "", node.span)
        case nodes.CartShipping():
            return Item(node.span, f"shipping {text(node.amount)}")
        case nodes.CartCode():
            return Item(node.span, f"code {text(node.code)}")
        case _:
            assert_never(node)


def _example_clause(node: nodes.ExampleClause) -> Item:
    match node:
        case nodes.ExampleCart():
            return braced(node.span, "cart", list(map(_cart_entry, node.entries)))
        case nodes.ExampleUser():
            names = ", ".join(segment.text for segment in node.segments)
            segments = f" in segment {names}" if names else ""
            if node.facts is None:
                return Item(node.span, f"user{segments}")
            return _facts("user", node.facts, segments, node.span)
        case nodes.ExampleAt():
            return Item(node.span, f"at {text(node.at)}")
        case nodes.ExpectTotal():
            return Item(node.span, f"expect total {text(node.amount)}")
        case nodes.ExpectTakes():
            return Item(node.span, f"expect {node.promotion.text} takes {text(node.amount)}")
        case nodes.ExpectApplied():
            applied = "applied" if node.applied else "not applied"
            return Item(node.span, f"expect {node.promotion.text} {applied}")
        case _:
            assert_never(node)
