"""Reserved units: priced as lines of their own, answered within the line they are of."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.pricing import quote
from engine.pricing.reading import read_cart
from engine.pricing.reserved import apart, supposed, together
from models.errors import Invalid
from models.redemption import Reserve, Reserved
from tests.engine.building import carts, programs, request
from tests.engine.shop import item, price, program_of


def reserved(line, price, name="c"):
    return Reserved(Reserve.CLAIM, name, line, price)


def priced(rules, own, *lines):
    program = program_of(rules)
    cart = read_cart({"currency": "USD", "lines": list(lines)}, program)
    split = apart(cart, own)
    shown = [
        {"sku": x.sku, "price": x.price / 100, "quantity": x.quantity, **x.fields}
        for x in split.lines
    ]
    return together(price(rules, *shown, per_unit=True), cart, own)


def test_filters_see_the_price_that_the_unit_was_reserved_at():
    rules = "promotion cheap { take 50% off cheapest 1 items }"

    (line, other) = priced(rules, [reserved(0, 400)], item(10, 2), item(5)).lines

    assert (line.quantity, line.subtotal, line.discount) == (2, 1400, 200)
    assert [(u.total, u.reserved) for u in line.units] == [(200, "c"), (1000, None)]
    assert other.discount == 0


def test_several_units_of_a_line_may_be_reserved_and_a_lower_price_stays():
    own = [reserved(0, 400, "a"), reserved(0, 2000, "b")]

    (line,) = priced("promotion p { take 10% off cart }", own, item(10, 2)).lines

    assert (line.quantity, line.subtotal) == (2, 1400)
    assert [unit.reserved for unit in line.units] == ["a", "b"]


@given(carts(), programs(), st.data())
@settings(max_examples=100, deadline=None)
def test_sums_agree_whatever_is_reserved(cart, promotions, data):
    own = [
        reserved(at, data.draw(st.integers(0, 2 * line.price)), f"{at}")
        for at, line in enumerate(cart.lines)
        if data.draw(st.booleans())
    ]
    asked = replace(request(cart, *promotions), cart=apart(cart, own))

    alone = quote(asked, per_unit=True)
    joined = together(alone, cart, own)

    assert (joined.total, joined.saved, joined.subtotal) == (
        alone.total,
        alone.saved,
        alone.subtotal,
    )
    assert [line.quantity for line in joined.lines] == [line.quantity for line in cart.lines]
    for line in joined.lines:
        assert sum(unit.count * unit.total for unit in line.units) == line.total
        assert sum(unit.count for unit in line.units) == line.quantity
        assert sum(taken.amount for taken in line.applied) == line.discount
    assert {u.reserved for line in joined.lines for u in line.units} - {None} == {x.id for x in own}


OFFERS = """
flash_sale night { active from 2026-03-01  sku "S" at 4 USD stock 9 }
group_buy pack { active from 2026-03-01  sku "S" at 3 USD for 2 people within 1 day }
"""


def test_a_cart_may_name_offers_where_nobodys_claims_are_known():
    program = program_of(OFFERS)
    named = {"@claim": "night", "@group": "pack"}
    cart = read_cart({"currency": "USD", "lines": [item(5), item(10, 3, **named)]}, program)

    own = supposed(cart, program)

    assert own == (
        Reserved(Reserve.CLAIM, "night", 1, 400),
        Reserved(Reserve.GROUP, "pack", 1, 300),
    )
    assert [line.price for line in apart(cart, own).lines] == [500, 400, 300, 1000]


@pytest.mark.parametrize(
    ("line", "says", "field"),
    [
        (item(5, **{"@claim": "nigth"}), r"lines\[0\]\.@claim is 'nigth'.*mean night\?", "@claim"),
        (item(5, **{"@group": "night"}), r"lines\[0\]\.@group.*a group buy", "@group"),
        (item(5) | {"sku": "T", "@claim": "night"}, r"lines\[0\]: .* for 'S', not 'T'", "claim"),
        (item(5, **{"@claim": "night", "@group": "pack"}), "has 1 and names 2", "quantity"),
    ],
)
def test_what_does_not_fit_an_offer_is_named_by_its_place(line, says, field):
    program = program_of(OFFERS)
    cart = read_cart({"currency": "USD", "lines": [line]}, program)

    with pytest.raises(Invalid, match=says) as refusal:
        supposed(cart, program)

    assert refusal.value.field == ("lines", "0", field)


def test_an_offer_in_other_money_is_not_the_carts():
    program = program_of(OFFERS)
    cart = read_cart({"currency": "EUR", "lines": [item(5, **{"@claim": "night"})]}, program)

    with pytest.raises(Invalid, match="price is in USD, the cart in EUR"):
        supposed(cart, program)
