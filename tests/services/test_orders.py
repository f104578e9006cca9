"""Orders: at the price that was seen, with all that they take, or not at all."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from models.errors import Conflict, Invalid, NotFound
from models.order import OrderState
from models.product import Product
from models.store.counters import Count
from services import codes, orders, returns, settling
from services.counting import counting_over
from services.orders import Placing, PriceChanged, Till
from services.returns import Sent
from tests.shop import event
from tests.staging import once

RULES = """
campaign spring { budget 100 USD }
promotion tenth { code "TEN"  take 10 USD off cart  limit 1 per user  limit 3 total }
promotion half { code "HALF"  take 50% off cart  budget 60 USD }
promotion own { codes unique  take 5 USD off cart }
promotion third { code "THREE"  buy 2 items get 1 items free  limit 5 total }
promotion thanks { code "THANKS"  take 1 USD off cart  grant own for 14 days }
promotion coffee { code "CUP"  take 1 USD off items where category = "COFFEE" }
"""


@pytest.fixture
@once
async def open_shop(shop):
    await shop.publish(RULES)
    for name in ("ann", "bob", "cid", "dan"):
        await shop.person(name)
    return shop


def till(shop):
    return Till(stores=shop.stores, rulebook=shop.rulebook, jobs=shop.bells, clock=shop.clock)


def cart(*given, price="30.00", quantity=1, **fields):
    line = {"sku": "A", "price": price, "quantity": quantity, **fields}
    return {"currency": "USD", "lines": [line], "codes": list(given)}


def placing(key, total, *given, user="ann", **fields):
    return Placing(key=key, cart=cart(*given, **fields), total=Decimal(total), user_id=user)


async def place(shop, *args, **fields):
    return await orders.place(placing(*args, **fields), till(shop))


async def used(shop, name, user=None):
    return (await shop.stores.counters.read([name], user)).get(name, Count())


async def nothing_is_held(shop):
    await counting_over(shop.stores).settled()
    assert await shop.stores.redemptions.documents.count_documents({}) == 0
    assert await shop.stores.counters.documents.count_documents({"held.0": {"$exists": True}}) == 0


async def told(shop, name="order_placed"):
    return await shop.stores.events.documents.find({"name": name}).to_list()


async def test_an_order_is_placed_at_the_price_seen_and_told_once(open_shop):
    order = await place(open_shop, "o1", "20.00", "ten")

    assert (order.quote.total, order.quote.lines[0].units[0].total) == (2000, 2000)
    assert (await used(open_shop, "tenth", "ann")).uses == 1
    assert (await used(open_shop, "spring")).money == 1000
    (happened,) = await told(open_shop)
    assert happened["data"] == {
        "order_id": "o1",
        "total": 2000,
        "items": [{"quantity": 1, "sku": "A", "amount": 2000}],
    }
    await nothing_is_held(open_shop)


async def test_another_price_is_refused_with_the_new_quote(open_shop):
    changed = await place(open_shop, "o1", "19.00", "ten")

    assert isinstance(changed, PriceChanged)
    assert changed.quote.total == 2000
    assert await open_shop.stores.orders.find("o1") is None
    assert await used(open_shop, "tenth", "ann") == Count()


async def test_the_same_key_gives_the_same_answer_and_no_other_cart(open_shop):
    first = await place(open_shop, "o1", "20", "ten")

    again = await place(open_shop, "o1", "20.00", "ten")
    with pytest.raises(Conflict, match="another cart"):
        await place(open_shop, "o1", "30.00")

    assert (again.id, again.attempt) == (first.id, first.attempt)
    assert (await used(open_shop, "tenth", "ann")).uses == 1
    assert len(await told(open_shop)) == 1


async def test_ten_at_once_under_one_key_are_one_order(open_shop):
    placed = await asyncio.gather(*(place(open_shop, "o1", "20", "ten") for _ in range(10)))

    assert len({order.attempt for order in placed}) == 1
    assert (await used(open_shop, "tenth", "ann")).uses == 1
    assert len(await told(open_shop)) == 1
    open_shop.clock.turn(minutes=1)
    await sweep(open_shop)
    await nothing_is_held(open_shop)


async def test_a_limit_is_kept_however_many_want_it_at_once(open_shop):
    names = [f"p{n}" for n in range(12)]
    for name in names:
        await open_shop.person(name)

    answers = await asyncio.gather(*(place(open_shop, n, "20", "ten", user=n) for n in names))

    assert Counter(type(answer).__name__ for answer in answers) == {"Order": 3, "PriceChanged": 9}
    assert all(a.quote.total == 3000 for a in answers if isinstance(a, PriceChanged))
    assert (await used(open_shop, "tenth")).uses == 3
    await nothing_is_held(open_shop)


async def test_a_limit_per_user_shows_in_the_next_quote(open_shop):
    await place(open_shop, "o1", "20", "ten")

    changed = await place(open_shop, "o2", "20", "ten")

    assert isinstance(changed, PriceChanged)


async def test_a_budget_is_never_overspent(open_shop):
    names = [f"p{n}" for n in range(8)]
    for name in names:
        await open_shop.person(name)

    answers = await asyncio.gather(*(place(open_shop, n, "15", "half", user=n) for n in names))

    assert sum(not isinstance(answer, PriceChanged) for answer in answers) == 4
    assert (await used(open_shop, "half")).money == 6000


async def test_a_campaigns_budget_is_around_those_of_its_promotions(open_shop):
    await open_shop.stores.counters.documents.update_one(
        {"_id": "all|spring"}, {"$set": {"money": 9_500}}, upsert=True
    )

    changed = await place(open_shop, "o1", "20", "ten")

    assert isinstance(changed, PriceChanged)


async def test_cancelling_gives_all_back_once(open_shop):
    await place(open_shop, "o1", "20", "ten")

    for _ in range(2):
        order = await returns.cancel("o1", till(open_shop))

    assert (order.state, order.refunded) == (OrderState.CANCELLED, 2000)
    assert await used(open_shop, "tenth", "ann") == Count()
    assert (await used(open_shop, "spring")).money == 0
    assert len(await told(open_shop, "order_cancelled")) == 1
    assert not isinstance(await place(open_shop, "o2", "20", "ten"), PriceChanged)


async def test_a_return_gives_back_the_shares_of_its_units_and_reprices_nothing(open_shop):
    placed = await place(open_shop, "o1", "50", "half", price="10", quantity=10)
    assert (await used(open_shop, "half")).money == 5000

    order = await returns.take_back("o1", "r1", [Sent(0, 3)], till(open_shop))
    again = await returns.take_back("o1", "r1", [Sent(0, 3)], till(open_shop))

    assert order.quote == placed.quote
    assert (order.returned, len(again.returns)) == (1500, 1)
    assert (await used(open_shop, "half")).money == 3500
    (happened,) = await told(open_shop, "items_returned")
    assert happened["data"]["items"] == [{"quantity": 3, "sku": "A", "amount": 1500}]


async def test_returns_piece_by_piece_come_to_what_was_paid(open_shop):
    await place(open_shop, "o1", "20", "three", price="10", quantity=3)

    refunds = [
        (await returns.take_back("o1", f"r{n}", [Sent(0, 1)], till(open_shop))).returns[-1].refund
        for n in range(3)
    ]

    assert refunds == [0, 1000, 1000]
    assert await used(open_shop, "third") == Count()
    with pytest.raises(Invalid, match="only 0 are left"):
        await returns.take_back("o1", "r9", [Sent(0, 1)], till(open_shop))


async def test_a_cancelled_order_takes_nothing_back(open_shop):
    await place(open_shop, "o1", "20", "ten")
    await returns.cancel("o1", till(open_shop))

    with pytest.raises(Conflict):
        await returns.take_back("o1", "r1", [Sent(0, 1)], till(open_shop))
    with pytest.raises(NotFound):
        await returns.cancel("o9", till(open_shop))


async def test_a_single_use_code_is_used_by_one_order(open_shop):
    await codes.generate(
        "own", 1, stores=open_shop.stores, rulebook=open_shop.rulebook, now=open_shop.clock.now()
    )
    (code,) = [c.code async for c in open_shop.stores.codes.every("own", None)]

    answers = await asyncio.gather(
        *(place(open_shop, f"o-{n}", "25", code, user=n) for n in ("ann", "bob", "cid"))
    )

    assert sum(not isinstance(answer, PriceChanged) for answer in answers) == 1
    (order,) = [answer for answer in answers if not isinstance(answer, PriceChanged)]
    await returns.cancel(order.id, till(open_shop))
    assert not isinstance(await place(open_shop, "o9", "25", f" {code.lower()} "), PriceChanged)


async def test_a_granted_code_is_the_buyers_and_goes_with_the_order(open_shop):
    order = await place(open_shop, "o1", "29", "thanks")
    (granted,) = order.granted

    others = await place(open_shop, "o2", "25", granted.code, user="bob")
    assert isinstance(others, PriceChanged)
    open_shop.clock.turn(days=14)
    late = await place(open_shop, "o3", "25", granted.code)
    assert isinstance(late, PriceChanged)
    open_shop.clock.turn(seconds=-1)
    assert not isinstance(await place(open_shop, "o4", "25", granted.code), PriceChanged)


async def test_a_cancelled_order_takes_its_codes_along(open_shop):
    order = await place(open_shop, "o1", "29", "thanks")
    await returns.cancel("o1", till(open_shop))

    assert isinstance(await place(open_shop, "o2", "25", order.granted[0].code), PriceChanged)


async def test_known_products_are_what_we_know_of_them(open_shop):
    await open_shop.stores.products.save_many([Product(sku="A", category="COFFEE", floor=2950)])

    order = await place(open_shop, "o1", "29.50", "cup", category="TEA")

    assert order.items[0]["category"] == "COFFEE"


async def test_nothing_cannot_be_ordered(open_shop):
    empty = {"currency": "USD", "lines": [], "codes": ["thanks"]}
    wanted = Placing(key="o1", cart=empty, total=Decimal(0), user_id="ann")

    with pytest.raises(Invalid, match="nothing in the cart") as refusal:
        await orders.place(wanted, till(open_shop))

    assert refusal.value.field == ("cart", "lines")


async def test_an_order_told_by_the_shop_as_well_is_one_event(open_shop):
    await open_shop.tell(event("order_placed", "any", order_id="o1", total="20"))

    await place(open_shop, "o1", "20", "ten")

    assert len(await told(open_shop)) == 1


async def sweep(shop):
    await settling.sweep(
        stores=shop.stores, rulebook=shop.rulebook, jobs=shop.bells, clock=shop.clock
    )


async def left_behind(shop, *, committed):
    """Do what an attempt does until it is killed just before, or just after, it is the order."""
    wanted, own = placing("o1", "20", "ten"), till(shop)
    published = await shop.rulebook.current()
    asked = await orders.request_for(
        wanted.cart,
        "ann",
        published,
        guesser=None,
        order=wanted.key,
        stores=shop.stores,
        now=shop.clock.now(),
    )
    quote = await orders.priced_at(asked, per_unit=True)
    order = orders._order(wanted, quote, asked, published, shop.clock)
    assert await orders._take_all(order, own)
    if committed:
        assert await shop.stores.orders.commit(order)
    return order


async def test_what_was_taken_for_an_order_that_never_came_is_given_back(open_shop):
    order = await left_behind(open_shop, committed=False)
    assert (await used(open_shop, "tenth", "ann")).uses == 1

    open_shop.clock.real += timedelta(seconds=31)
    await sweep(open_shop)

    assert await used(open_shop, "tenth", "ann") == Count()
    assert (await used(open_shop, "spring")).money == 0
    await nothing_is_held(open_shop)
    assert not await open_shop.stores.orders.commit(order)  # too late
    assert not isinstance(await place(open_shop, "o1", "20", "ten"), PriceChanged)


async def test_an_order_whose_placer_was_killed_is_finished(open_shop):
    await left_behind(open_shop, committed=True)
    assert await told(open_shop) == []

    open_shop.clock.real += timedelta(seconds=31)
    await sweep(open_shop)

    assert len(await told(open_shop)) == 1
    assert (await used(open_shop, "tenth", "ann")).uses == 1
    await nothing_is_held(open_shop)


async def test_whoever_repeats_after_a_kill_gets_the_order(open_shop):
    await left_behind(open_shop, committed=False)

    order = await place(open_shop, "o1", "20", "ten")

    assert not isinstance(order, PriceChanged)
    assert (await used(open_shop, "tenth", "ann")).uses == 1
    open_shop.clock.real += timedelta(seconds=31)
    await sweep(open_shop)
    assert (await used(open_shop, "tenth", "ann")).uses == 1
    await nothing_is_held(open_shop)


async def test_orders_come_back_from_the_database_as_they_were(open_shop):
    order = await place(open_shop, "o1", "29", "thanks")

    kept = await open_shop.stores.orders.get("o1")

    assert kept == replace(order, untold=(), settle_at=None)
