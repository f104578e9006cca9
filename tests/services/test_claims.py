"""Flash sales on a real database: never more than there is, whoever asks how often."""

import asyncio
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from models.audit import Actor, Asked, Credential, Result, SealKeys
from models.claim import ClaimState
from models.errors import Conflict, NotFound
from models.ids import new_id
from models.paging import Window
from models.store import Stores, connect
from services import chaining, stocks
from services.claims import Claims
from services.rulebook import Rulebook
from services.selling import confirm, give_back
from tests.wire import between

KEYS = SealKeys.of("a secret for tests, long enough to sign")
SALE = """
flash_sale midnight "Midnight" {
  active from 2026-03-01 to 2026-03-10
  sku "A100" at 99 CNY stock %s
  %s
  hold 10 minutes
}
"""


@pytest.fixture
async def sale(shop):
    async def publish(stock: int = 5, limit: str = "limit 1 per user") -> Claims:
        await shop.publish(SALE % (stock, limit))
        return Claims(shop.stores, shop.rulebook)

    return publish


async def outcomes(claims, users, now, key="k"):
    return await asyncio.gather(
        *(claims.claim("midnight", key, user_id=user, now=now) for user in users),
        return_exceptions=True,
    )


def codes(results):
    return sorted({r.code for r in results if isinstance(r, Conflict)})


def held(results):
    return [r for r in results if not isinstance(r, BaseException)]


async def told(shop, kind):
    cursor = shop.stores.outbox.documents.find({"type": kind})
    return [document async for document in cursor]


async def test_the_audit_log_hears_of_a_claim_by_the_claim_once(shop, sale):
    claims, now = await sale(stock=1), shop.clock.now()
    asked = [Asked(new_id(), now, Actor(Credential.API_KEY, f"key{n}")) for n in range(3)]
    made = await claims.claim("midnight", "k", user_id="ann", now=now, asked=asked[0])
    await claims.claim("midnight", "k", user_id="ann", now=now, asked=asked[1])  # a repeat
    with pytest.raises(Conflict):
        await claims.claim("midnight", "k", user_id="bob", now=now, asked=asked[2])

    (document,) = await shop.stores.claims.documents.find().to_list()
    await stocks.look_after(now, stores=shop.stores)
    # As if whoever told had been killed just before forgetting that there was something to tell.
    await shop.stores.claims.documents.replace_one({"_id": made.id}, document)
    await chaining.link(stores=shop.stores, wall=now, keys=KEYS)
    await stocks.look_after(now, stores=shop.stores)
    await chaining.link(stores=shop.stores, wall=now, keys=KEYS)

    (entry,) = [link.entry for link in (await shop.stores.audit.page(Window(limit=9))).items]
    assert (entry.id, entry.by, entry.result) == (asked[0].id, asked[0].by, Result.DONE)
    assert (entry.operation, entry.about) == ("claimStock", ("User:ann", f"Claim:{made.id}"))
    (document,) = await shop.stores.claims.documents.find().to_list()
    assert "untold" not in document
    assert await shop.stores.audit_drafts.documents.count_documents({}) == 0


async def counts(shop):
    (stock,) = await shop.stores.stocks.all()
    return await shop.stores.claims.counts(stock["id"])


async def test_no_more_is_held_than_there_is_by_two_processes(sale, shop):
    one = await sale(20)
    two = Claims(shop.stores, shop.rulebook)
    users = [f"u{n}" for n in range(60)]

    a, b = await asyncio.gather(
        outcomes(one, users, shop.clock.now()), outcomes(two, reversed(users), shop.clock.now())
    )

    assert len({claim.id for claim in held(a) + held(b)}) == 20
    assert {claim.unit for claim in held(a) + held(b)} == set(range(20))
    assert codes(a + b) == ["SOLD_OUT"]
    assert await counts(shop) == {ClaimState.HELD: 20}


