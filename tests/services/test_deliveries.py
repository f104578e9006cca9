"""Webhooks that follow the feed: every entry they want arrives, whoever fails meanwhile."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from channels.roads import Roads
from channels.web import Client
from channels.webhook import Webhook as Outlet
from channels.webhook import signed
from devserver.web import Manner, running
from models.delivery import PAUSES, DeliveryState, wants
from models.errors import Conflict, Invalid
from models.feed import Block, FeedEntry
from models.paging import Window
from schema.told import as_told
from services import deliveries, webhooks
from services.deliveries import Couriers
from services.jobs import Job
from tests.shop import NOW
from tests.waiting import until


class Follower:
    """A shop whose CRM follows orders, and the worker that serves it."""

    def __init__(self, shop, web, couriers: Couriers) -> None:
        self.shop, self.web, self.couriers = shop, web, couriers
        self.seq = 0

    async def happen(self, *types: str) -> None:
        """Append entries to the feed, as one block."""
        entries = tuple(
            FeedEntry(f"e{self.seq + place}", told, NOW, user_id="ann", data={"n": place})
            for place, told in enumerate(types, 1)
        )
        last = await self.shop.stores.feed.find_last()
        number = last.number + 1 if last else 1
        assert await self.shop.stores.feed.append(Block(number, self.seq + 1, entries, NOW))
        self.seq += len(types)

    async def serve(self, **later: float) -> None:
        """Spread what is new and deliver what is due, after a while if one is given."""
        self.shop.clock.real += timedelta(**later)
        await deliveries.spread(
            stores=self.shop.stores, jobs=self.shop.bells, wall=self.shop.clock.wall()
        )
        for name in self.shop.bells.take(Job.SERVE_WEBHOOK):
            self.couriers.serve(name)
        await self.couriers.idle()

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(received.body) for received in self.web.received]

    async def log(self, state: DeliveryState | None = None):
        page = await self.shop.stores.deliveries.page(Window(limit=50), webhook="crm", state=state)
        return page.items


@pytest.fixture
async def crm(shop, web) -> AsyncIterator[Follower]:
    client = Client(private=True, total=60)
    await webhooks.create(
        "crm", web.url, events=["order.*"], stores=shop.stores, now=NOW, private=True
    )
    async with Couriers(shop.stores, shop.clock, Outlet(client), as_told, Roads(1000)) as couriers:
        follower = Follower(shop, web, couriers)
        await follower.serve()  # from here on it follows
        yield follower
    await client.close()


async def test_what_a_webhook_follows_arrives_signed_and_in_full(crm):
    await crm.happen("order.placed", "run.started", "order.cancelled")

    await crm.serve()

    placed, cancelled = sorted(crm.told(), key=lambda each: each["cursor"])
    assert (placed["type"], cancelled["type"]) == ("order.placed", "order.cancelled")
    assert placed["timestamp"] == "2026-03-02T12:00:00Z"
    assert (placed["cursor"], placed["data"]) == ("1", {"n": 1})
    received = crm.web.received[0]
    webhook = await crm.shop.stores.webhooks.get("crm")
    proof = signed(
        received.headers["webhook-id"], crm.shop.clock.wall(), received.body, webhook.keys(NOW)
    )
    assert received.headers["webhook-signature"] == proof["webhook-signature"]


async def test_what_the_shop_calls_the_person_is_told_as_well(crm):
    await crm.shop.stores.identities.link_external("C-1017", "ann")
    await crm.shop.stores.identities.link_external("B-9", "bob")
    await crm.happen("order.placed")
    await crm.serve()
    about_nobody = FeedEntry("n1", "order.placed", NOW)
    assert await crm.shop.stores.feed.append(Block(2, crm.seq + 1, (about_nobody,), NOW))
    await crm.serve()

    assert [each["userExternalIds"] for each in crm.told()] == [["C-1017"], []]


async def test_nothing_from_before_it_followed_is_told(shop, web, crm):
    await crm.happen("order.placed")
    await webhooks.create("late", web.url, events=["*"], stores=shop.stores, now=NOW, private=True)
    await crm.serve()
    web.received.clear()

    await crm.happen("order.cancelled")
    await crm.serve()

    assert [each["type"] for each in crm.told()] == ["order.cancelled"] * 2


async def test_spreading_again_and_serving_at_once_tells_nothing_twice(crm):
    await crm.happen(*["order.placed"] * 30)
    rewound = crm.shop.stores.positions

    await crm.serve()
    await rewound.rewind("webhook:crm", 0)  # as if killed before the position was written
    await asyncio.gather(crm.serve(), crm.serve())

    assert sorted(int(each["cursor"]) for each in crm.told()) == list(range(1, 31))


@pytest.mark.parametrize("manner", [Manner.HANGS_UP, Manner.PLAIN])
async def test_what_fails_is_tried_again_with_the_same_id_after_growing_pauses(crm, manner):
    crm.web.manner, crm.web.status = manner, 500
    await crm.happen("order.placed")

    await crm.serve()
    for pause in PAUSES[:3]:
        await crm.serve(seconds=pause.total_seconds() * 0.79)  # too early
        await crm.serve(seconds=pause.total_seconds() * 0.42)
    crm.web.manner, crm.web.status = Manner.PLAIN, 200
    await crm.serve(seconds=PAUSES[3].total_seconds() * 1.21)

    assert len(crm.web.received) == 5
    assert len({received.headers["webhook-id"] for received in crm.web.received}) == 1
    (delivery,) = await crm.log()
    assert (delivery.state, delivery.failures) == (DeliveryState.DELIVERED, 4)


async def test_after_the_last_failure_the_webhook_is_disabled_and_that_is_told(crm):
    crm.web.status = 500
    await crm.happen("order.placed")
    await crm.serve()

    for pause in PAUSES:
        await crm.serve(seconds=pause.total_seconds() * 1.21)

    (delivery,) = await crm.log(DeliveryState.FAILED)
    assert delivery.tries == len(PAUSES) + 1
    assert not (await crm.shop.stores.webhooks.get("crm")).enabled
    (entry,) = await crm.shop.stores.outbox.waiting(9)
    assert (entry.type, entry.data["reason"]) == ("webhook.disabled", "it answered 500")


async def test_who_answers_410_is_not_called_again(crm):
    crm.web.status = 410
    await crm.happen("order.placed")

    await crm.serve()

    assert not (await crm.shop.stores.webhooks.get("crm")).enabled


async def test_while_disabled_the_feed_waits_and_goes_on_afterwards(crm):
    stores = crm.shop.stores
    await webhooks.update("crm", enabled=False, stores=stores, private=True)
    await crm.happen("order.placed")
    await crm.serve()
    assert crm.told() == []

    await webhooks.update("crm", enabled=True, stores=stores, private=True)
    await crm.serve()

    assert [each["cursor"] for each in crm.told()] == ["1"]


async def test_a_replay_tells_everything_after_a_cursor_once_more(crm):
    await crm.happen("order.placed", "order.placed", "order.placed")
    await crm.serve()
    before = {received.headers["webhook-id"] for received in crm.web.received}
    crm.web.received.clear()

    made = await deliveries.replay(
        "crm", 1, stores=crm.shop.stores, jobs=crm.shop.bells, wall=crm.shop.clock.wall()
    )
    await crm.serve()

    assert made == 2
    assert sorted(each["cursor"] for each in crm.told()) == ["2", "3"]
    assert {received.headers["webhook-id"] for received in crm.web.received} < before


async def test_one_delivery_can_be_made_once_more(crm):
    await crm.happen("order.placed")
    await crm.serve()
    (delivery,) = await crm.log()

    await deliveries.redeliver(
        delivery.id, stores=crm.shop.stores, jobs=crm.shop.bells, wall=crm.shop.clock.wall()
    )
    await crm.serve()

    assert [each["cursor"] for each in crm.told()] == ["1", "1"]


async def test_a_ping_goes_the_way_of_everything_else(crm):
    stores = crm.shop.stores

    await deliveries.ping("crm", stores=stores, jobs=crm.shop.bells, wall=crm.shop.clock.wall())
    await crm.serve()

    assert [each["type"] for each in crm.told()] == ["webhook.ping"]
    await webhooks.update("crm", enabled=False, stores=stores, private=True)
    with pytest.raises(Conflict, match="enable it first"):
        await deliveries.ping("crm", stores=stores, jobs=crm.shop.bells, wall=NOW)


async def test_what_the_feed_no_longer_has_is_told_as_missed(crm):
    await crm.happen("order.placed")
    await crm.happen("order.placed")
    await crm.shop.stores.feed.documents.delete_one({"_id": 1})

    await crm.serve()

    assert [each["cursor"] for each in crm.told()] == ["2"]
    (entry,) = await crm.shop.stores.outbox.waiting(9)
    assert (entry.type, entry.data["missed"]) == ("webhook.missed", 1)


async def test_one_that_never_answers_holds_up_no_other(crm, shop, web):
    with running() as dead:
        dead.manner = Manner.SILENT
        await webhooks.create(
            "dead", dead.url, events=["order.*"], stores=shop.stores, now=NOW, private=True
        )
        await crm.serve()  # from here on it follows, too
        await crm.happen("order.placed")
        await deliveries.spread(stores=shop.stores, jobs=shop.bells, wall=shop.clock.wall())

        crm.couriers.serve("dead")
        await until(lambda: dead.received)
        crm.couriers.serve("crm")
        await until(lambda: web.received)
        page = await shop.stores.deliveries.page(Window(limit=9), webhook="dead", state=None)
        dead.closing.set()
        await crm.couriers.idle()

    assert [(each.state, each.failures) for each in page.items] == [(DeliveryState.WAITING, 0)]
    assert [each.state for each in await crm.log()] == [DeliveryState.DELIVERED]


@pytest.mark.parametrize(
    ("patterns", "type", "wanted"),
    [
        (("*",), "order.placed", True),
        (("order.*",), "order.placed", True),
        (("order.placed",), "order.placed", True),
        (("order.placed",), "order.cancelled", False),
        (("ord.*",), "order.placed", False),
        ((), "order.placed", False),
    ],
)
def test_patterns_say_what_is_wanted(patterns, type, wanted):
    assert wants(patterns, type) is wanted


@pytest.mark.parametrize(
    "pattern", ["order", "order.**", "Order.placed", ".", "", "order.palced", "odrer.*"]
)
async def test_a_pattern_that_matches_nothing_is_refused(shop, pattern):
    with pytest.raises(Invalid, match="no kind of entry"):
        await webhooks.create(
            "x", "https://x.example", events=[pattern], stores=shop.stores, now=NOW, private=True
        )


async def test_a_webhook_that_stops_answering_is_told_of_and_so_is_its_return(crm):
    stores = crm.shop.stores
    await moved(stores, "http://127.0.0.1:1")  # where nobody is
    for _ in range(5):
        await crm.happen("order.placed")
        await crm.serve()
        crm.shop.clock.turn(minutes=2)
    await moved(stores, crm.web.url)
    for _ in range(2):
        await crm.serve()
        crm.shop.clock.turn(hours=1)

    blocks = await stores.feed.from_number(1, limit=100)
    entries = [entry for block in blocks for entry in block.entries]
    entries += await stores.outbox.waiting(100)
    told = [(each.type, each.data) for each in entries if each.type.startswith("server.")]
    assert told == [
        ("server.away", {"server": "feed:crm"}),
        ("server.back", {"server": "feed:crm"}),
    ]


async def moved(stores, url):
    await stores.webhooks.save(replace(await stores.webhooks.get("crm"), url=url))


async def die(crm, times: int = 1) -> None:
    """Do what workers do that are killed with what is due, with pauses that let leases run out."""
    store, clock = crm.shop.stores.deliveries, crm.shop.clock
    for _ in range(times):
        page, suspects = await store.next("crm", wall=clock.wall(), limit=9)
        await store.claim([*page, *suspects], "t", wall=clock.wall(), lease=deliveries.LEASE)
        clock.real += deliveries.LEASE


async def test_what_five_workers_died_with_fails_with_an_alert_and_arrives_on_request(crm):
    await crm.happen("order.placed")
    await deliveries.spread(stores=crm.shop.stores, jobs=crm.shop.bells, wall=NOW)

    await die(crm, 5)
    await crm.serve()

    (delivery,) = await crm.log()
    assert (delivery.state, crm.told()) == (DeliveryState.FAILED, [])
    (alert,) = await crm.shop.stores.outbox.waiting(9)
    assert (alert.type, alert.data["webhook"]) == ("alert.delivery_set_aside", "crm")
    assert (await crm.shop.stores.webhooks.get("crm")).enabled
    await deliveries.redeliver(
        delivery.id, stores=crm.shop.stores, jobs=crm.shop.bells, wall=crm.shop.clock.wall()
    )
    await crm.serve()
    assert [each["type"] for each in crm.told()] == ["order.placed"]


async def test_what_fewer_workers_died_with_arrives_once_and_its_neighbours_too(crm):
    await crm.happen("order.placed", "order.cancelled")
    await deliveries.spread(stores=crm.shop.stores, jobs=crm.shop.bells, wall=NOW)

    await die(crm, 4)
    await crm.happen("order.returned")
    await crm.serve()
    await crm.serve(seconds=40)

    told = sorted(each["type"] for each in crm.told())
    assert told == ["order.cancelled", "order.placed", "order.returned"]


async def test_a_webhook_is_not_told_that_telling_it_kills(shop, web, crm):
    await webhooks.create("ops", web.url, events=["*"], stores=shop.stores, now=NOW, private=True)
    await crm.serve()
    entries = tuple(
        FeedEntry(f"a{name}", "alert.delivery_set_aside", NOW, data={"webhook": name})
        for name in ("ops", "crm")
    )
    assert await shop.stores.feed.append(Block(1, 1, entries, NOW))

    await crm.serve()

    assert [each["data"]["webhook"] for each in crm.told()] == ["crm"]
