"""What is true of every quote, whatever the promotions and the cart."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.promotions import Promotion
from engine.pricing import quote
from tests.engine.building import EFFECTS, cart, carts, line, programs, request
from tests.engine.reference import cheapest


def by_line(priced):
    """What each promotion took off each line and off shipping."""
    lines = [{one.promotion: one.amount for one in each.applied} for each in priced.lines]
    return [*lines, priced.shipping.discount]


@given(carts(), programs())
@settings(max_examples=300, deadline=None)
def test_a_quote_is_what_trying_everything_unit_by_unit_gives(of, promotions):
    asked = request(of, *promotions)

    priced = quote(asked, per_unit=True)

    world = cheapest(asked, promotions)
    expected = [
        {name: taken for name in world.saved if (taken := sum_of(world, at, name))}
        for at in range(len(of.lines))
    ]
    assert by_line(priced) == [*expected, of.shipping - world.shipping]
    assert priced.points == sum(world.gave.values())
    for at, each in enumerate(priced.lines):
        units = sorted(run.total for run in each.units for _ in range(run.count))
        assert units == sorted(unit.left for unit in world.units if unit.line == at)


def sum_of(world, at, name):
    return sum(unit.taken.get(name, 0) for unit in world.units if unit.line == at)


@given(carts(), programs())
@settings(max_examples=100, deadline=None)
def test_sums_agree_and_nothing_falls_below_its_floor(of, promotions):
    priced = quote(request(of, *promotions), per_unit=True)

    for sent, each in zip(of.lines, priced.lines, strict=True):
        assert each.discount == sum(one.amount for one in each.applied)
        assert sum(run.count for run in each.units) == sent.quantity
        assert sum(run.count * run.total for run in each.units) == each.total
        for run in each.units:
            assert run.total == sent.price - sum(one.amount for one in run.applied)
            assert run.total >= min(sent.floor, sent.price)
        for one in each.applied:
            shares = [
                run.count * share.amount
                for run in each.units
                for share in run.applied
                if share.promotion == one.promotion
            ]
            assert sum(shares) == one.amount
    assert 0 <= priced.shipping.discount <= of.shipping
    assert priced.total == sum(each.total for each in priced.lines) + (
        of.shipping - priced.shipping.discount
    )
    assert priced.saved == sum(verdict.saved for verdict in priced.verdicts)


@given(carts(), programs(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_declarations_does_not_matter(of, promotions, random):
    shuffled = random.sample(promotions, len(promotions))

    assert quote(request(of, *promotions)) == quote(request(of, *shuffled))


@given(carts(), EFFECTS)
@settings(max_examples=100, deadline=None)
def test_the_order_of_lines_does_not_change_what_an_effect_saves(of, effect):
    unlike = [replace(line, price=line.price * 16 + at) for at, line in enumerate(of.lines)]
    promotion = Promotion("a", effects=(effect,))

    forth = quote(request(replace(of, lines=tuple(unlike)), promotion))
    back = quote(request(replace(of, lines=tuple(reversed(unlike))), promotion))

    assert forth.saved == back.saved


@given(st.integers(1, 60), programs(most=3))
@settings(max_examples=60, deadline=None)
def test_a_line_of_many_units_is_priced_as_its_units_are(quantity, promotions):
    of = cart(line(100, quantity, "A"), line(99, 3, "B", floor=50))

    priced = quote(request(of, *promotions))

    world = cheapest(request(of, *promotions), promotions)
    assert priced.total == world.remaining() + world.shipping
