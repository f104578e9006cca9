"""Points that promotions award with an order, and what becomes of them when things come back."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from services import orders, returns, settling
from services.orders import Placing, Till
from services.returns import Sent
from tests.staging import once

RULES = """
loyalty club {
  earn 1 point per 10 USD of order_placed.total
  points expire after 60 days
}
promotion double { award 2 points per 1 USD of cart.subtotal }
promotion hello { award 30 points  limit 1 per user }
"""


@pytest.fixture
@once
async def open_shop(shop):
    await shop.publish(RULES)
    await shop.person("ann")
    return shop


def till(shop):
    return Till(stores=shop.stores, rulebook=shop.rulebook, jobs=shop.bells, clock=shop.clock)


async def place(shop, key="o1", total="40.00", user="ann"):
    lines = [{"sku": "A", "price": "20.00", "quantity": 2}]
    return await orders.place(
        Placing(
            key=key,
            cart={"currency": "USD", "lines": lines},
            total=Decimal(total),
            user_id=user,
        ),
        till(shop),
    )


async def balance(shop):
    return (await shop.stores.users.get("ann")).points


async def ledger(shop):
    found = (await shop.stores.points.of_users(["ann"]))["ann"]
    return {each.id: each.points for each in found if each.points}


async def test_an_order_brings_what_was_promised_and_what_its_event_earns(open_shop):
    order = await place(open_shop)
    assert order.quote.points == 110
    assert await balance(open_shop) == 110

    await open_shop.work()

    assert await ledger(open_shop) == {
        "promotion:o1:double": 80,
        "promotion:o1:hello": 30,
        "earn:order_placed|o1:0": 4,
    }


async def test_what_comes_back_takes_its_share_and_a_cancelled_order_all_of_it(open_shop):
    await place(open_shop)
    await open_shop.work()

    await returns.take_back("o1", "r1", [Sent(0, 1)], till(open_shop))
    assert await balance(open_shop) == 40 + 15 + 2
    await open_shop.work()
    assert await balance(open_shop) == 40 + 15 + 2
    await returns.cancel("o1", till(open_shop))

    assert await balance(open_shop) == 0
    await open_shop.work()
    assert await balance(open_shop) == 0


async def test_an_order_whose_placer_was_killed_brings_its_points_once(open_shop):
    for number in range(12):
        key = f"o{number}"
        placing = asyncio.create_task(place(open_shop, key))
        await asyncio.sleep(0.002 * number)
        placing.cancel()
        await asyncio.gather(placing, return_exceptions=True)
        open_shop.clock.real += timedelta(seconds=31)
        await settling.sweep(
            stores=open_shop.stores,
            rulebook=open_shop.rulebook,
            jobs=open_shop.bells,
            clock=open_shop.clock,
        )

        placed = await open_shop.stores.orders.find(key) is not None
        assert (await ledger(open_shop)).get(f"promotion:{key}:double") == (80 if placed else None)


async def test_nobody_is_given_points_who_is_not_known(open_shop):
    await place(open_shop, user=None)

    assert await open_shop.stores.points.documents.count_documents({}) == 0
