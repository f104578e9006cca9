"""Units claimed in a flash sale, ordered: one of the line at the sale's price, or nothing taken."""

import asyncio
from decimal import Decimal

import pytest

from models.claim import ClaimState
from models.errors import Conflict, Invalid, NotFound
from models.principal import Principal, Role
from services import orders, returns, settling, stocks
from services.claims import Claims
from services.orders import Placing, PriceChanged, Till
from services.quotes import quote_cart
from services.returns import Sent
from services.selling import confirm
from tests.staging import once

RULES = """
flash_sale midnight "Midnight" {
  active from 2026-03-01 to 2026-03-10
  sku "A" at 9.90 USD stock 2
  hold 10 minutes
}
group_buy pack "A tray" {
  active from 2026-03-01 to 2026-03-10
  sku "A" at 20 USD for 2 people within 24 hours
}
promotion tenth { take 10% off items where category = "TEA"  limit 5 total }
"""
STAFF = Principal("staff", frozenset((Role.ADMIN,)), "s")


@pytest.fixture
@once
async def sale(shop):
    await shop.publish(RULES)
    for name in ("ann", "bob"):
        await shop.person(name)
    return shop


def till(shop):
    return Till(stores=shop.stores, rulebook=shop.rulebook, jobs=shop.bells, clock=shop.clock)


async def claim(shop, user="ann", key="k"):
    claims = Claims(shop.stores, shop.rulebook, fresh=0)
    return (await claims.claim("midnight", key, user_id=user, now=shop.clock.now())).id


def cart(claim, *, quantity=1, price="30.00", currency="USD", **fields):
    line = {"sku": "A", "price": price, "quantity": quantity, "@claim": claim, **fields}
    return {"currency": currency, "lines": [line]}


async def place(shop, key, total, *claims, user="ann", **fields):
    lines = [line for each in claims for line in cart(each, **fields)["lines"]]
    wanted = Placing(
        key=key, cart={"currency": "USD", "lines": lines}, total=Decimal(total), user_id=user
    )
    return await orders.place(wanted, till(shop))


async def quoted(shop, sent, user="ann"):
    priced = await quote_cart(
        sent,
        user_id=user,
        caller=STAFF,
        stores=shop.stores,
        rulebook=shop.rulebook,
        now=shop.clock.now(),
    )
    return priced.quote


async def state(shop, claim):
    return (await shop.stores.claims.find(claim)).state


async def sweep(shop):
    return await settling.sweep(
        stores=shop.stores, rulebook=shop.rulebook, jobs=shop.bells, clock=shop.clock
    )


async def told(shop, kind):
    await stocks.look_after(shop.clock.now(), stores=shop.stores)
    return await shop.stores.outbox.documents.count_documents({"type": kind})


async def end_holds(shop):
    shop.clock.turn(minutes=11)
    await stocks.look_after(shop.clock.now(), stores=shop.stores)


async def test_one_unit_of_the_line_costs_what_the_sale_says(sale):
    quote = await quoted(sale, cart(await claim(sale), quantity=3))

    (line,) = quote.lines
    assert (line.quantity, line.subtotal, quote.total) == (3, 990 + 2 * 3000, 6990)


async def test_promotions_apply_to_the_sales_price_down_to_the_floor(sale):
    held = await claim(sale)

    taken = await quoted(sale, cart(held, quantity=2, category="TEA"))
    kept = await quoted(sale, cart(held, quantity=2, category="TEA", floor="20.00"))

    assert taken.lines[0].applied[0].amount == 399  # 10 % of 9.90 and 30.00
    assert kept.total == 990 + 3000 - 399  # all of it from the unit that has room
    assert taken.total == kept.total


async def test_a_sale_never_raises_a_price(sale):
    assert (await quoted(sale, cart(await claim(sale), price="9.00"))).total == 900


async def test_a_claim_keeps_the_price_at_which_it_was_made(sale):
    held = await claim(sale)
    await sale.publish(RULES.replace("9.90", "12.00"))

    assert (await quoted(sale, cart(held))).total == 990


async def test_what_does_not_fit_the_line_is_refused_at_its_place(sale):
    held = await claim(sale)

    for sent, what in (
        (cart(held, sku="B"), "for 'A', not 'B'"),
        (cart(held, currency="EUR"), "is in USD, the cart in EUR"),
        ({"currency": "USD", "lines": cart(held)["lines"] * 2}, "Two lines"),
    ):
        with pytest.raises(Invalid, match=what) as refusal:
            await quoted(sale, sent)
        assert refusal.value.field[:2] == ("cart", "lines")


