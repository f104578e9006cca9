"""How an amount is taken: of what, rounded once, capped, shared."""

import pytest

from tests.engine.shop import discounts, item, price, total, units

# name, rules, lines, what each line is discounted by
SHARES = [
    (
        "a percentage is taken of the sum, rounded half up once",
        "promotion p { take 10% off cart }",
        [item("0.05"), item("0.10"), item("0.10")],
        ["0.01", "0.01", "0.01"],
    ),
    (
        "the larger remainder gets the cent, ties go to the earlier line",
        "promotion p { take 0.05 USD off cart }",
        [item(1), item(1), item(1)],
        ["0.02", "0.02", "0.01"],
    ),
    (
        "a cap is shared as the discount would be",
        "promotion p { take 50% off cart up to 9 USD }",
        [item(20), item(40)],
        ["3.00", "6.00"],
    ),
    (
        "a line is no cheaper than nothing",
        "promotion p { take 200 USD off cart }",
        [item(100)],
        ["100.00"],
    ),
    (
        "lines without room count in the percentage but take no part in it",
        "promotion p { take 10% off cart }",
        [item(100, floor="100"), item(100)],
        ["0.00", "20.00"],
    ),
    (
        "what a full line cannot take is shared anew",
        "promotion p { take 12 USD off cart }",
        [item(10), item(20, floor="19"), item(50, floor="50"), item(30, floor="26")],
        ["7.00", "1.00", "0.00", "4.00"],
    ),
    (
        "what finds no room is lost",
        "promotion p { take 20 USD off cart }",
        [item(10), item(20, floor="19"), item(50, floor="50"), item(30, floor="26")],
        ["10.00", "1.00", "0.00", "4.00"],
    ),
    (
        "a floor above the price means nothing may be taken off",
        "promotion p { take 50% off cart }",
        [item(10, floor="12")],
        ["0.00"],
    ),
    (
        "an amount off several lines is taken once",
        'promotion p { take 10 USD off items where category = "A" }',
        [item(30), item(10), item(99, category="B")],
        ["7.50", "2.50", "0.00"],
    ),
    (
        "each works per unit",
        "promotion p { take 10% off each item }",
        [item("1.06", 2), item("2.06")],
        ["0.22", "0.21"],
    ),
    (
        "an amount off each item goes off every unit as far as there is room",
        'promotion p { take 10 USD off each item where category = "A" }',
        [item(25, 3), item(8, 2), item(25, 1, "B")],
        ["30.00", "16.00", "0.00"],
    ),
    (
        "the cap of each is shared in proportion to the units' discounts",
        "promotion p { take 50% off each item up to 6 USD }",
        [item(10, 2), item(20)],
        ["3.00", "3.00"],
    ),
    (
        "the cheapest are cheapest by their original price",
        "promotion a { take 9 USD off dearest 1 items priority 1 }"
        "promotion b { take 1 USD off cheapest 1 items }",
        [item(10), item(5)],
        ["9.00", "1.00"],
    ),
    (
        "among units of equal price the earlier line is taken",
        "promotion p { take 100% off cheapest 2 items }",
        [item(9), item(5), item(5), item(5)],
        ["0.00", "5.00", "5.00", "0.00"],
    ),
    (
        "a unit without room is passed over",
        "promotion p { take 100% off cheapest 1 items }",
        [item(5, floor="5"), item(6)],
        ["0.00", "6.00"],
    ),
    (
        "the dearest units of several lines share one amount",
        "promotion p { take 10% off dearest 3 items }",
        [item(10, 2), item(30), item(20)],
        ["1.00", "3.00", "2.00"],
    ),
    (
        "a fixed price is per unit and never a raise",
        "promotion p { price items at 9.99 USD }",
        [item(12, 2), item(5)],
        ["4.02", "0.00"],
    ),
    (
        "filters see the line as the shop sent it",
        "promotion a { take 50% off cart priority 1 }"
        "promotion b { take 1 USD off items where price >= 10 USD and amount >= 20 USD }",
        [item(10, 2), item(10)],
        ["11.00", "5.00"],
    ),
    (
        "the highest tier reached applies",
        "promotion p { take off cart by cart.subtotal"
        " { from 50 USD: 5% from 100 USD: 10% from 200 USD: 30 USD } }",
        [item(100), item(50)],
        ["10.00", "5.00"],
    ),
    (
        "below the first tier nothing is taken",
        "promotion p { take off cart by cart.quantity { from 3: 5% } }",
        [item(100), item(50)],
        ["0.00", "0.00"],
    ),
    (
        "a cap caps tiers too",
        "promotion p { take off cart by cart.subtotal { from 1 USD: 50% } up to 20 USD }",
        [item(100), item(100)],
        ["10.00", "10.00"],
    ),
    (
        "effects apply in the order written, each to what the one before left",
        "promotion p { take 50% off cart take 10 USD off cart take 50% off cart }",
        [item(100)],
        ["80.00"],
    ),
]


@pytest.mark.parametrize(
    ("rules", "lines", "expected"),
    [case[1:] for case in SHARES],
    ids=[case[0] for case in SHARES],
)
def test_what_is_taken(rules, lines, expected):
    assert discounts(rules, *lines) == expected


def test_within_a_line_the_unit_that_still_costs_most_is_taken_first():
    rules = """
        promotion a { take 3 USD off cheapest 1 items priority 2 }
        promotion b { take 1 USD off cheapest 1 items priority 1 }
    """

    assert sorted(units(price(rules, item(5, 3), per_unit=True))) == ["0.00", "1.00", "3.00"]


def test_a_line_shares_its_discount_over_its_units():
    priced = price("promotion p { take 20 USD off cart }", item(20, 3), per_unit=True)

    assert units(priced) == ["6.67", "6.67", "6.66"]


def test_a_discount_on_the_cart_never_touches_shipping():
    assert total("promotion p { take 100% off cart }", item(10), shipping="5") == "5.00"


def test_shipping_is_discounted_by_a_share_or_an_amount_and_never_below_nothing():
    assert total("promotion p { take 20% off shipping }", item(100), shipping="10") == "108.00"
    assert total("promotion p { take 99 USD off shipping }", item(100), shipping="10") == "100.00"
    assert total("promotion p { free shipping }", item(100), shipping="10") == "100.00"
    rules = "promotion p { take 50% off shipping up to 2 USD }"
    assert total(rules, item(100), shipping="10") == "108.00"


@pytest.mark.parametrize(
    ("currency", "of", "expected"), [("JPY", "105", "94"), ("KWD", "1.005", "0.904")]
)
def test_currencies_round_to_their_own_decimals(currency, of, expected):
    rules = "promotion p { take 10% off cart }"

    assert total(rules, item(of), currency=currency) == expected


def test_a_million_units_price_as_one_does():
    rules = """
        promotion a { buy 2 items get 1 items free priority 3 }
        promotion b { bundle { 3 of items } for 20 USD priority 2 }
        promotion c { take 1 USD off each item priority 1 }
        promotion d { take 33.3% off cart }
        promotion e { take 10% off cheapest 12_345 items priority -1 }
    """

    priced = price(rules, item("9.99", 1_000_000), item("7.77", 10_000_000), per_unit=True)

    for line in priced.lines:
        assert len(line.units) < 40
        assert sum(run.count * run.total for run in line.units) == line.total


def test_free_shipping_may_be_capped():
    rules = "promotion p { free shipping up to 3 USD }"

    assert total(rules, item(100), shipping="10") == "107.00"
    assert total(rules, item(100), shipping="2") == "100.00"
