"""Counts of reports against a shop in which it is known what happened."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
from bson.codec_options import CodecOptions
from motor.motor_asyncio import AsyncIOMotorClient

from models.errors import Invalid, Unavailable
from models.feed import Block, FeedEntry
from models.paging import EVER, Span
from models.report import Count, Part, Series
from models.store import Stores
from models.user import Consent
from services import orders, returns, sequencer, tracking
from services.orders import Placing, Till
from services.reporting import checking, reports, rollup
from services.returns import Sent
from tests.shop import NOW, event
from tests.staging import once
from tests.wire import between

RULES = """
campaign spring { goal order_placed where total >= 10 USD within 3 days  holdout 50% }
event cart_updated { total: money USD }
trigger greet { on cart_updated
  then {
    send email "greet" as hello
    wait 1 hours unless order_placed
    send sms "nudge" as nudge
  }
}
promotion ten { when cart.subtotal >= 10 USD  take 10% off cart }
"""
PEOPLE = [f"p{number}" for number in range(12)]


async def sequence(shop):
    head = await sequencer.read_head(stores=shop.stores)
    waiting = 1
    while waiting:
        head, waiting = await sequencer.step(head, stores=shop.stores, wall=shop.clock.wall())


async def count(shop):
    await sequence(shop)
    return await rollup.follow(stores=shop.stores)


async def campaign_of(shop):
    (campaign,) = (await shop.stores.campaigns.find_keys(["file-1"])).values()
    return campaign.id


async def report(shop, since=None, until=None):
    rows = await reports.of_campaign(
        await campaign_of(shop), Span(since, until), stores=shop.stores
    )
    return {(row.series.part, row.series.name, row.series.step): dict(row.counts) for row in rows}


async def everything(shop):
    rows = await reports.of_campaign(await campaign_of(shop), EVER, stores=shop.stores)
    return {row.series: dict(row.counts) for row in rows}


def placing(key, user, total, *, price="20.00", quantity=2):
    line = {"sku": "A", "price": price, "quantity": quantity}
    cart = {"currency": "USD", "lines": [line], "shipping": "4.00"}
    return Placing(key=key, cart=cart, total=Decimal(total), user_id=user)


@pytest.fixture
@once
async def busy(shop):
    """Twelve people with full carts, of whom some are held out; four of the others buy."""
    await shop.template("greet")
    await shop.template("nudge", subject="", channel="sms")
    await shop.publish(RULES)
    for place, name in enumerate(PEOPLE):
        agreed = Consent(email=place % 4 > 0, sms=True, tracking=True)
        await shop.person(name, phone="+43660000000", consent=agreed)
    await shop.tell(*(event("cart_updated", f"c-{n}", user=n, total="20") for n in PEOPLE))
    await shop.work()
    held = {run["user"] async for run in shop.stores.runs.documents.find({"reason": "held_out"})}
    buyers = [name for name in PEOPLE if name not in held][:4]
    till = Till(stores=shop.stores, rulebook=shop.rulebook, jobs=shop.bells, clock=shop.clock)
    shop.clock.turn(minutes=30)
    for name in buyers:
        await orders.place(placing(f"o-{name}", name, "40.00"), till)
    for name in sorted(held)[:1]:
        await orders.place(placing(f"o-{name}", name, "44.00"), till)
    await orders.place(placing("o-guest", None, "9.00", price="5.00", quantity=1), till)
    await shop.work()
    shop.clock.turn(hours=2)
    await shop.work()
    await returns.take_back(f"o-{buyers[0]}", "r", [Sent(0, 1)], till)
    await returns.cancel(f"o-{buyers[0]}", till)
    await returns.cancel(f"o-{buyers[1]}", till)
    sent = await shop.stores.effects.documents.find({"state": "sent", "channel": "email"}).to_list()
    await tracking.note_open(sent[0]["_id"], stores=shop.stores, now=shop.clock.now())
    await tracking.note_open(sent[0]["_id"], stores=shop.stores, now=shop.clock.now())
    await tracking.note_click(sent[0]["_id"], "x", stores=shop.stores, now=shop.clock.now())
    await shop.work()
    return held


async def test_a_report_says_what_happened(shop, busy):
    await count(shop)

    held, rest = len(busy), len(PEOPLE) - len(busy)
    assert 0 < held < len(PEOPLE)
    found = await report(shop)
    silent = sum(place % 4 == 0 and name not in busy for place, name in enumerate(PEOPLE))
    assert found[Part.CAMPAIGN, "", ""] == {Count.PEOPLE: rest}
    assert found[Part.JOURNEY, "greet", ""] == {
        Count.STARTED: rest,
        Count.HELD_OUT: held,
        Count.EXITED: 4,
        Count.FINISHED: rest - 4,
        Count.CONVERTED: 4,
        Count.HELD_OUT_CONVERTED: 1,
    }
    assert found[Part.MESSAGE, "greet", "hello"] == {
        Count.SENT: rest - silent,
        Count.SKIPPED: silent,
        Count.OPENED: 1,
        Count.CLICKED: 1,
    }
    assert sum(found[Part.MESSAGE, "greet", "nudge"].values()) == rest - 4
    assert found[Part.PROMOTION, "ten", ""] == {
        Count.REDEMPTIONS: 4,
        Count.DISCOUNT: 4 * 400,
        Count.GIVEN_BACK: 2 * 400,
    }
    assert found[Part.SALES, "", ""] == {
        Count.ORDERS: 4,
        Count.CANCELLED: 2,
        Count.REVENUE: 4 * 4_000,
        Count.REFUNDED: 2 * 4_000,
    }


async def test_it_is_by_the_hour_and_hours_make_up_the_whole(shop, busy):
    await count(shop)
    whole = await report(shop)

    first = await report(shop, NOW, NOW + timedelta(hours=1))
    later = await report(shop, NOW + timedelta(hours=1), NOW + timedelta(days=3))
    before = await report(shop, until=NOW)
    days = await report(shop, NOW - timedelta(days=3, hours=5), NOW + timedelta(days=3, hours=5))

    assert before == {}
    assert first[Part.CAMPAIGN, "", ""][Count.PEOPLE] == len(PEOPLE) - len(busy)
    assert first[Part.SALES, "", ""] == {Count.ORDERS: 4, Count.REVENUE: 16_000}
    assert later[Part.SALES, "", ""] == {Count.CANCELLED: 2, Count.REFUNDED: 8_000}
    assert days == whole
    for key, counts in whole.items():
        parts = first.get(key, {}), later.get(key, {})
        assert counts == {each: sum(part.get(each, 0) for part in parts) for each in counts}
    with pytest.raises(Invalid, match="by the hour"):
        await report(shop, NOW + timedelta(minutes=1))
    with pytest.raises(Invalid, match="ends before"):
        await report(shop, NOW, NOW)


async def test_adding_again_adds_nothing_also_by_several_at_once(shop, busy, monkeypatch):
    monkeypatch.setattr(sequencer, "BLOCK", 5)
    assert await count(shop) > 5
    whole = await everything(shop)
    assert {series.part for series in whole} == set(Part) - {Part.PROMOTION_ARM}
    assert await rollup.follow(stores=shop.stores) == 0

    for together in (1, 2, 20):
        monkeypatch.setattr(rollup, "BLOCKS", together)
        for store in (shop.stores.metrics, shop.stores.reached, shop.stores.positions):
            await store.documents.delete_many({})
        await asyncio.gather(*(rollup.follow(stores=shop.stores) for _ in range(4)))

        assert await everything(shop) == whole


async def test_cut_off_after_any_write_it_counts_each_thing_once(
    shop, busy, database, mongodb_uri, monkeypatch
):
    monkeypatch.setattr(sequencer, "BLOCK", 10)
    monkeypatch.setattr(rollup, "BLOCKS", 2)
    await sequence(shop)
    async with between(urlsplit(mongodb_uri).port) as wire:
        client = AsyncIOMotorClient(wire.uri, retryWrites=False, retryReads=False)
        cut = client.get_database(database.name, codec_options=CodecOptions(tz_aware=True))
        wholes = []
        for number in range(1, 90):
            for store in (shop.stores.metrics, shop.stores.reached, shop.stores.positions):
                await store.documents.delete_many({})
            wire.arm(number, before=False, strike=lambda: None)
            with suppress(Unavailable):
                await rollup.follow(stores=Stores.over(cut))
            struck = wire.struck
            wire.at = 0
            await rollup.follow(stores=shop.stores)
            wholes.append(await everything(shop))
            if not struck:
                break
        await asyncio.to_thread(client.close)
    assert struck is False
    assert number > 10
    assert all(whole == wholes[0] for whole in wholes)


async def test_verify_finds_counts_that_are_not_what_the_feed_tells(shop, busy):
    await count(shop)
    assert (await checking.check(stores=shop.stores))[1] == []

    await shop.stores.metrics.documents.update_one(
        {"part": "sales", "unit": "ever"}, {"$inc": {"counts.orders": 1}}
    )

    looked_at, problems = await checking.check(stores=shop.stores)
    assert looked_at == "8 series"
    assert problems == [
        f"{await campaign_of(shop)} sales USD: 5 orders are counted, the feed tells of 4"
    ]


async def test_people_count_once_for_a_campaign_however_often_and_by_whatever_trigger(shop):
    for number, hours in enumerate((0, 1, 30), start=1):
        at = NOW + timedelta(hours=hours)
        told = tuple(
            FeedEntry(f"{number}-{user}", "run.started", at, "c", user, {"trigger": f"t{number}"})
            for user in ("ann", f"new{number}")
        )
        await shop.stores.feed.append(Block(number, 2 * number - 1, told, NOW))
    await rollup.follow(stores=shop.stores)

    async def people(span):
        rows = (await shop.stores.metrics.of(["c"], span))["c"]
        return next((r[Count.PEOPLE] for r in rows if r.series == Series("c", Part.CAMPAIGN)), 0)

    assert await people(EVER) == 4
    assert await people(Span(NOW, NOW + timedelta(hours=1))) == 2
    assert await people(Span(NOW + timedelta(hours=1), None)) == 2
    assert await people(Span(None, NOW + timedelta(hours=2))) == 3


async def test_a_journey_that_goes_on_for_long_is_told_once(shop):
    """The feed knows for thirty days what it has told; a goal may be reached long before an end."""
    rules = RULES.replace("holdout 50%", "").replace(
        "wait 1 hours unless order_placed", "wait 50 days"
    )
    await shop.template("greet")
    await shop.template("nudge", subject="", channel="sms")
    await shop.publish(rules)
    await shop.person()
    await shop.tell(event("cart_updated", "c", total="20"))
    await shop.work()
    await shop.tell(event("order_placed", "o", order_id="o", total="20"))
    await shop.work()
    await count(shop)
    shop.clock.turn(days=51)
    await sequence(shop)
    await shop.stores.feed.append(Block(9, 999, (FeedEntry("x", "run.x", NOW),), shop.clock.wall()))
    await shop.stores.feed.prune(shop.clock.wall() - sequencer.RETENTION)

    await shop.work()
    await count(shop)

    found = await report(shop)
    assert found[Part.JOURNEY, "greet", ""] == {
        Count.STARTED: 1,
        Count.CONVERTED: 1,
        Count.FINISHED: 1,
    }


async def test_whoever_saw_less_than_another_has_planned_adds_all_of_that(shop, monkeypatch):
    async def tell(number):
        entry = FeedEntry(f"{number}", "run.started", NOW, "c", "ann", {"trigger": "t"})
        await shop.stores.feed.append(Block(number, number, (entry,), NOW))

    positions = shop.stores.positions
    plan = positions.plan

    async def late(reader, seq, upto):
        monkeypatch.setattr(positions, "plan", plan)
        await tell(2)
        assert await plan(reader, seq, 2)  # by one that is killed then
        return await plan(reader, seq, upto)

    monkeypatch.setattr(positions, "plan", late)
    await tell(1)
    await rollup.follow(stores=shop.stores)

    (rows,) = (await shop.stores.metrics.of(["c"], EVER)).values()
    started = [row.counts.get(Count.STARTED) for row in rows if row.series.part is Part.JOURNEY]
    assert started == [2]
