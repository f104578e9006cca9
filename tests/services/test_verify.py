"""The check of everything: silent while all holds, and loud about whatever is tampered with."""

import asyncio
from decimal import Decimal

import pytest

from services import draws, orders, sequencer, stocks
from services.claims import Claims
from services.groups import Groups
from services.orders import Placing, Till
from services.selling import confirm
from services.verify import verify
from tests.shop import event
from tests.staging import once

RULES = """
flash_sale midnight { active from 2026-03-01  sku "A" at 99 USD stock 3  hold 10 minutes }
group_buy pack { active from 2026-03-01  sku "B" at 79 USD for 2 people within 1 days stock 9 }
lottery lucky { active from 2026-03-01 to 2026-03-02  enter on order_placed
  draw at 2026-03-03T12:00  prize "Phone" quantity 1 }
"""


async def failing(shop):
    return {
        finding.id: list(finding.problems)
        async for finding in verify(
            stores=shop.stores, now=shop.clock.now(), wall=shop.clock.wall()
        )
        if finding.problems
    }


@pytest.fixture
@once
async def busy(shop):
    """A shop in which each kind of thing has happened."""
    await shop.publish(RULES)
    claims, groups = Claims(shop.stores, shop.rulebook), Groups(shop.stores, shop.rulebook)
    now = shop.clock.now()
    results = await asyncio.gather(
        *(claims.claim("midnight", "k", user_id=f"u{n}", now=now) for n in range(5)),
        return_exceptions=True,
    )
    held = [each for each in results if not isinstance(each, Exception)]
    await shop.person(held[1].user_id)
    line = {"sku": "A", "price": "120.00", "@claim": held[1].id}
    ordered = Placing(
        key="o-claim",
        cart={"currency": "USD", "lines": [line]},
        total=Decimal("99.00"),
        user_id=held[1].user_id,
    )
    till = Till(stores=shop.stores, rulebook=shop.rulebook, jobs=shop.bells, clock=shop.clock)
    await orders.place(ordered, till)
    await confirm(
        held[0].id,
        "order",
        user_id=held[0].user_id,
        stores=shop.stores,
        rulebook=shop.rulebook,
        now=now,
    )
    group = await groups.open("pack", "k", user_id="ann", now=now)
    await groups.join(group.id, user_id="bob", now=now)
    await groups.open("pack", "k", user_id="cy", now=now)
    for name in ("ann", "bob"):
        await shop.person(name)
        await shop.tell(
            event("order_placed", f"o-{name}", name, total="1", order_id=name, items=[])
        )
    await shop.work()
    for _ in range(4):
        shop.clock.turn(days=1)
        await stocks.look_after(shop.clock.now(), stores=shop.stores)
        await draws.look_after(
            await shop.rulebook.current(),
            stores=shop.stores,
            now=shop.clock.now(),
            wall=shop.clock.wall(),
        )
    head, waiting = sequencer.Head(), 1
    while waiting:
        head, waiting = await sequencer.step(head, stores=shop.stores, wall=shop.clock.wall())
    return shop


async def test_all_holds_in_a_shop_that_was_busy(busy):
    assert await failing(busy) == {}
    draw = await busy.stores.draws.documents.find_one()
    assert (draw["state"], draw["entries"]) == ("drawn", 3)


@pytest.mark.parametrize(
    ("store", "change", "invariant"),
    [
        ("claims", {"$set": {"unit": 7}}, "I1"),
        ("claims", {"$set": {"state": "released"}}, "I1"),
        ("claims", {"$set": {"holder": "another"}}, "I1"),
        ("claims", {"$set": {"order": "another"}, "$unset": {"holder": ""}}, "I1"),
        ("stocks", {"$set": {"initial": 0}}, "I1"),
        ("draws", {"$set": {"promise.prizes.0.quantity": 2}}, "I6"),
        ("draws", {"$set": {"winners": []}}, "I6"),
        ("entries", {"$set": {"ticket": "00" * 32}}, "I6"),
        ("groups", {"$set": {"state": "failed"}}, "I1"),
        ("groups", {"$set": {"size": 10}}, "I1"),
        ("groups", {"$set": {"size": 1}}, "I7"),
        ("groups", {"$set": {"state": "open"}}, "I7"),
        ("groups", {"$set": {"members.0.order": "o", "members.0.holder": "another"}}, "I7"),
        ("feed", {"$set": {"first_seq": 2, "_id": 9}}, "I11"),
        ("events", {"$set": {"pending": True}}, "I12"),
    ],
)
async def test_whatever_is_tampered_with_shows(busy, store, change, invariant):
    documents = getattr(busy.stores, store).documents
    if store == "feed":
        block = await documents.find_one()
        await documents.insert_one({**block, **change["$set"]})
    elif store == "claims":
        await documents.update_one({"state": "sold", "holder": {"$exists": True}}, change)
    elif store == "groups":
        await documents.update_one({"state": "completed"}, change)
    else:
        await documents.update_one({}, change)

    assert invariant in await failing(busy)


async def test_a_unique_index_that_is_missing_shows(busy):
    claims = busy.stores.claims
    await claims.documents.drop_index("unit")
    try:
        assert (await failing(busy))["I1"] == ["the unique index claims.unit is missing"]
    finally:
        await claims.ensure_indexes()