async def test_the_same_key_is_the_same_claim(sale, shop):
    claims = await sale(1)
    now = shop.clock.now()

    first, again = await outcomes(claims, ["ann", "ann"], now)
    (later,) = await outcomes(Claims(shop.stores, shop.rulebook), ["ann"], now)
    sold_out = await outcomes(claims, ["bob", "ann"], now)

    assert first.id == again.id == later.id == sold_out[1].id
    assert codes(sold_out) == ["SOLD_OUT"]


@pytest.mark.parametrize(("fresh", "given"), [(60, 0), (0, 1)])
async def test_who_has_seen_the_sell_out_looks_again_only_after_a_while(sale, shop, fresh, given):
    await sale(1)
    claims, now = Claims(shop.stores, shop.rulebook, fresh=fresh), shop.clock.now()
    assert held(await outcomes(claims, ["ann"], now))
    assert codes(await outcomes(claims, ["bob"], now)) == ["SOLD_OUT"]

    await shop.stores.claims.documents.delete_many({})

    # Not of ann, who would be told of her own claim.
    assert len(held(await outcomes(claims, ["bob", "cy"], now))) == given


async def test_a_thousand_refusals_send_nothing_to_the_database(sale, shop, mongodb_uri):
    await sale(3)
    now = shop.clock.now()
    async with between(urlsplit(mongodb_uri).port) as wire:
        database = connect(wire.uri, shop.stores.claims.database.name)
        stores = Stores.over(database)
        claims = Claims(stores, Rulebook(stores, fresh=60), fresh=60)
        await outcomes(claims, [f"u{n}" for n in range(4)], now)
        assert "insert claims" in wire.asked
        wire.asked.clear()

        refused = await outcomes(claims, [f"late{n}" for n in range(1_000)], now)

        database.client.close()
    assert (len(held(refused)), codes(refused)) == (0, ["SOLD_OUT"])
    assert wire.asked == []


@pytest.mark.parametrize(("limit", "most"), [("limit 1 per user", 1), ("limit 3 per user", 3)])
async def test_a_limit_per_user_is_kept(sale, shop, limit, most):
    claims = await sale(50, limit)
    now = shop.clock.now()

    results = await asyncio.gather(
        *(claims.claim("midnight", f"k{n}", user_id="ann", now=now) for n in range(10)),
        return_exceptions=True,
    )

    assert len(held(results)) == most
    assert codes(results) == ["LIMIT_REACHED"]


async def test_a_limit_over_a_time_lets_go_of_what_is_long_ago(sale, shop):
    claims = await sale(50, "limit 1 per user per 1 hours")
    now = shop.clock.now()
    (first,) = await outcomes(claims, ["ann"], now, "a")
    await confirm(
        first.id, "o1", user_id="ann", stores=shop.stores, rulebook=shop.rulebook, now=now
    )

    (soon,) = await outcomes(claims, ["ann"], now + timedelta(minutes=59), "b")
    (later,) = await outcomes(claims, ["ann"], now + timedelta(minutes=60), "c")

    assert soon.code == "LIMIT_REACHED"
    assert later.state is ClaimState.HELD


async def test_a_total_limit_is_part_of_the_stock(sale, shop):
    claims = await sale(50, "limit 2 total")

    results = await outcomes(claims, ["a", "b", "c"], shop.clock.now())

    assert len(held(results)) == 2


async def test_a_hold_that_ends_returns_to_stock(sale, shop):
    claims = await sale(1)
    await outcomes(claims, ["ann", "bob"], shop.clock.now())
    await stocks.look_after(shop.clock.now(), stores=shop.stores)
    assert len(await told(shop, "stock.sold_out")) == 1

    shop.clock.turn(minutes=10)
    await stocks.look_after(shop.clock.now(), stores=shop.stores)
    await stocks.look_after(shop.clock.now(), stores=shop.stores)

    assert await counts(shop) == {}
    assert len(await told(shop, "claim.held")) == 1
    assert len(await told(shop, "claim.released")) == 1
    assert len(await told(shop, "stock.available")) == 1
    (bob,) = await outcomes(Claims(shop.stores, shop.rulebook), ["bob"], shop.clock.now(), "k2")
    assert bob.state is ClaimState.HELD


