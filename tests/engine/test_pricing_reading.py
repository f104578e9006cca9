"""Carts and buyers as JSON: what is read, what is refused, and with which words."""

from decimal import Decimal

import pytest

from engine.pricing.buyer import read_buyer
from engine.pricing.reading import read_cart
from engine.pricing.writing import write_quote
from models.errors import Invalid
from tests.engine.shop import applied, item, price, program_of

EMPTY = program_of("")


def read(**cart):
    return read_cart({"currency": "USD", "lines": [], **cart}, EMPTY)


@pytest.mark.parametrize(
    ("cart", "place", "says"),
    [
        ({"currency": "ZZZ"}, "currency", "ISO 4217"),
        ({"currency": "usd"}, "currency", "did you mean USD?"),
        ({"currency": None}, "currency", "is missing"),
        ({"lines": None}, "lines", "is missing"),
        ({"lines": {}}, "lines", "must be a list"),
        ({"lines": [3]}, "lines[0]", "must be an object"),
        ({"lines": [{"price": "1"}] * 501}, "lines", "at most 500"),
        ({"lines": [item(1), {"sku": "A"}]}, "lines[1].price", "is missing"),
        ({"lines": [{"price": "NaN"}]}, "lines[0].price", "not an amount"),
        ({"lines": [{"price": float("inf")}]}, "lines[0].price", "not an amount"),
        ({"lines": [{"price": Decimal("1e999999")}]}, "lines[0].price", "not an amount"),
        ({"lines": [{"price": "1.001"}]}, "lines[0].price", "more decimals than USD"),
        ({"lines": [{"price": "-1"}]}, "lines[0].price", "negative"),
        ({"lines": [{"price": True}]}, "lines[0].price", "amount of money"),
        ({"lines": [item(1, 0)]}, "lines[0].quantity", "from 1 on"),
        ({"lines": [item(1, 1.5)]}, "lines[0].quantity", "from 1 on"),
        ({"lines": [item(1, "2")]}, "lines[0].quantity", "from 1 on"),
        ({"lines": [item(1, True)]}, "lines[0].quantity", "from 1 on"),
        ({"lines": [item(1, category=7)]}, "lines[0].category", "must be text"),
        ({"lines": [item(1, floor="x")]}, "lines[0].floor", "not an amount"),
        ({"lines": [item(10**15, 10**6)]}, "lines", "more than can be counted"),
        ({"shipping": "-2"}, "shipping", "negative"),
        ({"codes": "X"}, "codes", "list of texts"),
        ({"codes": [1]}, "codes", "list of texts"),
    ],
)
def test_a_bad_cart_is_refused_by_its_place(cart, place, says):
    with pytest.raises(Invalid) as refused:
        read(**cart)

    assert refused.value.message.startswith(place)
    assert says in refused.value.message
    assert ".".join(refused.value.field).startswith(place.replace("[", ".").replace("]", ""))


@pytest.mark.parametrize(
    ("currency", "price", "example"), [("JPY", "1.5", "1250"), ("KWD", "1.2345", "1.250")]
)
def test_a_refused_amount_is_shown_one_of_its_currency(currency, price, example):
    with pytest.raises(Invalid) as refused:
        read(currency=currency, lines=[{"price": price}])

    assert refused.value.message.endswith(f'an amount of {currency} is text such as "{example}"')


def test_what_may_be_absent_is():
    cart = read(lines=[{"price": "1"}])

    assert (cart.shipping, cart.codes) == (0, ())
    assert (cart.lines[0].quantity, cart.lines[0].floor) == (1, 0)


def test_money_is_text_or_a_number_and_exact():
    cart = read(
        lines=[{"price": "0.1"}, {"price": 19.99}, {"price": 7}, {"price": Decimal("1.10")}]
    )

    assert [line.price for line in cart.lines] == [10, 1999, 700, 110]


def test_a_lines_other_fields_are_the_items_attributes():
    rules = """
        attributes item { on_sale: bool  rrp: money USD  weight: number }
        promotion a { take 1 USD off items where on_sale = true and rrp >= 12.50 USD }
        promotion b { take 1 USD off items where weight is missing }
    """

    assert applied(rules, item(10, on_sale=True, rrp="12.50", weight=2.5)) == ["a"]
    # A fact of another type than declared is missing.
    assert applied(rules, item(10, on_sale="yes", rrp="12.50", weight="2")) == ["b"]


def test_a_buyers_events_are_read_by_their_declaration():
    rules = """
        event review_posted { stars: number  reward: money USD  seen: timestamp }
        promotion p { for sum(review_posted.reward, last 90 days) > 1.5 USD
            and latest(review_posted.stars, ever) = 5  take 1 USD off cart }
    """
    posted = {"name": "review_posted", "time": "2026-03-01T10:00:00+08:00", "stars": 5}
    earlier = {"name": "review_posted", "time": "2026-03-01T01:00", "stars": 1, "reward": "0.60"}

    assert applied(rules, item(10), user={"events": [{**posted, "reward": 1}, earlier]}) == ["p"]
    assert applied(rules, item(10), user={"events": [{**posted, "reward": "x"}, earlier]}) == []


@pytest.mark.parametrize(
    ("user", "place"),
    [
        ([], "user"),
        ({"segments": "vip"}, "segments"),
        ({"segments": [1]}, "segments"),
        ({"events": {}}, "events"),
        ({"events": ["x"]}, "events[0]"),
        ({"events": [{"time": "2026-03-01T00:00Z"}]}, "events[0].name"),
        ({"events": [{"name": "a", "time": "noon"}]}, "events[0].time"),
        ({"events": [{"name": "a"}]}, "events[0].time"),
        ({"uses": {"p": -1}}, "uses.p"),
        ({"uses": {"p": "1"}}, "uses.p"),
        ({"uses": []}, "uses"),
    ],
)
def test_a_bad_buyer_is_refused_by_its_place(user, place):
    with pytest.raises(Invalid) as refused:
        read_buyer(user, EMPTY, "UTC")

    assert refused.value.message.startswith(place)


def test_a_quote_is_written_as_decimal_text():
    rules = """
        promotion p { take 10% off cart free shipping gift sku "G" quantity 2 award 5 points }
        promotion q { when cart.subtotal >= 50.5 USD take 1 USD off cart }
    """

    written = write_quote(price(rules, item("10.5", 2), shipping="5"))

    assert written == {
        "currency": "USD",
        "subtotal": "21.00",
        "total": "18.90",
        "shipping": {
            "price": "5.00",
            "discount": "5.00",
            "applied": [{"promotion": "p", "amount": "5.00"}],
        },
        "points": 5,
        "lines": [
            {
                "sku": "S",
                "quantity": 2,
                "subtotal": "21.00",
                "discount": "2.10",
                "total": "18.90",
                "applied": [{"promotion": "p", "amount": "2.10"}],
            }
        ],
        "promotions": [
            {"name": "p", "status": "applied", "saved": "7.10", "reason": None},
            {
                "name": "q",
                "status": "not_applied",
                "saved": "0.00",
                "reason": {
                    "code": "when",
                    "clause": "when",
                    "values": {"cart.subtotal": "21.00"},
                    "unlock": {"path": "cart.subtotal", "to": "50.50", "by": "29.50"},
                },
            },
        ],
        "gifts": [{"sku": "G", "quantity": 2}],
        "grants": [],
    }
