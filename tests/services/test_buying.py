"""Entries that are bought with points: paid for and entered, or neither, whoever is killed when."""

import asyncio
from datetime import timedelta

import pytest

from models.errors import Conflict, NotFound
from services import buying, draws, points
from services.consequences import Consequences
from services.entries import add_entry
from services.points import Award
from services.verify import verify
from tests.shop import event

LOTTERY = """
loyalty club { earn 1 point per 1 USD of order_placed.total }
lottery lucky "Lucky" {
  active from 2026-03-01 to 2026-03-10
  enter on order_placed
  enter for 100 points
  limit %d entries per user
  draw at 2026-03-12T12:00
  prize "Phone" quantity 1
}
"""


@pytest.fixture
async def lottery(shop):
    async def publish(limit: int = 50):
        await shop.publish(LOTTERY % limit)
        await shop.person("ann")
        await look(shop)
        return shop

    return publish


async def look(shop):
    await draws.look_after(
        await shop.rulebook.current(),
        stores=shop.stores,
        now=shop.clock.now(),
        wall=shop.clock.wall(),
    )


async def problems(shop):
    consequences = Consequences(shop.stores, shop.rulebook)
    await consequences.look()
    return consequences.problems


async def sweep(shop):
    return await buying.sweep(
        stores=shop.stores,
        current=await shop.rulebook.current(),
        now=shop.clock.now(),
        wall=shop.clock.wall(),
    )


async def give(shop, amount, key="gift"):
    rules = await shop.rulebook.current()
    award = Award(key=key, user_id="ann", points=amount, at=shop.clock.now(), rules=rules)
    await points.award(award, stores=shop.stores, current=rules, now=shop.clock.now())


async def buy(shop, key, lottery="lucky"):
    return await buying.buy(
        lottery,
        key,
        user_id="ann",
        stores=shop.stores,
        rulebook=shop.rulebook,
        now=shop.clock.now(),
        wall=shop.clock.wall(),
    )


async def entries(shop):
    return await shop.stores.entries.documents.find({}).to_list()


async def balance(shop):
    return (await shop.stores.users.get("ann")).points


async def holds(shop):
    account = (await shop.stores.accounts.find_many(["ann"]))["ann"]
    return account.holds


async def test_an_entry_is_bought_once_for_each_key(lottery):
    shop = await lottery()
    await give(shop, 250)

    first = await buy(shop, "one")
    again = await buy(shop, "one")

    assert (first.left, again.left) == (150, 150)
    assert first.entry == again.entry
    assert (len(await entries(shop)), await balance(shop), await holds(shop)) == (1, 150, ())


async def test_who_has_too_few_points_is_told_how_many_there_are(lottery):
    shop = await lottery()
    await give(shop, 99)

    with pytest.raises(Conflict, match="costs 100 points, and you have 99") as refused:
        await buy(shop, "one")

    assert refused.value.code == "NOT_ENOUGH_POINTS"
    assert (await entries(shop), await balance(shop)) == ([], 99)


async def test_many_at_once_never_spend_more_than_there_is(lottery):
    shop = await lottery()
    await give(shop, 350)

    done = await asyncio.gather(
        *(buy(shop, f"key{number}") for number in range(20)), return_exceptions=True
    )

    refused = [each.code for each in done if isinstance(each, Conflict)]
    assert refused == ["NOT_ENOUGH_POINTS"] * 17
    assert (len(await entries(shop)), await balance(shop), await holds(shop)) == (3, 50, ())


async def test_the_limit_holds_across_both_ways_in(lottery):
    shop = await lottery(3)
    await give(shop, 1000)
    for number in range(2):
        await shop.tell(event("order_placed", f"o{number}", order_id=f"o{number}", total="1.00"))
        await shop.work()

    await buy(shop, "one")
    with pytest.raises(Conflict) as refused:
        await buy(shop, "two")

    assert refused.value.code == "LIMIT_REACHED"
    assert (len(await entries(shop)), await balance(shop), await holds(shop)) == (3, 902, ())


async def test_whoever_is_killed_in_the_middle_has_paid_and_is_in_or_neither(lottery):
    shop = await lottery()
    await give(shop, 1500)

    for number in range(15):
        buying_one = asyncio.create_task(buy(shop, f"key{number}"))
        await asyncio.sleep(0.0015 * number)
        buying_one.cancel()
        await asyncio.gather(buying_one, return_exceptions=True)
    shop.clock.real += timedelta(seconds=31)
    await sweep(shop)

    assert await holds(shop) == ()
    assert await balance(shop) == 1500 - 100 * len(await entries(shop))
    assert await sweep(shop) == 0
    found = verify(stores=shop.stores, now=shop.clock.now(), wall=shop.clock.wall())
    assert [(each.id, each.problems) async for each in found if each.problems] == []


async def test_a_draw_that_has_closed_takes_no_entry_and_no_points(lottery):
    shop = await lottery()
    await give(shop, 300)
    await buy(shop, "in")
    shop.clock.turn(days=9)
    await look(shop)

    with pytest.raises(Conflict) as refused:
        await buy(shop, "late")
    shop.clock.turn(seconds=6)
    await look(shop)

    assert refused.value.code == "NOT_ACTIVE"
    assert (await balance(shop), await holds(shop)) == (200, ())
    assert (await buy(shop, "in")).left == 200  # what was bought stays so
    (draw,) = await shop.stores.draws.latest(1)
    assert draw.entries == 1


async def test_points_held_for_an_entry_that_came_too_late_are_let_go(lottery):
    shop = await lottery()
    await give(shop, 100)
    published = await shop.rulebook.current()
    found = published.program.lotteries["lucky"]
    now, wall = shop.clock.now(), shop.clock.wall()
    late = buying._hold(found, "late", "ann", published, now, wall)
    assert await buying.spending.hold(late, stores=shop.stores, now=now)
    shop.clock.turn(days=9)
    await look(shop)
    shop.clock.turn(seconds=6)
    await look(shop)
    await add_entry(
        late.data["draw"],
        "ann",
        late.data["source"],
        now,
        nonce=late.data["nonce"],
        places=50,
        stores=shop.stores,
    )

    assert await sweep(shop) == 1

    assert (await entries(shop), await balance(shop), await holds(shop)) == ([], 100, ())


async def test_what_is_not_sold_or_not_there_is_refused(shop):
    await shop.publish((LOTTERY % 3).replace("enter for 100 points", ""))
    await shop.person("ann")
    await look(shop)

    with pytest.raises(NotFound):
        await buy(shop, "one", "other")
    with pytest.raises(Conflict) as refused:
        await buy(shop, "one")
    assert refused.value.code == "NOT_FOR_SALE"


async def test_what_was_paid_and_what_was_entered_are_compared(lottery):
    shop = await lottery()
    await give(shop, 500)
    await buy(shop, "k")
    assert await problems(shop) == []

    (entry,) = await shop.stores.entries.documents.find().to_list()
    await shop.stores.entries.documents.delete_many({})
    (spent,) = await problems(shop)
    assert spent.startswith("points were spent on an entry that is not there")

    await shop.stores.entries.documents.insert_one(entry)
    await shop.stores.points.documents.delete_many({})
    (lost,) = await problems(shop)
    assert lost.endswith("what entered it is not there")
