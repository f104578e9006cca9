"""Buy some and get some, and bundles."""

import pytest

from tests.engine.shop import discounts, item, price, units

# name, rules, lines, what each line is discounted by
CASES = [
    (
        "it repeats as often as the units allow",
        "promotion p { buy 2 items get 1 items free }",
        [item(12, 7)],
        ["24.00"],
    ),
    (
        "a repeat needs all of its units",
        "promotion p { buy 2 items get 1 items free }",
        [item(12, 2)],
        ["0.00"],
    ),
    (
        "it repeats at most so many times",
        "promotion p { buy 1 items get 1 items free at most 2 times }",
        [item(10, 9)],
        ["20.00"],
    ),
    (
        "rewarded are the cheapest matching units",
        "promotion p { buy 1 items get 1 items free }",
        [item(30), item(10), item(20), item(5)],
        ["0.00", "10.00", "0.00", "5.00"],
    ),
    (
        "or the dearest, where it says so",
        "promotion p { buy 2 items get 1 dearest items free }",
        [item(30), item(10), item(20)],
        ["30.00", "0.00", "0.00"],
    ),
    (
        "what can be rewarded is bought only if it must be",
        'promotion p { buy 1 items get 1 items where category = "B" free }',
        [item(10), item(4, 1, "B"), item(6, 1, "B")],
        ["0.00", "4.00", "0.00"],
    ),
    (
        "the cheapest that leave enough to buy are rewarded",
        'promotion p { buy 1 items where category = "A" get 1 items free }',
        [item(1), item(5, 1, "B"), item(9, 1, "B")],
        ["0.00", "5.00", "0.00"],
    ),
    (
        "a percentage is taken of the sum of all rewarded, once",
        "promotion p { buy 1 items get 1 items at 50% off }",
        [item("0.05", 4)],
        ["0.05"],
    ),
    (
        "a reward may cost so much each",
        "promotion p { buy 1 items get 1 items for 1 USD }",
        [item(10, 4)],
        ["18.00"],
    ),
    (
        "a reward that costs less already is no raise",
        "promotion p { buy 1 items get 1 items for 15 USD }",
        [item(10, 4)],
        ["0.00"],
    ),
    (
        "what cannot be discounted is not rewarded",
        "promotion p { buy 1 items get 1 items free }",
        [item(5, floor="5"), item(10)],
        ["0.00", "10.00"],
    ),
    (
        "within a promotion a unit is used once",
        "promotion p { buy 1 items get 1 items free buy 1 items get 1 items free }",
        [item(10, 3)],
        ["10.00"],
    ),
    (
        "only buy and bundle use units up",
        "promotion p { take 1 USD off cheapest 1 items buy 1 items get 1 items free }",
        [item(10, 2)],
        ["11.00"],
    ),
    (
        "another promotion finds all units unused",
        "promotion a { buy 1 items get 1 items at 50% off priority 1 }"
        "promotion b { buy 1 items get 1 items at 50% off }",
        [item(10, 2)],
        ["10.00"],
    ),
    (
        "a bundle repeats",
        "promotion p { bundle { 3 of items } for 20 USD }",
        [item(8, 7)],
        ["8.00"],
    ),
    (
        "a bundle's parts take the dearest matching units",
        'promotion p { bundle { 1 of items where category = "A" 1 of items where category = "B" }'
        " for 5 USD }",
        [item(4), item(6), item(3, 1, "B")],
        ["0.00", "2.67", "1.33"],
    ),
    (
        "parts take units in the order written",
        'promotion p { bundle { 1 of items 1 of items where category = "A" } for 5 USD }',
        [item(10), item(4)],
        ["6.43", "2.57"],
    ),
    (
        "a bundle is only while it is cheaper",
        "promotion p { bundle { 2 of items } for 15 USD }",
        [item(10, 2), item(5, 2)],
        ["5.00", "0.00"],
    ),
    (
        "the savings of all repeats are shared once over the units",
        "promotion p { bundle { 2 of items } for 10 USD }",
        [item(20, 2), item(10, 2)],
        ["26.67", "13.33"],
    ),
]


@pytest.mark.parametrize(
    ("rules", "lines", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_repeats(rules, lines, expected):
    assert discounts(rules, *lines) == expected


def test_the_units_of_a_line_that_are_rewarded_bear_the_discount():
    rules = "promotion p { buy 2 items get 1 items free }"

    assert sorted(units(price(rules, item(10, 4), per_unit=True))) == [
        "0.00",
        "0.00",
        "0.00",
        "10.00",
    ]
