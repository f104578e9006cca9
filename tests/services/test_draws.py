"""Lotteries on a real database, from the first entry to what anyone can check."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from channels.drand import Drand
from devserver.beacon import running
from engine import draws as engine
from models.beacon import Chain
from models.draw import DrawState
from models.errors import NotFound
from services import draws
from tests.shop import event

LOTTERY = """
promotion ten_off { codes unique  take 10%% off cart }
lottery lucky "Lucky" {
  active from 2026-03-01 to 2026-03-10
  enter on order_placed where total >= 30 USD
  %s
  draw at 2026-03-12T12:00
  prize "Phone" quantity 1
  prize "Ten off" quantity 2 grants ten_off
}
"""


@pytest.fixture
async def lottery(shop):
    async def publish(limit: str = ""):
        await shop.publish(LOTTERY % limit)
        for name in ("ann", "bob", "cy", "dan", "eve"):
            await shop.person(name)
        return shop

    return publish


async def look(shop, beacon=None):
    await draws.look_after(
        await shop.rulebook.current(),
        stores=shop.stores,
        now=shop.clock.now(),
        wall=shop.clock.wall(),
        beacon=beacon,
    )


async def only(shop):
    (draw,) = await shop.stores.draws.latest(10)
    return draw


async def order(shop, user, id, total="40.00"):
    await shop.tell(event("order_placed", id, user, total=total, order_id=id, items=[]))
    await shop.work()


async def run_out(shop, beacon=None):
    """Let the draw's time come, as the scheduler sees it pass."""
    shop.clock.turn(days=9)
    await look(shop, beacon)
    shop.clock.turn(seconds=5)
    await look(shop, beacon)
    shop.clock.turn(days=2)
    await look(shop, beacon)


async def told(shop, kind):
    return [each async for each in shop.stores.outbox.documents.find({"type": kind})]


async def codes_of(shop, draw):
    return [each async for each in shop.stores.codes.documents.find({"batch": draw.id})]


async def test_a_lottery_is_entered_closed_and_drawn(lottery):
    shop = await lottery()
    await look(shop)
    for name in ("ann", "bob", "cy", "dan"):
        await order(shop, name, f"order-{name}")
    await order(shop, "eve", "small", total="29.99")

    opened = await only(shop)
    assert opened.state is DrawState.OPEN
    before = (await draws.check(opened.id, stores=shop.stores)).record
    assert (before["secret"], before["tickets"], before["root"]) == (None, [], None)

    await run_out(shop)

    draw = await only(shop)
    assert (draw.state, draw.entries, len(draw.winners)) == (DrawState.DRAWN, 4, 3)
    after = (await draws.check(draw.id, stores=shop.stores)).record
    assert after["commitment"] == before["commitment"]
    assert after["trust"] == "operator"
    assert engine.problems(after) == []
    assert len(await told(shop, "prize.won")) == 3
    winners = {won.ticket: won for won in draw.winners}
    owners = await shop.stores.entries.of_tickets(draw.id, list(winners))
    granted = {code["user"] for code in await codes_of(shop, draw)}
    assert granted == {owners[t].user_id for t, won in winners.items() if won.prize == 1}

    (receipt,) = await draws.receipts(draw.id, "ann", stores=shop.stores)
    entry = receipt.entry
    assert entry.ticket == engine.ticket_of(draw.id, "ann", entry.source, entry.nonce)
    assert engine.leads_to(entry.ticket, receipt.proof, draw.root)


async def test_an_event_enters_once_however_often_it_is_worked_on(lottery):
    shop = await lottery("limit 2 entries per user")
    await order(shop, "ann", "one")
    await shop.stores.events.documents.update_many({}, {"$set": {"pending": True}})
    await shop.work()
    await order(shop, "ann", "one")
    assert len(await draws.receipts((await only(shop)).id, "ann", stores=shop.stores)) == 1

    for number in range(4):
        await order(shop, "ann", f"more-{number}")

    assert len(await draws.receipts((await only(shop)).id, "ann", stores=shop.stores)) == 2


async def test_nothing_is_entered_after_the_end_and_late_work_before_it_still_is(lottery):
    shop = await lottery()
    await look(shop)
    await shop.tell(event("order_placed", "in", "ann", total="40.00", order_id="in", items=[]))
    shop.clock.turn(days=9)
    await look(shop)
    assert (await only(shop)).state is DrawState.OPEN  # an event from before waits

    await shop.work()
    await look(shop)
    await order(shop, "bob", "after")
    shop.clock.turn(seconds=5)
    await look(shop)

    draw = await only(shop)
    assert (draw.state, draw.entries) == (DrawState.CLOSED, 1)


async def test_a_lottery_without_an_end_is_over_with_its_draw(shop):
    await shop.publish((LOTTERY % "").replace(" to 2026-03-10", ""))
    await shop.person("ann")
    await order(shop, "ann", "before")
    shop.clock.turn(days=20)
    await order(shop, "ann", "after")

    assert len(await draws.receipts((await only(shop)).id, "ann", stores=shop.stores)) == 1


