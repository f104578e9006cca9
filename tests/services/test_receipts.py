"""What the feed hears of orders: each change once, whoever is killed, and enough to keep a copy."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from models.order import Told
from services import orders, receipts, returns, sequencer, settling
from services.orders import LEASE, Placing, Till
from services.returns import Sent

RULES = """
promotion tenth { code "TEN"  take 10 USD off cart }
promotion own { codes unique  take 5 USD off cart }
promotion thanks { code "THANKS"  take 1 USD off cart  grant own for 14 days }
"""
CART = {
    "currency": "USD",
    "lines": [{"sku": "A", "price": "30.00", "quantity": 2, "category": "tea"}],
    "shipping": "4.00",
}


@pytest.fixture
async def till(shop):
    await shop.publish(RULES)
    await shop.person("ann")
    return Till(stores=shop.stores, rulebook=shop.rulebook, jobs=shop.bells, clock=shop.clock)


async def place(till, key="o1", total="54.00", *codes, user="ann"):
    cart = {**CART, "codes": list(codes or ("TEN",))}
    return await orders.place(Placing(key=key, cart=cart, total=Decimal(total), user_id=user), till)


async def told(till, noun="order"):
    waiting = await till.stores.outbox.waiting(100)
    return {e.id: e for e in waiting if e.type.startswith(f"{noun}.")}


async def sequence(till):
    head, waiting = await sequencer.read_head(stores=till.stores), 1
    while waiting:
        head, waiting = await sequencer.step(head, stores=till.stores, wall=till.clock.wall())


async def test_an_order_is_told_as_it_was_placed(till):
    await place(till)

    (entry,) = (await told(till)).values()
    campaign = (await till.rulebook.current()).campaign_of["tenth"]

    assert (entry.id, entry.type, entry.user_id) == ("order.placed:o1", "order.placed", "ann")
    assert entry.data == {
        "order": "o1",
        "currency": "USD",
        "subtotal": "60.00",
        "saved": "10.00",
        "shipping": "4.00",
        "total": "54.00",
        "to_pay": "54.00",
        "points": 0,
        "points_redeemed": 0,
        "lines": [
            {
                "sku": "A",
                "category": "tea",
                "quantity": 2,
                "subtotal": "60.00",
                "total": "50.00",
                "units": [
                    {
                        "count": 2,
                        "total": "25.00",
                        "shares": [{"promotion": "tenth", "amount": "5.00"}],
                    }
                ],
            }
        ],
        "gifts": [],
        "promotions": [
            {"promotion": "tenth", "campaign": campaign, "amount": "10.00", "splits": []}
        ],
    }


async def test_orders_of_buyers_who_are_nobody_are_told_as_well(till):
    await place(till, user=None)

    (entry,) = (await told(till)).values()

    assert entry.user_id is None


async def test_what_comes_back_is_told_and_so_is_the_end(till):
    await place(till)
    await returns.take_back("o1", "r1", [Sent(0, 1)], till)
    await returns.cancel("o1", till)

    entries = await told(till)
    share = {
        "promotion": "tenth",
        "campaign": (await till.rulebook.current()).campaign_of["tenth"],
        "amount": "5.00",
        "splits": [],
    }

    assert [*entries] == ["order.placed:o1", "order.returned:o1:0", "order.cancelled:o1"]
    assert entries["order.returned:o1:0"].data == {
        "order": "o1",
        "currency": "USD",
        "key": "r1",
        "refund": "25.00",
        "lines": [
            {
                "line": 0,
                "sku": "A",
                "quantity": 1,
                "refund": "25.00",
                "shares": [{"promotion": "tenth", "amount": "5.00"}],
            }
        ],
        "promotions": [share],
    }
    cancelled = entries["order.cancelled:o1"].data
    assert (cancelled["refunded"], cancelled["undone"]) == ("54.00", "29.00")
    assert cancelled["promotions"] == [share]


async def test_codes_are_told_of_but_not_what_they_read(till):
    order = await place(till, "o1", "63.00", "THANKS")
    (given,) = order.granted
    await place(till, "o2", "59.00", given.code)

    entries = await told(till, "code")

    assert [*entries] == ["code.granted:own:o1", "code.redeemed:own:o2"]
    assert all(e.campaign_id for e in entries.values())
    assert not any(given.code in str(e.data) for e in entries.values())


async def test_a_change_that_its_writer_could_not_tell_is_told_by_the_sweep(till):
    order = await place(till)
    await sequence(till)
    heard = (await till.stores.feed.find_last()).number
    # As a process leaves it that is killed right after it wrote the order down.
    now = till.clock.now()
    cancelled = Told("order_cancelled", "o1", now, {"order_id": "o1"})
    placed = Told("order_placed", "o1", now, {"order_id": "o1", "items": []})
    killed = replace(order, untold=(placed, cancelled), settle_at=till.clock.wall() + LEASE)
    stored = await till.stores.orders.get("o1")
    await till.stores.orders.save(replace(killed, revision=stored.revision))

    till.clock.real += LEASE + timedelta(seconds=1)
    for _ in range(2):
        await settling.sweep(
            stores=till.stores, rulebook=till.rulebook, jobs=till.jobs, clock=till.clock
        )
    await sequence(till)

    # What the feed has already it does not get again.
    (block,) = await till.stores.feed.from_number(heard + 1, limit=9)
    assert [entry.id for entry in block.entries] == ["order.cancelled:o1"]


async def test_an_entry_that_is_missing_is_found(till):
    await place(till, "o1")
    await sequence(till)
    till.clock.turn(minutes=1)
    await place(till, "o2")
    await returns.take_back("o1", "r1", [Sent(0, 1)], till)
    assert await receipts.missing(stores=till.stores) == []

    await till.stores.outbox.remove(["order.placed:o2", "order.returned:o1:0"])

    lost = await receipts.missing(stores=till.stores)
    assert sorted(lost) == ["order.placed:o2", "order.returned:o1:0"]
