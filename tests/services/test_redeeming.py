"""Points in place of money: taken with the order or not at all, and back with what comes back."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from models.errors import Conflict, Invalid
from models.points import Hold, Reason, Transfer
from models.principal import Principal, Role
from models.store import Stores, connect
from services import orders, points, quotes, redeeming, returns, settling, spending
from services.orders import Placing, PriceChanged, Till
from services.points import Award
from services.returns import Sent
from services.rulebook import Rulebook
from services.verify import verify
from tests.staging import once

RULES = """
loyalty club {
  earn 1 point per 1000 USD of order_placed.total
  points expire after 60 days
  redeem 100 points for 1 USD
}
promotion tenth { code "TEN"  take 1 USD off cart  limit 1 total }
"""


@pytest.fixture
@once
async def open_shop(shop):
    await shop.publish(RULES)
    await shop.person("ann")
    return shop


def till(shop, stores=None):
    stores = stores or shop.stores
    rulebook = shop.rulebook if stores is shop.stores else Rulebook(stores, fresh=0)
    return Till(stores=stores, rulebook=rulebook, jobs=shop.bells, clock=shop.clock)


def cart(currency="USD", shipping="0", codes=()):
    lines = [{"sku": "A", "price": "5.00", "quantity": 2}]
    return {"currency": currency, "lines": lines, "shipping": shipping, "codes": list(codes)}


def placing(key, total, redeem, user="ann", **fields):
    return Placing(key=key, cart=cart(**fields), total=Decimal(total), user_id=user, points=redeem)


async def place(shop, *args, stores=None, **fields):
    return await orders.place(placing(*args, **fields), till(shop, stores))


async def give(shop, amount, key="gift"):
    rules = await shop.rulebook.current()
    award = Award(key=key, user_id="ann", points=amount, at=shop.clock.now(), rules=rules)
    await points.award(award, stores=shop.stores, current=rules, now=shop.clock.now())


async def balance(shop):
    return (await shop.stores.users.get("ann")).points


async def nothing_is_held(shop):
    (account,) = (await shop.stores.accounts.find_many(["ann"])).values()
    assert account.holds == ()
    assert await shop.stores.redemptions.documents.count_documents({}) == 0


async def sweep(shop):
    shop.clock.real += timedelta(seconds=31)
    await settling.sweep(
        stores=shop.stores, rulebook=shop.rulebook, jobs=shop.bells, clock=shop.clock
    )
    return await redeeming.sweep(
        stores=shop.stores,
        current=await shop.rulebook.current(),
        now=shop.clock.now(),
        wall=shop.clock.wall(),
    )


async def test_a_quote_says_what_points_are_worth_and_what_is_left_to_pay(open_shop):
    await give(open_shop, 700)

    async def quoted(redeem):
        priced = await quotes.quote_cart(
            cart(),
            points=redeem,
            caller=Principal("ann", frozenset({Role.CUSTOMER}), "session"),
            stores=open_shop.stores,
            rulebook=open_shop.rulebook,
            now=open_shop.clock.now(),
        )
        return priced.quote

    quote = await quoted(300)
    assert (quote.total, quote.redeemed, quote.worth, quote.to_pay) == (1000, 300, 300, 700)
    assert (await quoted(0)).to_pay == 1000
    for wrong, said in ((250, "100 at a time"), (-100, "100 at a time"), (1100, "at most 1,000")):
        with pytest.raises(Invalid, match=said):
            await quoted(wrong)
    with pytest.raises(Conflict, match="has 700 points"):
        await quoted(800)


async def test_an_order_takes_the_points_once_and_costs_what_is_left(open_shop):
    await give(open_shop, 700)

    order = await place(open_shop, "o1", "7.00", 300)
    again = await place(open_shop, "o1", "7.00", 300)

    assert (order.quote.total, order.quote.to_pay) == (1000, 700)
    assert again.attempt == order.attempt
    assert await balance(open_shop) == 400
    await nothing_is_held(open_shop)
    with pytest.raises(Conflict, match="another cart, buyer or total"):
        await place(open_shop, "o1", "7.00", 200)


async def test_what_cannot_be_redeemed_is_refused_and_nothing_taken(open_shop):
    await give(open_shop, 250)

    with pytest.raises(Conflict) as refused:
        await place(open_shop, "o1", "7.00", 300)
    assert refused.value.code == "NOT_ENOUGH_POINTS"
    assert isinstance(await place(open_shop, "o1", "9.00", 200), PriceChanged)
    with pytest.raises(Invalid, match="the cart is in EUR"):
        await place(open_shop, "o1", "8.00", 200, currency="EUR")
    with pytest.raises(Invalid, match="who the buyer is"):
        await place(open_shop, "o1", "8.00", 200, user=None)

    assert await balance(open_shop) == 250
    await nothing_is_held(open_shop)


async def test_points_that_are_too_few_leave_the_codes_of_the_order_to_others(open_shop):
    with pytest.raises(Conflict):
        await place(open_shop, "o1", "8.00", 100, codes=["TEN"])

    assert not isinstance(await place(open_shop, "o2", "9.00", 0, codes=["TEN"]), PriceChanged)


async def test_many_orders_at_once_never_redeem_more_than_there_is(open_shop, mongodb_uri):
    """Also from several processes, which share nothing but the database."""
    await give(open_shop, 350)
    database = open_shop.stores.accounts.database
    others = [Stores.over(connect(mongodb_uri, database.name)) for _ in range(3)]
    try:
        done = await asyncio.gather(
            *(
                place(open_shop, f"o{number}", "9.00", 100, stores=others[number % 3])
                for number in range(24)
            ),
            return_exceptions=True,
        )
    finally:
        for stores in others:
            stores.accounts.database.client.close()

    refused = [each.code for each in done if isinstance(each, Conflict)]
    assert refused == ["NOT_ENOUGH_POINTS"] * 21
    await open_shop.work()
    await sweep(open_shop)
    assert await balance(open_shop) == 50
    await nothing_is_held(open_shop)
    found = verify(stores=open_shop.stores, now=open_shop.clock.now(), wall=open_shop.clock.wall())
    assert {each.id for each in [f async for f in found] if each.problems} == set()


async def test_cancelling_gives_points_back_with_the_end_they_had(open_shop):
    await give(open_shop, 300)
    open_shop.clock.turn(days=50)
    await place(open_shop, "o1", "7.00", 300)

    order = await returns.cancel("o1", till(open_shop))

    assert (order.refunded, order.points_returned) == (700, 300)
    assert await balance(open_shop) == 300
    open_shop.clock.turn(days=10)
    await points.look_after(
        stores=open_shop.stores,
        current=await open_shop.rulebook.current(),
        now=open_shop.clock.now(),
    )
    assert await balance(open_shop) == 0


async def test_what_comes_back_brings_points_and_money_in_the_proportion_paid(open_shop):
    await give(open_shop, 300)
    await place(open_shop, "o1", "9.00", 300, shipping="2.00")

    order = await returns.take_back("o1", "r1", [Sent(0, 1)], till(open_shop))
    assert (order.points_returned, order.refunded) == (125, 500 - 125)
    assert await balance(open_shop) == 125
    await open_shop.work()
    assert await balance(open_shop) == 125

    order = await returns.take_back("o1", "r2", [Sent(0, 1)], till(open_shop))
    assert (order.points_returned, order.refunded) == (250, 1000 - 250)
    assert await balance(open_shop) == 250


async def test_whoever_is_killed_while_placing_has_redeemed_for_an_order_or_not_at_all(open_shop):
    await give(open_shop, 2000)
    placed = 0
    for number in range(20):
        attempt = asyncio.create_task(place(open_shop, f"o{number}", "9.00", 100))
        await asyncio.sleep(0.0015 * number)
        attempt.cancel()
        await asyncio.gather(attempt, return_exceptions=True)
        await sweep(open_shop)
        placed += await open_shop.stores.orders.find(f"o{number}") is not None

        assert await balance(open_shop) == 2000 - 100 * placed
    await nothing_is_held(open_shop)


async def test_points_taken_by_an_attempt_that_was_given_up_are_let_go(open_shop):
    await give(open_shop, 100)
    late = Transfer(
        id="redeem:o1:lost",
        user_id="ann",
        reason=Reason.REDEEMED,
        points=-100,
        at=open_shop.clock.now(),
    )
    data = {"order": "o1", "attempt": "lost"}
    hold = Hold(transfer=late, until=open_shop.clock.wall(), data=data)
    assert await spending.hold(hold, stores=open_shop.stores, now=late.at)

    assert await sweep(open_shop) == 1

    await nothing_is_held(open_shop)
    assert not isinstance(await place(open_shop, "o1", "9.00", 100), PriceChanged)
