"""What orders of the past cost, line by line and unit by unit, as far as files say it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.importing.mapping import Refused
from services.importing.paying import quote_of


def item(amount=None, quantity=1, sku="X"):
    said = {"sku": sku, "quantity": quantity, "amount": amount}
    return {name: value for name, value in said.items() if value is not None}


def quoted(*items, total=None, shipping=None, discounts=None):
    data = {"items": list(items)} | ({} if total is None else {"total": total})
    return quote_of(data, discounts or [0] * len(items), shipping, "USD")


def units(line):
    return [(run.count, run.total) for run in line.units]


def test_a_lines_amount_is_shared_among_its_units_to_the_cent():
    (line,) = quoted(item(1_000, 3)).lines

    assert (line.quantity, line.total, units(line)) == (3, 1_000, [(2, 333), (1, 334)])


def test_what_was_paid_beyond_the_lines_was_for_shipping():
    quote = quoted(item(1_000), item(500), total=1_990)

    assert (quote.total, quote.shipping.price) == (1_990, 490)


def test_what_was_taken_off_the_whole_is_shared_among_the_lines():
    quote = quoted(item(1_000), item(500), total=1_440, shipping=240)

    assert [line.total for line in quote.lines] == [800, 400]
    assert (quote.total, quote.saved, quote.shipping.discount) == (1_440, 300, 0)


def test_what_lines_cannot_give_is_taken_off_shipping():
    quote = quoted(item(100), total=50, shipping=300)

    assert (quote.total, quote.lines[0].total, quote.shipping.discount) == (50, 0, 250)


def test_lines_that_do_not_say_what_they_cost_share_what_is_left():
    quote = quoted(item(1_000), item(None, 2), item(None, 1), total=1_900)

    assert [line.total for line in quote.lines] == [1_000, 600, 300]


def test_what_is_weighed_is_one_unit():
    quote = quoted(item(532, 0.532), item(500, 2.5))

    assert [(line.quantity, line.total) for line in quote.lines] == [(1, 532), (1, 500)]


def test_a_lines_own_discount_is_beside_what_was_paid_for_it():
    (line,) = quoted(item(800, 2), discounts=[200]).lines

    assert (line.subtotal, line.discount, units(line)) == (1_000, 200, [(2, 400)])


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"total": -1}, "total"),
        ({"shipping": -1}, "shipping"),
        ({"discounts": [-1]}, "item.discount"),
    ],
)
def test_nothing_costs_less_than_nothing(said, field):
    with pytest.raises(Refused, match=f"{field}: must not be negative"):
        quoted(item(100), **said)
    with pytest.raises(Refused, match=r"item\.amount"):
        quoted(item(-100))


AMOUNTS = st.none() | st.integers(0, 10_000)


@given(
    st.lists(st.tuples(AMOUNTS, st.integers(1, 5), st.integers(0, 500)), max_size=5),
    AMOUNTS,
    AMOUNTS,
)
@settings(deadline=None)
def test_units_make_up_lines_and_lines_and_shipping_the_total(lines, total, shipping):
    quote = quoted(
        *(item(amount, quantity) for amount, quantity, _ in lines),
        total=total,
        shipping=shipping,
        discounts=[off for _, _, off in lines],
    )

    for line in quote.lines:
        assert sum(run.count for run in line.units) == line.quantity
        assert sum(run.count * run.total for run in line.units) == line.total >= 0
        assert all(run.total >= 0 and run.count > 0 for run in line.units)
    assert quote.shipping.price >= quote.shipping.discount >= 0
    if total is not None:
        assert quote.total == total
    else:
        assert quote.total == sum(amount or 0 for amount, _, _ in lines) + (shipping or 0)
