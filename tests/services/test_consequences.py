"""What followed from events beside what rules give: whatever is missing or too much is named."""

from dataclasses import replace

import pytest

from models.event import VISITOR
from services import sequencer
from services.verify import verify
from tests.shop import event
from tests.staging import once

RULES = """
event cart_updated { total: money USD }
event visited { page: text }
trigger rescue { on cart_updated where total >= 20 USD  reenter parallel  limit 3 per user
  then { tag "rescued"  wait 2 hours unless order_placed  send email "basket" } }
trigger welcome { on visited where page = "home"  limit 2 total  then { tag "seen" } }
trigger weekly { on visited  reenter parallel  limit 1 per user per 7 days  then { tag "week" } }
lottery lucky { active from 2026-03-01 to 2026-03-20  enter on visited where page != "away"
  limit 2 entries per user  draw at 2026-03-25T12:00  prize "Phone" quantity 1 }
"""


async def failing(shop):
    return {
        finding.id: list(finding.problems)
        async for finding in verify(
            stores=shop.stores, now=shop.clock.now(), wall=shop.clock.wall()
        )
        if finding.problems
    }


async def read_feed(shop):
    head, waiting = await sequencer.read_head(stores=shop.stores), 1
    while waiting:
        head, waiting = await sequencer.step(head, stores=shop.stores, wall=shop.clock.wall())


@pytest.fixture
@once
async def busy(shop):
    """A shop in which events started journeys, entered people, and were adopted."""
    await shop.template("basket")
    await shop.publish(RULES)
    for name in ("ann", "bob", "cid"):
        await shop.person(name)
        await shop.tell(
            event("cart_updated", f"c-{name}", name, total="25"),
            event("cart_updated", f"small-{name}", name, total="5"),
            event("visited", f"v-{name}", name, page="home"),
            event("visited", f"away-{name}", name, page="away"),
        )
    await shop.work()
    await shop.tell(*(event("visited", f"more-{n}", "ann", page="home") for n in range(3)))
    await shop.work()
    shop.clock.turn(hours=3)
    await shop.work()
    await shop.deliver()
    shop.clock.turn(days=8)
    await shop.tell(event("visited", "later", "ann", page="shop"))
    await shop.work()
    await read_feed(shop)
    return shop


async def test_all_is_as_rules_give_it(busy):
    assert await failing(busy) == {}
    assert len(await busy.runs("bob")) == 3
    sent = [effect["state"] for effect in await busy.effects() if effect["kind"] == "message"]
    assert sent == ["sent"] * 3


@pytest.mark.parametrize(
    ("store", "which", "says"),
    [
        ("events", {"_id": "api|small-ann"}, "events were accepted at"),
        ("events", {"_id": "api|c-ann"}, "the event that started it is not there"),
        ("events", {"_id": "api|v-bob"}, "what entered it is not there"),
        ("runs", {"trigger": "rescue", "user": "bob"}, "did not start rescue"),
        ("runs", {"trigger": "rescue", "user": "cid"}, "is of a run that is not there"),
        ("effects", {"template": "basket"}, "is done without its step"),
        ("entries", {"user": "cid"}, "did not enter lucky"),
    ],
)
async def test_whatever_is_missing_is_named(busy, store, which, says):
    assert (await getattr(busy.stores, store).documents.delete_one(which)).deleted_count

    assert any(says in problem for problem in (await failing(busy))["I3"])


@pytest.mark.parametrize(
    ("store", "which", "change", "says"),
    [
        ("events", {"_id": "api|c-ann"}, {"data.total": 1_000}, "does not start it"),
        ("events", {"_id": "api|c-ann"}, {"user": "bob"}, "is someone else's"),
        ("events", {"_id": "api|c-ann"}, {"name": "visited"}, "events visited do not start it"),
        ("runs", {"trigger": "rescue"}, {"trigger": "other"}, "has no such trigger"),
        ("runs", {"trigger": "rescue"}, {"started_by": "api|small-ann"}, "not known by the event"),
        ("effects", {"template": "basket"}, {"step": "none"}, "it has no step none, and did it"),
        ("effects", {"template": "basket"}, {"user": "eve"}, "was done to another"),
        ("entries", {"user": "cid"}, {"nonce": "00"}, "its ticket is not that of"),
        ("entries", {"user": "cid"}, {"user": "bob"}, "happened to someone else"),
    ],
)
async def test_whatever_does_not_follow_is_named(busy, store, which, change, says):
    documents = getattr(busy.stores, store).documents
    assert (await documents.update_one(which, {"$set": change})).modified_count

    assert any(says in problem for problem in (await failing(busy))["I3"])


