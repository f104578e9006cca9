"""What a condition on a cart lacks can be had: some cart is as the changes say."""

from datetime import UTC, datetime
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

import dsl
from dsl.explanation import Explainer

MOMENT_AT = datetime(2026, 3, 5, 12, tzinfo=UTC)
FACTS = (
    *("cart.quantity", "sum(cart.items.quantity)"),
    'sum(cart.items.quantity where category = "A")',
    *("cart.subtotal", "sum(cart.items.amount)"),
    'sum(cart.items.amount where category = "B")',
    'count(cart.items where category = "A")',
)
OPERATORS = (">=", ">", "<=", "<", "=", "!=")


def cart_of(units, cents):
    """A cart of so many of each category, each a line, of which the first costs so much."""
    sold = [
        (category, cents[place] * (at == 0))
        for place, category in enumerate("ABC")
        for at in range(units[place])
    ]
    return {
        "currency": "USD",
        "quantity": len(sold),
        "subtotal": sum(cost for _, cost in sold),
        "items": [
            {"category": category, "price": cost, "quantity": 1, "amount": cost}
            for category, cost in sold
        ],
    }


# All there are where nothing is asked that is more than 2 of something.
WORLD = [
    cart_of(units, cents)
    for units in product(range(4), repeat=3)
    for cents in product(*(range(4) if each else (0,) for each in units))
]


@st.composite
def comparisons(draw):
    fact, bound = draw(st.sampled_from(FACTS)), draw(st.integers(0, 2))
    money = "amount" in fact or "subtotal" in fact
    return f"{fact} {draw(st.sampled_from(OPERATORS))} " + (
        f"0.0{bound} USD" if money else str(bound)
    )


CONDITIONS = st.recursive(
    comparisons(),
    lambda inner: st.tuples(
        st.sampled_from([" and ", " or "]), st.lists(inner, min_size=2, max_size=3)
    ).map(lambda drawn: f"({drawn[0].join(drawn[1])})"),
    max_leaves=4,
)


def of_cart(cart):
    return {"cart": cart, "user": {}, "events": {}}


@given(CONDITIONS, st.sampled_from(WORLD))
@settings(max_examples=300, deadline=None)
def test_some_cart_is_as_the_changes_say_and_there_the_condition_holds(text, cart):
    checked = dsl.check(
        [dsl.SourceFile("r", f"promotion p {{ when {text}  award 1 point }}")], dsl.Settings()
    )
    if checked.program is None:  # it can never be true
        return
    program = checked.program
    when, moment = program.promotions["p"].when, dsl.Moment(MOMENT_AT, "UTC", program)
    if dsl.holds(when, of_cart(cart), moment):
        return
    changes = Explainer(of_cart(cart), moment).way(when)
    if changes is None or any(each.to is dsl.MISSING for each in changes):
        return

    def is_so(other):
        values = [dsl.value(each.subject, of_cart(other), moment) for each in changes]
        return values == [each.to for each in changes] and dsl.holds(when, of_cart(other), moment)

    assert any(map(is_so, WORLD)), (text, [(each.name, each.to) for each in changes])