async def test_someone_elses_claim_is_as_unknown_as_none(sale):
    held = await claim(sale)

    refusals = []
    for sent, user in ((held, "bob"), (held, None), ("nothing", "ann")):
        with pytest.raises(NotFound) as refusal:
            await quoted(sale, cart(sent), user=user)
        refusals.append((refusal.value.message, refusal.value.field))

    assert len(set(refusals)) == 1


async def test_an_order_sells_what_is_held_and_is_told_once(sale):
    held = await claim(sale)

    order = await place(sale, "o1", "39.90", held, quantity=2)
    again = await place(sale, "o1", "39.90", held, quantity=2)

    assert again.attempt == order.attempt
    assert [(u.count, u.total, u.reserved) for u in order.quote.lines[0].units] == [
        (1, 990, held),
        (1, 3000, None),
    ]
    found = await sale.stores.claims.find(held)
    assert (found.state, found.order) == (ClaimState.SOLD, "o1")
    assert await told(sale, "claim.sold") == 1
    assert await sale.stores.redemptions.documents.count_documents({}) == 0


async def test_orders_with_claims_come_back_from_the_database_as_they_were(sale):
    order = await place(sale, "o1", "9.90", await claim(sale))

    kept = await sale.stores.orders.get("o1")

    assert (kept.reserved, kept.quote) == (order.reserved, order.quote)


async def test_a_claim_is_for_one_order(sale):
    held = await claim(sale)
    await place(sale, "o1", "9.90", held)

    with pytest.raises(Conflict) as refusal:
        await place(sale, "o2", "9.90", held)

    assert (refusal.value.code, refusal.value.field[-1]) == ("CLAIM_USED", "claim")


async def test_another_cart_under_the_same_key_is_refused(sale):
    await place(sale, "o1", "9.90", await claim(sale))

    with pytest.raises(Conflict) as refusal:
        await place(sale, "o1", "9.90", await claim(sale, key="other"))

    assert refusal.value.code == "KEY_USED"


async def test_many_at_once_under_one_key_are_one_order(sale):
    held = await claim(sale)

    placed = await asyncio.gather(*(place(sale, "o1", "9.90", held) for _ in range(8)))

    assert len({order.attempt for order in placed}) == 1
    sale.clock.turn(minutes=1)
    await sweep(sale)
    assert await state(sale, held) is ClaimState.SOLD


async def test_of_many_orders_that_want_one_claim_one_has_it(sale):
    held = await claim(sale)

    answers = await asyncio.gather(
        *(place(sale, f"o{n}", "9.90", held) for n in range(6)), return_exceptions=True
    )

    refused = [each.code for each in answers if isinstance(each, Conflict)]
    assert refused == ["CLAIM_USED"] * 5
    (order,) = [each for each in answers if not isinstance(each, Conflict)]
    assert (await sale.stores.claims.find(held)).holder == order.attempt


async def test_a_hold_that_has_ended_is_honoured_while_any_is_left(sale):
    held = await claim(sale)
    await end_holds(sale)

    order = await place(sale, "o1", "9.90", held)

    assert order.quote.total == 990
    assert await state(sale, held) is ClaimState.SOLD


async def test_after_the_hold_nothing_is_taken_if_nothing_is_left(sale):
    held = await claim(sale)
    await end_holds(sale)
    for key in ("a", "b"):
        await claim(sale, "bob", key)

    with pytest.raises(Conflict) as refusal:
        await place(sale, "o1", "39.90", held, quantity=2, category="TEA")

    assert refusal.value.code == "SOLD_OUT"
    assert await sale.stores.orders.find("o1") is None
    assert await sale.stores.counters.documents.count_documents({"uses": {"$gt": 0}}) == 0


async def test_after_the_hold_a_sale_that_is_over_says_so(sale):
    held = await claim(sale)
    await end_holds(sale)
    await sale.publish("promotion tenth { take 10% off cart }")

    with pytest.raises(Conflict) as refusal:
        await place(sale, "o1", "9.90", held)

    assert refusal.value.code == "HOLD_ENDED"


async def test_another_price_takes_no_claim(sale):
    held = await claim(sale)

    assert isinstance(await place(sale, "o1", "30.00", held), PriceChanged)

    assert await state(sale, held) is ClaimState.HELD


