"""Lotteries on a real database, from the first entry to what anyone can check."""

import asyncio

import pytest

from engine import draws as engine
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


class Beacon:
    name = "test beacon"

    def __init__(self):
        self.known = {}

    def round_at(self, at):
        return int(at.timestamp()) // 30

    async def value(self, number):
        return self.known.get(number)


async def test_a_draw_with_a_beacon_waits_for_its_value(lottery):
    shop, beacon = await lottery(), Beacon()
    await look(shop, beacon)
    for name in ("ann", "bob"):
        await order(shop, name, f"order-{name}")
    await run_out(shop, beacon)
    draw = await only(shop)
    assert draw.state is DrawState.CLOSED

    beacon.known[beacon.round_at(draw.draw_at)] = b"\x07" * 32
    shop.clock.turn(seconds=30)
    await look(shop, beacon)

    record = (await draws.check((await only(shop)).id, stores=shop.stores)).record
    assert (record["trust"], record["beacon_value"]) == ("beacon", "07" * 32)
    assert engine.problems(record) == []


async def test_a_draw_that_does_not_exist_is_not_found(shop):
    with pytest.raises(NotFound):
        await draws.see("none", stores=shop.stores)