async def test_what_was_imported_as_past_has_started_nothing_and_need_not(busy):
    told = (await busy.stores.traces.events(["api|c-ann"]))["api|c-ann"]
    past = replace(told, id="old|1", user_id="dan")
    await busy.person("dan")
    await busy.stores.events.add([past], pending=False)
    assert await failing(busy) == {}

    await busy.stores.events.documents.update_one({"_id": "old|1"}, {"$unset": {"past": ""}})

    assert (await failing(busy))["I3"] == ["event old|1 did not start rescue"]


async def test_while_a_campaign_is_paused_its_rules_need_not_be_followed(busy):
    campaign = await busy.stores.campaigns.documents.find_one()
    (run,) = [run for run in await busy.runs("bob") if run["trigger"] == "rescue"]
    await busy.stores.runs.documents.delete_one({"_id": run["_id"]})
    await busy.stores.effects.documents.delete_many({"run": run["_id"]})
    assert (await failing(busy))["I3"] == ["event api|c-bob did not start rescue"]

    history = [*campaign["history"], campaign["history"][-1] | {"verb": "paused"}]
    await busy.stores.campaigns.documents.update_one({}, {"$set": {"history": history}})

    assert await failing(busy) == {}


async def test_a_message_with_two_ends_or_none_is_named(busy):
    effect = await busy.stores.effects.documents.find_one({"template": "basket"})
    await busy.stores.effects.documents.update_one(
        {"_id": effect["_id"]}, {"$set": {"state": "unknown"}}
    )
    (told,) = (await failing(busy))["I4"]
    assert told.endswith("told message.sent, kept message.unknown")

    await busy.stores.effects.documents.update_one(
        {"_id": effect["_id"]}, {"$set": {"state": "sending"}}
    )
    assert any("will not be looked at again" in each for each in (await failing(busy))["I4"])

    await busy.stores.effects.documents.delete_one({"_id": effect["_id"]})
    assert "I4" not in await failing(busy)
    await busy.stores.effects.documents.insert_one(
        effect | {"_id": "something else", "state": "sent"}
    )
    assert (await failing(busy))["I4"] == ["effect something else is not known by its run and step"]


async def test_journeys_beyond_their_limits_are_named(busy):
    runs = busy.stores.runs.documents
    first = await runs.find_one({"trigger": "welcome", "acted": True})
    again = await runs.find_one({"trigger": "weekly", "user": "bob", "acted": True})
    await runs.insert_one(first | {"_id": "third", "user": "bob"})
    await runs.insert_one(again | {"_id": "second"})

    found = (await failing(busy))["I8"]

    assert "welcome: 3 journeys of 2" in found
    assert any("bob went through it more than 1 times within 7 day" in each for each in found)


@pytest.mark.parametrize(
    ("store", "document", "says"),
    [
        ("runs", {"_id": "r", "due_at": 0}, "1 journeys that are due"),
        ("effects", {"_id": "e", "next_at": 0}, "1 messages and calls that wait"),
        ("outbox", {"_id": "o", "order": "0"}, "1 things that the feed is to tell"),
    ],
)
async def test_work_that_nobody_does_is_named(shop, store, document, says):
    stuck = shop.clock.wall().replace(year=2025)
    document = {key: stuck if value == 0 else value for key, value in document.items()}
    await shop.template("basket")
    await shop.publish(RULES)
    fields = {"trigger": "weekly", "publication": 1, "user": "u", "run": "r", "step": "s"}
    await getattr(shop.stores, store).documents.insert_one(
        {"started_by": "", "event": {}, "state": "waiting", **fields, **document}
    )

    assert says in (await failing(shop))["I12"]


async def test_a_visitor_s_events_count_as_received_when_they_were(shop):
    await shop.template("basket")
    await shop.publish(RULES)
    await shop.person("ann")
    await shop.tell(event("visited", "v1", "ann", page="home"))
    await shop.stores.events.documents.update_one(
        {}, {"$set": {"user": VISITOR + "x"}, "$unset": {"pending": ""}}
    )
    shop.clock.turn(minutes=5)

    await shop.stores.events.adopt("x", "ann", received_at=shop.clock.now(), publication=1)
    await shop.work()
    await read_feed(shop)

    assert await failing(shop) == {}
