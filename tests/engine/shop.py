"""A small shop for tests: rules as source, carts as short as can be."""

from dataclasses import replace
from datetime import UTC, datetime

import dsl
from dsl.money import to_text
from engine.pricing import Request, quote
from engine.pricing.buyer import read_buyer
from engine.pricing.reading import read_cart

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)  # a Thursday


def program_of(rules, zone="UTC"):
    checked = dsl.check([dsl.SourceFile("shop.rules", rules)], dsl.Settings(zone=zone))
    assert checked.program is not None, [each.message for each in checked.diagnostics]
    return checked.program


def item(price, quantity=1, category="A", **fields):
    return {"sku": "S", "price": str(price), "quantity": quantity, "category": category, **fields}


def price(rules, *lines, user=None, at=NOW, zone="UTC", per_unit=False, more=None, **cart):
    """Price a cart under rules given as source."""
    program = program_of(rules, zone)
    sent = read_cart({"currency": "USD", "lines": list(lines), **cart}, program)
    facts, usage = ({}, {}) if user is None else read_buyer(user, program, zone)
    asked = Request(sent, facts, dsl.Moment(at, zone, program), usage)
    asked = replace(asked, **(more or {}))
    return quote(asked, per_unit=per_unit)


def text(minor, currency="USD"):
    return to_text(minor, currency)


def total(*arguments, **named):
    """What the cart costs, as decimal text."""
    priced = price(*arguments, **named)
    return text(priced.total, priced.currency)


def discounts(*arguments, **named):
    """What each line is discounted by, as decimal text."""
    priced = price(*arguments, **named)
    return [text(line.discount, priced.currency) for line in priced.lines]


def units(priced, line=0):
    """What each unit of a line is discounted by, in the order of the units."""
    each = priced.lines[line]
    price = each.subtotal // each.quantity
    return [text(price - run.total) for run in each.units for _ in range(run.count)]


def applied(*arguments, **named):
    """The promotions that applied, by name."""
    priced = price(*arguments, **named)
    return sorted(verdict.name for verdict in priced.verdicts if verdict.applied)


def reason(name, *arguments, **named):
    """Why a promotion did not apply."""
    priced = price(*arguments, **named)
    return next(verdict.reason for verdict in priced.verdicts if verdict.name == name)
