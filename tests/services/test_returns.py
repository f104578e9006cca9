"""What comes back of an order, piece by piece: exactly what was paid, and what was taken off."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.pricing import quote
from engine.pricing.reserved import apart, together
from models.order import Order, Return
from models.redemption import Reserve, Reserved
from services.returns import returned, still_taken
from tests.engine.building import carts, programs, request

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
CARTS = carts().filter(lambda cart: cart.lines)


def ordered(cart, promotions, reserved):
    asked = replace(request(cart, *promotions), cart=apart(cart, reserved))
    priced = together(quote(asked, per_unit=True, explained=False), cart, reserved)
    return Order(
        id="o",
        attempt="a",
        fingerprint="f",
        placed_at=NOW,
        publication=1,
        quote=priced,
        items=(),
        takings=(),
        reserved=tuple(reserved),
    )


def pieces(data, order):
    """Draw returns until nothing is left: each of some units of some lines."""
    left = {place: line.quantity for place, line in enumerate(order.quote.lines)}
    while left:
        lines = data.draw(st.sets(st.sampled_from(sorted(left)), min_size=1))
        sent = {place: data.draw(st.integers(1, left[place])) for place in sorted(lines)}
        left = {at: n - sent.get(at, 0) for at, n in left.items() if n > sent.get(at, 0)}
        yield sent


def taken_off_lines(order):
    taken = Counter()
    for line in order.quote.lines:
        for each in line.applied:
            taken[each.promotion] += each.amount
    return taken


@given(CARTS, programs(), st.booleans(), st.data())
@settings(max_examples=60, deadline=None)
def test_any_returns_come_to_what_was_paid_and_give_back_what_was_taken(
    cart, promotions, with_claim, data
):
    claim = [Reserved(Reserve.CLAIM, "c", 0, cart.lines[0].price // 2)] if with_claim else []
    order = ordered(cart, promotions, claim)
    placed = order.quote

    for number, sent in enumerate(pieces(data, order)):
        came = Return(f"r{number}", NOW, tuple(returned(order, sent)))
        assert all(line.refund >= 0 for line in came.lines)
        order = replace(order, returns=(*order.returns, came))

    assert order.quote == placed
    assert order.is_undone
    assert order.returned == sum(line.total for line in placed.lines)
    given_back = Counter()
    for each in order.returns:
        for line in each.lines:
            for share in line.shares:
                given_back[share.promotion] += share.amount
    assert +given_back == +taken_off_lines(order)
    # Only what was taken off shipping stays taken.
    assert sum(still_taken(order).values()) == placed.shipping.discount
    assert order.unreserved == tuple(claim)


@given(CARTS, programs(), st.data())
@settings(max_examples=30, deadline=None)
def test_each_line_comes_back_the_cheapest_first(cart, promotions, data):
    order = ordered(cart, promotions, [])
    place = data.draw(st.sampled_from(range(len(cart.lines))))
    prices = []

    for number in range(order.quote.lines[place].quantity):
        came = Return(f"r{number}", NOW, tuple(returned(order, {place: 1})))
        order = replace(order, returns=(*order.returns, came))
        prices.append(came.refund)

    assert prices == sorted(prices)