async def test_what_was_committed_to_stands_when_rules_change(lottery):
    shop = await lottery()
    await look(shop)
    first = await only(shop)

    await shop.publish((LOTTERY % "").replace("quantity 1", "quantity 5"))
    await look(shop)

    assert (await only(shop)).commitment == first.commitment
    assert (await only(shop)).prizes[0].quantity == 1


async def test_schedulers_at_once_draw_the_same_once(lottery):
    shop = await lottery()
    await asyncio.gather(*(look(shop) for _ in range(4)))
    for name in ("ann", "bob", "cy", "dan"):
        await order(shop, name, f"order-{name}")
    for length in ({"days": 9}, {"seconds": 6}, {"days": 3}, {"days": 1}):
        shop.clock.turn(**length)
        await asyncio.gather(*(look(shop) for _ in range(4)))

    draw = await only(shop)
    assert (await draws.check(draw.id, stores=shop.stores)).problems == []
    assert len(await told(shop, "draw.drawn")) == 1
    assert len(await told(shop, "prize.won")) == 3
    assert len(await codes_of(shop, draw)) == 2


@pytest.fixture
def beacon():
    """A beacon that began an hour before the draw: its rounds are of the past, as the wall goes."""
    with running(genesis=int(datetime(2026, 3, 12, 11, tzinfo=UTC).timestamp())) as served:
        yield served


def drand(served, **changed) -> Drand:
    return Drand(
        replace(Chain(served.url, served.hash, served.genesis, served.period), **changed), pause=0
    )


async def enter_two(shop, beacon):
    await look(shop, beacon)
    for name in ("ann", "bob"):
        await order(shop, name, f"order-{name}")


async def test_a_draw_is_promised_to_a_round_after_it_and_drawn_with_what_that_says(
    lottery, beacon
):
    shop, client = await lottery(), drand(beacon)
    await enter_two(shop, client)
    opened = await only(shop)
    promised = opened.promise["beacon"]
    assert opened.spoken_at == opened.draw_at + draws.LEAD
    assert beacon.asked == []  # opening asks nobody

    for length in ({"days": 9}, {"seconds": 5}, {"days": 1}):
        shop.clock.turn(**length)
        await look(shop, client)
    assert (await only(shop)).state is DrawState.CLOSED
    assert beacon.asked == []  # its time has not come
    shop.clock.turn(seconds=30)
    await look(shop, client)

    draw = await only(shop)
    record = (await draws.check(draw.id, stores=shop.stores)).record
    said = beacon.answer(f"public/{promised['round']}")
    assert record["trust"] == "beacon"
    assert record["beacon"].items() >= said.items()
    assert engine.problems(record) == []


async def test_a_draw_waits_for_a_beacon_that_is_away_and_says_so(lottery, beacon, caplog):
    shop, client = await lottery(), drand(beacon)
    await enter_two(shop, client)
    beacon.away = True
    await run_out(shop, client)
    shop.clock.turn(days=1)

    await look(shop, client)
    await look(shop, client)

    draw = await only(shop)
    assert (draw.state, draw.winners) == (DrawState.CLOSED, ())
    assert "answers 404" in draw.waiting
    (entry,) = await told(shop, "draw.waiting")
    assert entry["data"]["reason"] == draw.waiting
    assert caplog.text.count(f"the draw {draw.id} waits") == 1

    beacon.away = False
    await look(shop, client)

    drawn = await only(shop)
    assert (drawn.state, drawn.waiting) == (DrawState.DRAWN, None)
    assert len(await told(shop, "draw.drawn")) == 1


async def test_no_other_beacon_and_none_at_all_will_do(lottery, beacon):
    shop, client = await lottery(), drand(beacon)
    await enter_two(shop, client)
    await run_out(shop, drand(beacon, hash="00" * 32))
    await look(shop, None)

    draw = await only(shop)
    assert draw.state is DrawState.CLOSED
    assert "not the one that is set up" in draw.waiting


async def test_tickets_published_after_the_beacon_spoke_make_the_operator_trusted(lottery, beacon):
    shop, client = await lottery(), drand(beacon)
    await enter_two(shop, client)
    shop.clock.turn(days=20)  # nobody was there to close it in time
    for _ in range(3):
        await look(shop, client)
        shop.clock.turn(minutes=1)

    draw = await only(shop)
    record = (await draws.check(draw.id, stores=shop.stores)).record
    assert (draw.state, record["trust"]) == (DrawState.DRAWN, "operator")


async def test_an_entry_that_comes_before_the_scheduler_promises_the_same_beacon(lottery, beacon):
    shop = await lottery()
    shop.lanes = replace(shop.lanes, chain=drand(beacon).chain)
    await order(shop, "ann", "first")

    assert (await only(shop)).promise["beacon"]["chain"] == beacon.hash


async def test_a_draw_that_does_not_exist_is_not_found(shop):
    with pytest.raises(NotFound):
        await draws.see("none", stores=shop.stores)