async def test_an_order_confirms_a_claim_once(sale, shop):
    claims = await sale(1)
    (claim,) = await outcomes(claims, ["ann"], shop.clock.now())
    parts = {"stores": shop.stores, "rulebook": shop.rulebook, "now": shop.clock.now()}

    first = await confirm(claim.id, "o1", user_id="ann", **parts)
    again = await confirm(claim.id, "o1", user_id="ann", **parts)

    assert first.state is again.state is ClaimState.SOLD
    assert first.version == again.version
    with pytest.raises(Conflict, match="ordered already"):
        await confirm(claim.id, "o2", user_id="ann", **parts)
    with pytest.raises(NotFound):
        await confirm(claim.id, "o1", user_id="bob", **parts)
    shop.clock.turn(minutes=20)
    await stocks.look_after(shop.clock.now(), stores=shop.stores)
    assert await counts(shop) == {ClaimState.SOLD: 1}

    await give_back(claim.id, "o1", stores=shop.stores, now=shop.clock.now())
    assert await counts(shop) == {}


async def test_an_order_after_the_hold_is_honoured_while_stock_is_left(sale, shop):
    claims = await sale(2)
    ann, bob = await outcomes(claims, ["ann", "bob"], shop.clock.now())
    shop.clock.turn(minutes=11)
    await stocks.look_after(shop.clock.now(), stores=shop.stores)
    await outcomes(Claims(shop.stores, shop.rulebook), ["cy"], shop.clock.now())
    parts = {"stores": shop.stores, "rulebook": shop.rulebook, "now": shop.clock.now()}

    late = await confirm(ann.id, "o1", user_id="ann", **parts)
    with pytest.raises(Conflict) as refusal:
        await confirm(bob.id, "o2", user_id="bob", **parts)

    assert late.state is ClaimState.SOLD
    assert refusal.value.code == "SOLD_OUT"


async def test_claims_are_refused_outside_the_sale(sale, shop):
    claims = await sale()
    shop.clock.turn(days=30)

    assert codes(await outcomes(claims, ["ann"], shop.clock.now())) == ["NOT_ACTIVE"]
    with pytest.raises(NotFound):
        await claims.claim("noon", "k", user_id="ann", now=shop.clock.now())


async def test_what_is_left_can_be_followed(sale, shop):
    claims = await sale(3)
    following = claims.follow("midnight")

    assert (await anext(following)).free == 3
    await outcomes(claims, ["ann", "bob"], shop.clock.now())
    stock = await asyncio.wait_for(anext(following), 60)
    await following.aclose()

    assert (stock.initial, stock.held, stock.sold, stock.free) == (3, 2, 0, 1)


@pytest.mark.parametrize(
    ("active", "says"),
    [
        ("active from 2026-03-05T20:00", "begins on 2026-03-05 at 20:00 (UTC)."),
        (
            'active from 2026-01-01T00:00 to 2026-02-01T10:00 in "Asia/Shanghai"',
            "was over on 2026-02-01 at 10:00 (Asia/Shanghai).",
        ),
        (
            "active from 2026-01-01  active every friday 17:00 to 19:00",
            "is on every friday from 17:00 to 19:00 (UTC) only.",
        ),
    ],
)
async def test_who_comes_at_the_wrong_time_is_told_the_right_one(shop, active, says):
    await shop.publish(f'flash_sale rush "Rush" {{ {active}  sku "A" at 9 USD stock 1 }}')

    with pytest.raises(Conflict) as refused:
        await Claims(shop.stores, shop.rulebook).claim(
            "rush", "k", user_id="ann", now=shop.clock.now()
        )

    assert (refused.value.code, refused.value.message) == ("NOT_ACTIVE", f"Rush {says}")


async def test_who_has_what_one_may_have_is_told_how_much_that_is(sale, shop):
    claims = await sale(5, "limit 1 per user per 7 days")
    await outcomes(claims, ["ann"], shop.clock.now())

    (refused,) = await outcomes(claims, ["ann"], shop.clock.now(), key="another")

    assert (
        refused.message
        == "One person may have 1 within 7 days of Midnight, and you have that many."
    )
