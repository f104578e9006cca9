"""Budgets that are spent and limits that are reached are told once, each time that they are."""

from decimal import Decimal

import pytest

from services import depletion, orders, returns
from services.counting import counting_over
from services.orders import Placing, Till
from tests.staging import once

RULES = """
campaign spring { budget 15 USD }
promotion tenth { code "TEN"  take 10 USD off cart  limit 1 total }
promotion half { code "HALF"  take 50% off cart  budget 10 USD }
"""


@pytest.fixture
@once
async def open_shop(shop):
    await shop.publish(RULES)
    return shop


def till(shop):
    return Till(stores=shop.stores, rulebook=shop.rulebook, jobs=shop.bells, clock=shop.clock)


async def place(shop, key, total, code):
    line = {"sku": "A", "price": "20.00"}
    cart = {"currency": "USD", "lines": [line], "codes": [code]}
    placed = await orders.place(Placing(key=key, cart=cart, total=Decimal(total)), till(shop))
    await counting_over(shop.stores).settled()
    return placed


async def told(shop):
    """Have it told what is to be told, and return all that has been."""
    published = await shop.rulebook.current()
    await depletion.tell(published, stores=shop.stores, now=shop.clock.now())
    cursor = shop.stores.outbox.documents.find(
        {"type": {"$in": ["budget.exhausted", "limit.reached"]}}
    )
    return [(entry["type"], entry["data"]) async for entry in cursor.sort("_id")]


async def test_nothing_is_told_while_something_is_left(open_shop):
    assert await told(open_shop) == []


async def test_a_limit_is_told_of_when_it_is_reached_and_only_once(open_shop):
    await place(open_shop, "o1", "10.00", "TEN")

    first, again = await told(open_shop), await told(open_shop)

    assert first == again == [("limit.reached", {"promotion": "tenth", "limit": 1})]


async def test_what_came_back_and_is_used_again_is_told_again(open_shop):
    await place(open_shop, "o1", "10.00", "TEN")
    await told(open_shop)
    await returns.cancel("o1", till(open_shop))
    assert len(await told(open_shop)) == 1

    await place(open_shop, "o2", "10.00", "TEN")

    assert len(await told(open_shop)) == 2


async def test_budgets_of_promotions_and_campaigns_are_told_of(open_shop):
    await open_shop.publish(RULES.replace("15 USD", "10 USD"))
    await place(open_shop, "o1", "10.00", "HALF")

    money = {"budget": "10.00", "currency": "USD"}
    assert await told(open_shop) == [
        ("budget.exhausted", {"promotion": "half", **money}),
        ("budget.exhausted", {"campaign": "spring", **money}),
    ]


async def test_whoever_was_killed_before_the_note_tells_it_once(open_shop):
    await place(open_shop, "o1", "10.00", "TEN")
    await told(open_shop)
    await open_shop.stores.counters.documents.update_many({}, {"$unset": {"turns": ""}})

    assert len(await told(open_shop)) == 1
