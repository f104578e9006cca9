"""What a quote says would help does help: the buyer who does all of it gets the promotion."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.shop import item, price, reason

ASKED = {
    "cart.quantity": "cart.quantity",
    "sum(cart.items.quantity)": 'sum(cart.items.quantity where category = "A")',
    "cart.subtotal": "cart.subtotal",
    "sum(cart.items.amount)": 'sum(cart.items.amount where category = "B")',
    "count(cart.items)": "count(cart.items)",
}


@st.composite
def least(draw):
    """Draw one thing that a cart must have so much of."""
    fact = draw(st.sampled_from(list(ASKED.values())))
    money = "amount" in fact or "subtotal" in fact
    return f"{fact} {draw(st.sampled_from(['>=', '>']))} {draw(st.integers(1, 9))}" + (
        f".{draw(st.integers(0, 99)):02} USD" if money else ""
    )


WHENS = st.recursive(
    least(),
    lambda inner: st.tuples(st.sampled_from([" and ", " or "]), st.lists(inner, min_size=2)).map(
        lambda drawn: f"({drawn[0].join(drawn[1][:4])})"
    ),
    max_leaves=6,
)
LINES = st.lists(
    st.builds(
        item, st.sampled_from(["0.40", "2", "3.33"]), st.integers(1, 3), st.sampled_from("AB")
    ),
    max_size=3,
)


def added_for(unlock):
    """What a buyer adds who does just that."""
    match unlock.path:
        case "cart.quantity":
            return [item("0.01", unlock.by, "C")]
        case "sum(cart.items.quantity)":
            return [item("0.01", unlock.by, "A")]
        case "cart.subtotal":
            return [item(unlock.by, category="C")]
        case "sum(cart.items.amount)":
            return [item(unlock.by, category="B")]
        case "count(cart.items)":
            return [item("0.01", category="C") for _ in range(unlock.by)]


@given(WHENS, LINES)
@settings(max_examples=200, deadline=None)
def test_whoever_does_all_that_is_said_gets_the_promotion(when, lines):
    rules = f"promotion p {{ when {when}  award 1 point }}"
    why = reason("p", rules, *lines)
    if why is None:
        return

    more = [line for each in (why.unlock, *why.unlock.also) for line in added_for(each)]

    assert reason("p", rules, *lines, *more) is None


BOTH = "promotion p { when cart.quantity >= 4 and cart.subtotal >= 30 USD  take 10% off cart }"


def test_where_two_things_are_missing_both_are_said():
    unlock = reason("p", BOTH, item(10, 2)).unlock

    assert (unlock.path, unlock.to, unlock.by) == ("cart.quantity", 4, 2)
    assert [(each.path, each.to, each.by) for each in unlock.also] == [
        ("cart.subtotal", "30.00", "10.00")
    ]
    assert unlock.text == "cart.quantity: needs 2 more; cart.subtotal: 10.00 USD short"
    assert unlock.also[0].text == "cart.subtotal: 10.00 USD short"


def test_one_of_the_two_alone_is_not_enough_and_the_other_is_said_then():
    assert reason("p", BOTH, item(10, 2), item(5, 2)) is None
    assert reason("p", BOTH, item(10, 2), item(1, 2)).unlock.path == "cart.subtotal"
    assert reason("p", BOTH, item(10, 2), item(10)).unlock.path == "cart.quantity"


def test_what_is_asked_twice_under_two_names_is_said_once():
    rules = (
        "promotion p { when cart.quantity >= 3 and sum(cart.items.quantity) >= 4  award 1 point }"
    )

    unlock = reason("p", rules, item(1)).unlock

    assert (unlock.by, unlock.also) == (3, ())


def test_nothing_is_said_where_a_part_would_have_to_be_more_than_the_whole():
    tea = 'sum(cart.items.quantity where category = "TEA")'
    rules = f"promotion p {{ when {tea} >= 3 and cart.quantity <= 2  award 1 point }}"

    assert reason("p", rules, item(1, 2)).unlock is None
    # Here something else can make room for it.
    assert reason("p", rules.replace("<= 2", "<= 3"), item(1, 2)).unlock.by == 3


def test_nothing_is_said_where_one_of_two_things_cannot_be_named():
    rules = 'promotion p { when cart.quantity >= 4 and not "X" in cart.codes  award 1 point }'

    assert price(rules, item(1), codes=["X"]).verdicts[0].reason.unlock is None