async def test_what_cannot_be_had_beside_a_claim_leaves_it_held(sale):
    held = await claim(sale)
    for n in range(5):
        await place(sale, f"other-{n}", "27.00", None, category="TEA", user="bob")

    changed = await place(sale, "o1", "8.91", held, category="TEA")

    assert isinstance(changed, PriceChanged)
    assert await state(sale, held) is ClaimState.HELD


async def left_behind(shop, held, *, committed):
    """Do what an attempt does until it is killed just before, or just after, it is the order."""
    wanted = Placing(key="o1", cart=cart(held), total=Decimal("9.90"), user_id="ann")
    published = await shop.rulebook.current()
    asked = await orders.request_for(
        wanted.cart,
        "ann",
        published,
        guesser=None,
        order="o1",
        stores=shop.stores,
        now=shop.clock.now(),
    )
    quote = await orders.priced_at(asked, per_unit=True)
    order = orders._order(wanted, quote, asked, published, shop.clock)
    assert await orders._take_all(order, till(shop))
    if committed:
        assert await shop.stores.orders.commit(order)
    return order


async def test_a_claim_taken_for_an_order_that_never_came_is_held_again(sale):
    held = await claim(sale)
    order = await left_behind(sale, held, committed=False)
    assert await state(sale, held) is ClaimState.SOLD

    sale.clock.turn(seconds=31)
    await sweep(sale)

    found = await sale.stores.claims.find(held)
    assert (found.state, found.order, found.holder) == (ClaimState.HELD, None, None)
    assert await told(sale, "claim.sold") == 0
    assert not await sale.stores.orders.commit(order)  # too late
    assert (await place(sale, "o2", "9.90", held)).quote.total == 990


async def test_a_claim_whose_hold_ended_meanwhile_is_released(sale):
    held = await claim(sale)
    await left_behind(sale, held, committed=False)

    await end_holds(sale)
    await sweep(sale)

    assert await state(sale, held) is ClaimState.RELEASED
    assert await told(sale, "claim.released") == 1


async def test_an_order_whose_placer_was_killed_keeps_its_claim(sale):
    held = await claim(sale)
    await left_behind(sale, held, committed=True)

    sale.clock.turn(minutes=20)
    await sweep(sale)
    await sweep(sale)

    assert await state(sale, held) is ClaimState.SOLD
    assert await told(sale, "claim.sold") == 1


async def test_whoever_repeats_after_a_kill_gets_the_unit(sale):
    held = await claim(sale)
    await left_behind(sale, held, committed=False)

    order = await place(sale, "o1", "9.90", held)

    sale.clock.turn(seconds=31)
    await sweep(sale)
    found = await sale.stores.claims.find(held)
    assert (found.state, found.holder) == (ClaimState.SOLD, order.attempt)


async def test_what_was_confirmed_before_goes_with_its_order(sale):
    held = await claim(sale)
    parts = {"stores": sale.stores, "rulebook": sale.rulebook, "now": sale.clock.now()}
    await confirm(held, "o1", user_id=None, **parts)

    order = await place(sale, "o1", "9.90", held)

    assert (await sale.stores.claims.find(held)).holder == order.attempt
    assert (await confirm(held, "o1", user_id=None, **parts)).state is ClaimState.SOLD


async def test_cancelling_returns_the_unit_to_stock_once(sale):
    held = await claim(sale)
    await place(sale, "o1", "9.90", held)

    for _ in range(2):
        await returns.cancel("o1", till(sale))

    assert await state(sale, held) is ClaimState.RELEASED
    assert await told(sale, "claim.released") == 1


async def test_a_unit_that_is_kept_stays_sold(sale):
    held = await claim(sale)
    free = {"sku": "B", "price": "5.00"}
    lines = [*cart(held)["lines"], free]
    wanted = Placing(
        key="o1", cart={"currency": "USD", "lines": lines}, total=Decimal("14.90"), user_id="ann"
    )
    await orders.place(wanted, till(sale))

    await returns.take_back("o1", "r1", [Sent(1, 1)], till(sale))

    assert await state(sale, held) is ClaimState.SOLD


async def test_a_partial_return_gives_back_just_what_came_back(sale):
    held = await claim(sale)
    await place(sale, "o1", "69.90", held, quantity=3)

    first = await returns.take_back("o1", "r1", [Sent(0, 1)], till(sale))
    assert (first.returns[0].refund, await state(sale, held)) == (990, ClaimState.RELEASED)
    again = await claim(sale, "bob")
    rest = await returns.take_back("o1", "r2", [Sent(0, 2)], till(sale))

    assert rest.returned == 6990
    assert await state(sale, again) is ClaimState.HELD
