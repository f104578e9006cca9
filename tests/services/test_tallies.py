"""What orders have taken beside what is counted: whatever was tampered with is named."""

from datetime import timedelta
from decimal import Decimal

import pytest

from services import codes, orders, returns
from services.counting import counting_over
from services.orders import Placing, Till
from services.returns import Sent
from services.tallies import Tallies
from tests.staging import once

RULES = """
promotion tenth { code "TEN"  take 10 USD off cart  limit 2 per user  limit 1 per user per 7 days
  limit 5 total  budget 45 USD }
promotion own { codes unique  take 5 USD off cart }
"""


def till(shop):
    return Till(stores=shop.stores, rulebook=shop.rulebook, jobs=shop.bells, clock=shop.clock)


async def place(shop, key, total, *given, user="ann", quantity=1):
    line = {"sku": "A", "price": "30.00", "quantity": quantity}
    cart = {"currency": "USD", "lines": [line], "codes": list(given)}
    wanted = Placing(key=key, cart=cart, total=Decimal(total), user_id=user)
    return await orders.place(wanted, till(shop))


async def problems(shop):
    await counting_over(shop.stores).settled()
    tallies = Tallies(shop.stores)
    await tallies.look()
    return tallies.problems


@pytest.fixture
@once
async def sold(shop):
    """A shop with orders that stand, that came back in part and wholly, and one cancelled."""
    await shop.publish(RULES)
    for name in ("ann", "bob", "cid", "dan"):
        await shop.person(name)
    batch = await codes.generate(
        "own", 2, stores=shop.stores, rulebook=shop.rulebook, now=shop.clock.now()
    )
    first, second = [code.code async for code in shop.stores.codes.every("own", batch)]
    await place(shop, "o1", "15.00", "TEN", first)
    await place(shop, "o2", "50.00", "TEN", user="bob", quantity=2)
    await returns.take_back("o2", "r1", [Sent(0, 1)], till(shop))
    await place(shop, "o3", "15.00", "TEN", second, user="cid")
    await returns.cancel("o3", till(shop))
    await place(shop, "o4", "20.00", "TEN", user="dan")
    await returns.take_back("o4", "r2", [Sent(0, 1)], till(shop))
    shop.clock.turn(days=8)
    await place(shop, "o5", "20.00", "TEN")
    return shop


async def test_counters_say_what_orders_have_taken(sold):
    assert await problems(sold) == []
    assert (await sold.stores.counters.read(["tenth"], None))["tenth"].uses == 3


@pytest.mark.parametrize(
    ("store", "which", "change", "says"),
    [
        ("counters", {"_id": "all|tenth"}, {"$inc": {"uses": 1}}, "uses counted 4"),
        ("counters", {"_id": "all|tenth"}, {"$inc": {"uses": 9}}, "uses 12 of 5"),
        ("counters", {"_id": "all|tenth"}, {"$inc": {"money": -1}}, "money counted 2499"),
        (
            "counters",
            {"_id": "all|tenth"},
            {"$push": {"held": {"h": "lost", "n": 1, "m": 0}}},
            "attempt lost holds some",
        ),
        ("counters", {"_id": "user|tenth|ann"}, {"$pop": {"times": 1}}, "by ann is not counted"),
        (
            "counters",
            {"_id": "user|tenth|dan"},
            {"$push": {"times": {"holder": "lost", "at": None}}},
            "dan has a use (lost) that no order has",
        ),
        ("counters", {"_id": "all|tenth"}, {"$rename": {"_none": "_nothing"}}, None),
        (
            "orders",
            {"_id": "o5"},
            [{"$set": {"placed_at": {"$subtract": ["$placed_at", 4 * 86_400_000]}}}],
            "more than 1 times within 7 day",
        ),
        ("orders", {"_id": "o3"}, {"$set": {"state": "placed"}}, "uses counted 3"),
        ("codes", {"order": "o1"}, {"$set": {"holder": "lost"}}, "another order than the one"),
        ("codes", {"order": "o1"}, {"$unset": {"holder": ""}}, "is in an order, and not used"),
        (
            "codes",
            {"order": {"$exists": False}},
            {"$set": {"holder": "lost", "order": "o9"}},
            "is used, and no order has it",
        ),
    ],
)
async def test_whatever_does_not_agree_is_named(sold, store, which, change, says):
    done = await getattr(sold.stores, store).documents.update_one(which, change)
    assert done.matched_count == 1

    found = await problems(sold)

    assert found == [] if says is None else any(says in problem for problem in found), found


async def test_a_counter_that_is_gone_and_a_code_in_two_orders_are_named(sold):
    await sold.stores.counters.documents.delete_many({})
    first = await sold.stores.orders.documents.find_one({"_id": "o1"})
    await sold.stores.orders.documents.update_one(
        {"_id": "o5"}, {"$set": {"codes": first["codes"]}}
    )

    found = "\n".join(await problems(sold))

    assert "tenth: orders have 3 uses, and nothing is counted" in found
    assert found.count("by ann in order attempt") == 2
    assert "was used twice" in found


async def test_what_an_attempt_under_way_holds_is_no_problem(sold):
    order = await sold.stores.orders.get("o1")
    (taking,) = order.takings
    counting = counting_over(sold.stores)
    await counting.take(taking, "attempt", user_id="dan", at=sold.clock.now())
    assert any("attempt attempt holds some" in problem for problem in await problems(sold))

    await sold.stores.redemptions.documents.insert_one(
        {"_id": "attempt", "until": sold.clock.now() + timedelta(seconds=30)}
    )

    assert await problems(sold) == []
