"""The wallet: what someone can use now, what is missing for the rest, and codes of their own."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from models.errors import NotFound
from models.offer import OfferStatus
from models.paging import Window
from models.principal import Principal, Role
from models.quote import Why
from models.unique_code import Code
from services import offers, orders
from services.orders import Placing, Till
from tests.shop import NOW
from tests.staging import once

RULES = """
segment whales { user.points >= 1000 }
promotion fifth "A fifth off tea" { take 20% off items where category = "TEA" }
promotion big "5 off from 50" {
  active from 2026-03-01 to 2026-03-31
  when cart.subtotal >= 50 USD
  take 5 USD off cart
  limit 2 per user  limit 10 total
}
promotion once { take 1 USD off cart  limit 1 per user per 7 days }
promotion whale { for user in segment whales  take 50% off cart }
promotion secret { code "SECRET"  take 3 USD off cart }
promotion own "A gift" { codes unique  take 2 USD off cart }
"""
STAFF = Principal("max", frozenset((Role.MARKETER,)), "s")
ANN = Principal("ann", frozenset((Role.CUSTOMER,)), "s")
BOB = Principal("bob", frozenset((Role.CUSTOMER,)), "s")
ALL = Window(100)


@pytest.fixture
@once
async def wallet(shop):
    await shop.publish(RULES)
    for name in ("ann", "bob"):
        await shop.person(name)
    return shop


def cart(price, *codes, quantity=1):
    line = {"sku": "A", "category": "TEA", "price": price, "quantity": quantity}
    return {"currency": "USD", "lines": [line], "codes": list(codes)}


async def listed(shop, window=ALL, of=None, caller=ANN, user="ann"):
    return await offers.offers_for(
        user,
        of,
        window,
        caller=caller,
        stores=shop.stores,
        rulebook=shop.rulebook,
        now=shop.clock.now(),
    )


async def offered(shop, of=None, caller=ANN, user="ann"):
    found = await listed(shop, ALL, of, caller, user)
    return {offer.name: offer for offer in found.page.items}


async def own_codes(shop, window=ALL, caller=ANN, user="ann"):
    return await offers.codes_for(
        user,
        window,
        caller=caller,
        stores=shop.stores,
        rulebook=shop.rulebook,
        now=shop.clock.now(),
    )


async def order(shop, key, total, of):
    till = Till(stores=shop.stores, rulebook=shop.rulebook, jobs=shop.bells, clock=shop.clock)
    wanted = Placing(key=key, cart=of, total=Decimal(total), user_id="ann")
    assert isinstance(await orders.place(wanted, till), orders.Order)


async def test_one_hears_of_what_could_be_theirs_and_of_nothing_else(wallet):
    assert set(await offered(wallet)) == {"fifth", "big", "once"}
    assert set(await offered(wallet, caller=STAFF)) == {"fifth", "big", "once"}


async def test_without_a_cart_it_is_known_what_is_missing(wallet):
    found = await offered(wallet)

    assert {name: offer.status for name, offer in found.items()} == {
        "fifth": OfferStatus.USABLE,
        "big": OfferStatus.ALMOST,
        "once": OfferStatus.USABLE,
    }
    assert found["fifth"].reason is None
    assert (found["big"].reason.code, found["big"].reason.unlock.to) == (Why.WHEN, "50.00")


async def test_with_a_cart_it_says_what_each_saves_and_what_the_cart_lacks(wallet):
    found = await offered(wallet, cart("30.00", quantity=1))

    assert (found["fifth"].status, found["fifth"].saved) == (OfferStatus.APPLIED, 600)
    assert found["big"].status is OfferStatus.ALMOST
    assert found["big"].reason.unlock.by == "20.00"
    assert list(found) == ["fifth", "once", "big"]  # what applies comes first


async def test_a_code_in_the_cart_opens_its_promotion(wallet):
    found = await offered(wallet, cart("30.00", "secret"))

    assert found["secret"].status is OfferStatus.APPLIED


async def test_it_counts_down_what_is_left(wallet):
    fresh = await offered(wallet)
    await order(wallet, "o1", "43.00", cart("60.00"))
    after = await offered(wallet)

    assert (fresh["big"].left, fresh["big"].left_in_all) == (2, 10)
    assert (after["big"].left, after["big"].left_in_all) == (1, 9)
    assert (after["once"].status, after["once"].left) == (OfferStatus.USED_UP, 0)
    assert after["once"].reason.code is Why.LIMIT
    assert (after["fifth"].left, after["fifth"].left_in_all) == (None, None)
    assert (await offered(wallet, caller=BOB, user="bob"))["once"].left == 1
    wallet.clock.turn(days=7)
    assert (await offered(wallet))["once"].status is OfferStatus.USABLE


async def test_it_says_until_when(wallet):
    found = await offered(wallet)

    assert found["big"].ends_at == datetime.fromisoformat("2026-04-01T00:00Z")
    assert found["once"].ends_at is None


async def test_customers_ask_for_themselves_and_the_shop_for_anyone(wallet):
    for ask in (offered, own_codes):
        with pytest.raises(NotFound):
            await ask(wallet, caller=BOB, user="ann")
        with pytest.raises(NotFound):
            await ask(wallet, caller=STAFF, user="nobody")
        for roles in ((Role.ANALYST,), (Role.INTEGRATOR,)):
            await ask(wallet, caller=Principal("x", frozenset(roles), "s"), user="ann")


async def test_offers_come_in_pages_in_both_directions(wallet):
    found = await listed(wallet, Window(2))
    first = found.page
    rest = (await listed(wallet, Window(2, first.items[-1].position))).page
    back = (await listed(wallet, Window(1, rest.items[0].position, backward=True))).page

    assert found.total == 3
    assert [x.name for x in first.items] == ["fifth", "once"]
    assert (first.more, [x.name for x in rest.items], rest.more) == (True, ["big"], False)
    assert ([x.name for x in back.items], back.more) == (["once"], True)


def code(name, **fields):
    return Code(code=name, **{"promotion": "own", "made_at": NOW, "user_id": "ann", **fields})


async def test_codes_of_ones_own_are_those_that_can_still_be_used(wallet):
    await wallet.stores.codes.add(
        [
            code("GOOD1", expires_at=NOW + timedelta(days=3)),
            code("GOOD2", promotion="gone"),
            code("OVER", expires_at=NOW),
            code("REVOKED", revoked_at=NOW),
            code("USED", order="o1"),
            code("ANYONES", user_id=None),
            code("BOBS", user_id="bob"),
        ]
    )

    page = await own_codes(wallet)

    assert [(own.code.code, own.title, own.is_on) for own in page.items] == [
        ("GOOD1", "A gift", True),
        ("GOOD2", None, False),
    ]
    assert await wallet.stores.codes.count_of_user("ann", NOW) == 2
    one = await own_codes(wallet, Window(1))
    assert ([own.code.code for own in one.items], one.more) == (["GOOD1"], True)
    two = await own_codes(wallet, Window(1, ("good1",)))
    assert ([own.code.code for own in two.items], two.more) == (["GOOD2"], False)


async def test_what_is_not_on_now_is_no_offer_even_with_its_code(wallet):
    await wallet.publish(RULES.replace('code "SECRET"', 'active from 2026-05-01 code "SECRET"'))

    assert "secret" not in await offered(wallet, cart("30.00", "SECRET"))
