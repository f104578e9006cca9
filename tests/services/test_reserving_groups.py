"""Units of a complete group, ordered: one for each member at the group's price."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from models.errors import Conflict, Invalid, NotFound
from services import orders, returns, stocks
from services.groups import Groups
from services.orders import Placing
from tests.services.test_reserving import RULES, claim, till


@pytest.fixture
async def sale(shop):
    await shop.publish(RULES)
    for name in ("ann", "bob"):
        await shop.person(name)
    return shop


async def group_of(shop, *members):
    groups = Groups(shop.stores, shop.rulebook)
    opener, *others = members
    group = await groups.open("pack", "k", user_id=opener, now=shop.clock.now())
    for each in others:
        await groups.join(group.id, user_id=each, now=shop.clock.now())
    return group.id


async def buy(shop, key, total, group, user="ann", **fields):
    line = {"sku": "A", "price": "30.00", "@group": group, **fields}
    cart = {"currency": "USD", "lines": [line]}
    wanted = Placing(key=key, cart=cart, total=Decimal(total), user_id=user)
    return await orders.place(wanted, till(shop))


async def test_each_member_of_a_complete_group_orders_one_unit_at_its_price(sale):
    group = await group_of(sale, "ann", "bob")

    ann = await buy(sale, "o1", "50.00", group, quantity=2)
    bob = await buy(sale, "o2", "20.00", group, user="bob")
    with pytest.raises(Conflict) as refusal:
        await buy(sale, "o3", "20.00", group)

    assert (ann.quote.total, bob.quote.total) == (5000, 2000)
    assert refusal.value.code == "GROUP_USED"
    assert await buy(sale, "o1", "50.00", group, quantity=2) == replace(
        ann, untold=(), settle_at=None
    )


async def test_a_group_that_is_not_complete_sells_nothing(sale):
    group = await group_of(sale, "ann")
    for user, code in (("ann", "GROUP_OPEN"), ("bob", "NOT_FOUND")):
        with pytest.raises((Conflict, NotFound)) as refusal:
            await buy(sale, "o1", "20.00", group, user=user)
        assert refusal.value.code == code

    sale.clock.turn(days=2)
    await stocks.look_after(sale.clock.now(), stores=sale.stores)

    with pytest.raises(Conflict) as refusal:
        await buy(sale, "o1", "20.00", group)
    assert refusal.value.code == "GROUP_OVER"


async def test_after_a_cancellation_a_member_may_order_again(sale):
    group = await group_of(sale, "ann", "bob")
    await buy(sale, "o1", "20.00", group)

    for _ in range(2):
        await returns.cancel("o1", till(sale))

    assert (await buy(sale, "o2", "20.00", group)).quote.total == 2000


async def test_of_many_orders_that_want_one_place_in_a_group_one_has_it(sale):
    group = await group_of(sale, "ann", "bob")

    answers = await asyncio.gather(
        *(buy(sale, f"o{n}", "20.00", group) for n in range(6)), return_exceptions=True
    )

    assert [each.code for each in answers if isinstance(each, Conflict)] == ["GROUP_USED"] * 5
    assert await sale.stores.redemptions.documents.count_documents({}) == 0


async def test_a_line_with_a_claim_and_a_group_has_a_unit_for_each(sale):
    held, group = await claim(sale), await group_of(sale, "ann", "bob")

    with pytest.raises(Invalid, match="each for one unit"):
        await buy(sale, "o1", "9.90", group, **{"@claim": held})
    order = await buy(sale, "o1", "29.90", group, quantity=2, **{"@claim": held})

    assert {run.reserved for run in order.quote.lines[0].units} == {held, group}
