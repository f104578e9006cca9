"""Builds declarations out of what the grammar's rules matched."""

from typing import Any

from dsl import nodes
from dsl.parser.clauses import OfferClauses, PromotionClauses, SharedClauses
from dsl.parser.expressions import Braced, Children, Expressions, cover, name, number, only
from dsl.parser.steps import Steps, TriggerClauses


class Facts:
    def event(self, c: Children) -> nodes.Event:
        return nodes.Event(name(c[1]), c[2], span=cover(c))

    def attributes(self, c: Children) -> nodes.Attributes:
        return nodes.Attributes(c[1].text, c[2], span=cover(c))

    def list_declaration(self, c: Children) -> nodes.NamedList:
        return nodes.NamedList(name(c[1]), c[2], span=cover(c))


class Examples:
    def example(self, c: Children) -> nodes.Example:
        return nodes.Example(c[1], tuple(c[3:-1]), span=cover(c))

    def example_cart(self, c: Children) -> nodes.ExampleCart:
        return nodes.ExampleCart(tuple(c[2:-1]), span=cover(c))

    def cart_line(self, c: Children) -> nodes.CartLine:
        return nodes.CartLine(number(c[0]), c[2].items, span=cover(c))

    def cart_shipping(self, c: Children) -> nodes.CartShipping:
        return nodes.CartShipping(c[1], span=cover(c))

    def cart_code(self, c: Children) -> nodes.CartCode:
        return nodes.CartCode(c[1], span=cover(c))

    def example_user(self, c: Children) -> nodes.ExampleUser:
        segments = () if c[2] is None else c[2].items
        return nodes.ExampleUser(c[1].items, segments, span=cover(c))

    def example_member(self, c: Children) -> nodes.ExampleUser:
        return nodes.ExampleUser(None, c[1].items, span=cover(c))

    def in_segments(self, c: Children) -> Braced:
        return Braced(tuple(name(token) for token in c[2::2]), cover(c))

    def example_at(self, c: Children) -> nodes.ExampleAt:
        return nodes.ExampleAt(c[1], span=cover(c))

    def expect_total(self, c: Children) -> nodes.ExpectTotal:
        return nodes.ExpectTotal(c[2], span=cover(c))

    def expect_takes(self, c: Children) -> nodes.ExpectTakes:
        return nodes.ExpectTakes(name(c[1]), c[3], span=cover(c))

    def expect_applied(self, c: Children) -> nodes.ExpectApplied:
        return nodes.ExpectApplied(name(c[1]), True, span=cover(c))

    def expect_not_applied(self, c: Children) -> nodes.ExpectApplied:
        return nodes.ExpectApplied(name(c[1]), False, span=cover(c))

    def facts(self, c: Children) -> Braced:
        return Braced(only(nodes.Fact, c), cover(c))

    def fact(self, c: Children) -> nodes.Fact:
        return nodes.Fact(c[0], c[2], span=cover(c))


class Builder(
    Expressions,
    SharedClauses,
    PromotionClauses,
    OfferClauses,
    TriggerClauses,
    Steps,
    Facts,
    Examples,
):
    """One method for each rule of the grammar, by the rule's name or its alias. Keeps no state."""

    def start(self, c: Children) -> Any:
        return c[0]

    def header(self, c: Children) -> nodes.Number:
        return number(c[1])

    def campaign(self, c: Children) -> nodes.Campaign:
        return nodes.Campaign(name(c[1]), c[2], tuple(c[4:-1]), span=cover(c))

    def segment(self, c: Children) -> nodes.Segment:
        return nodes.Segment(name(c[1]), c[2], c[4], span=cover(c))

    def promotion(self, c: Children) -> nodes.Promotion:
        return nodes.Promotion(name(c[1]), c[2], tuple(c[4:-1]), span=cover(c))

    def trigger(self, c: Children) -> nodes.Trigger:
        return nodes.Trigger(name(c[1]), c[2], tuple(c[4:-1]), span=cover(c))

    def loyalty(self, c: Children) -> nodes.Loyalty:
        return nodes.Loyalty(name(c[1]), c[2], tuple(c[4:-1]), span=cover(c))

    def flash_sale(self, c: Children) -> nodes.FlashSale:
        return nodes.FlashSale(name(c[1]), c[2], tuple(c[4:-1]), span=cover(c))

    def group_buy(self, c: Children) -> nodes.GroupBuy:
        return nodes.GroupBuy(name(c[1]), c[2], tuple(c[4:-1]), span=cover(c))

    def lottery(self, c: Children) -> nodes.Lottery:
        return nodes.Lottery(name(c[1]), c[2], tuple(c[4:-1]), span=cover(c))
