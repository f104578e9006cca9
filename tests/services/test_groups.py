"""Group buys on a real database: never over-full, and always one of two ends."""

import asyncio

import pytest

from models.errors import Conflict
from models.group import GroupState
from services import stocks
from services.groups import Groups

BUY = """
group_buy pack { active from 2026-03-01 to 2026-03-10  sku "F200" at 79 CNY for 3 people
  within 24 hours %s }
"""


@pytest.fixture
async def buy(shop):
    async def publish(more: str = "") -> Groups:
        await shop.publish(BUY % more)
        return Groups(shop.stores, shop.rulebook)

    return publish


async def every(*awaitables):
    return await asyncio.gather(*awaitables, return_exceptions=True)


def codes(results):
    return sorted({r.code for r in results if isinstance(r, Conflict)})


async def told(shop, kind):
    return [
        (document.get("user"), document["data"]["group"])
        async for document in shop.stores.outbox.documents.find({"type": kind})
    ]


async def test_a_group_is_complete_with_its_last_member_and_never_over_full(buy, shop):
    groups, other = await buy(), Groups(shop.stores, shop.rulebook)
    now = shop.clock.now()
    group = await groups.open("pack", "k", user_id="ann", now=now)

    results = await every(
        *(
            each.join(group.id, user_id=f"u{n}", now=now)
            for n in range(20)
            for each in (groups, other)
        )
    )

    found = await shop.stores.groups.find(group.id)
    assert found.state is GroupState.COMPLETED
    assert len(found.members) == 3
    assert len({member.user_id for member in found.members}) == 3
    assert codes(results) == ["GROUP_FULL"]
    await stocks.look_after(now, stores=shop.stores)
    await stocks.look_after(now, stores=shop.stores)
    assert len(await told(shop, "group.completed")) == 1
    assert len(await told(shop, "group.fulfilled")) == 3
    assert not await told(shop, "group.refunded")


async def test_a_group_that_is_not_complete_in_time_is_let_go(buy, shop):
    groups = await buy()
    group = await groups.open("pack", "k", user_id="ann", now=shop.clock.now())
    await groups.join(group.id, user_id="bob", now=shop.clock.now())
    shop.clock.turn(hours=24)

    (refusal,) = await every(groups.join(group.id, user_id="cy", now=shop.clock.now()))
    await stocks.look_after(shop.clock.now(), stores=shop.stores)

    assert refusal.code == "GROUP_OVER"
    assert (await shop.stores.groups.find(group.id)).state is GroupState.FAILED
    assert {user for user, _ in await told(shop, "group.refunded")} == {"ann", "bob"}
    assert len(await told(shop, "group.failed")) == 1


async def test_opening_and_joining_again_changes_nothing(buy, shop):
    groups = await buy("limit 1 per user")
    now = shop.clock.now()

    one, two = await every(*(groups.open("pack", "k", user_id="ann", now=now) for _ in range(2)))
    await groups.join(one.id, user_id="bob", now=now)
    again = await groups.join(one.id, user_id="bob", now=now)

    assert one.id == two.id
    assert [member.user_id for member in again.members] == ["ann", "bob"]


async def test_groups_do_not_take_more_than_the_stock(buy, shop):
    groups, other = await buy("stock 7"), Groups(shop.stores, shop.rulebook)
    now = shop.clock.now()

    results = await every(
        *(
            each.open("pack", "k", user_id=f"{name}{n}", now=now)
            for n in range(5)
            for name, each in (("a", groups), ("b", other))
        )
    )

    assert len([r for r in results if not isinstance(r, BaseException)]) == 2
    assert codes(results) == ["SOLD_OUT"]
    shop.clock.turn(hours=25)
    await stocks.look_after(shop.clock.now(), stores=shop.stores)
    later = Groups(shop.stores, shop.rulebook)
    assert await later.open("pack", "new", user_id="cy", now=shop.clock.now())


async def test_a_limit_per_user_holds_over_all_groups(buy, shop):
    groups = await buy("limit 1 per user")
    now = shop.clock.now()
    first = await groups.open("pack", "k", user_id="ann", now=now)
    second = await groups.open("pack", "k", user_id="bob", now=now)

    results = await every(
        groups.open("pack", "other", user_id="ann", now=now),
        groups.join(second.id, user_id="ann", now=now),
        groups.join(first.id, user_id="bob", now=now),
    )

    assert codes(results) == ["LIMIT_REACHED"]
    assert all(isinstance(result, Conflict) for result in results)
    shop.clock.turn(hours=24)
    await stocks.look_after(shop.clock.now(), stores=shop.stores)
    assert await groups.open("pack", "third", user_id="ann", now=shop.clock.now())
