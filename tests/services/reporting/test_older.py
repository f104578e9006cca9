"""Entries that an earlier version told count as if they were told today."""

import pytest

from models.experiment import HOLDOUT
from models.feed import FeedEntry
from services.reporting import checking, older, rollup
from services.rulebook import Rulebook
from tests.services.reporting.test_rollup import busy, count, everything
from tests.shop import NOW

__all__ = ["busy"]

# What entries had not, before there were reports.
LATER = {
    "run": ("held_out", "splits"),
    "message": ("step",),
    "order": ("promotions", "undone"),
}


async def told_before(shop):
    """Make the feed what an earlier version told, and nothing of it counted."""
    blocks = shop.stores.feed.documents
    async for block in blocks.find():
        for entry in block["entries"]:
            converted = entry["type"] == "run.converted"
            for name in LATER.get(entry["type"].partition(".")[0], ()):
                if not (converted and name == "held_out"):
                    entry["data"].pop(name, None)
        await blocks.replace_one({"_id": block["_id"]}, block)
    for store in (shop.stores.metrics, shop.stores.reached, shop.stores.positions):
        await store.documents.delete_many({})


@pytest.mark.usefixtures("busy")
async def test_a_feed_from_before_there_were_reports_is_counted_as_if_told_today(shop):
    await count(shop)
    whole = await everything(shop)
    await told_before(shop)

    await rollup.follow(stores=shop.stores)

    # Who was dealt an arm was not noted then.
    assert await everything(shop) == {
        series: counts for series, counts in whole.items() if not series.step.startswith(HOLDOUT)
    }
    assert (await checking.check(stores=shop.stores))[1] == []
    assert await rollup.follow(stores=shop.stores) == 0


@pytest.mark.usefixtures("busy")
async def test_what_is_told_today_stays_as_it_is(shop):
    await count(shop)
    told = [e async for block in shop.stores.feed.documents.find() for e in block["entries"]]
    blocks = await shop.stores.feed.from_number(1, limit=100)
    entries = [entry for block in blocks for entry in block.entries]
    assert len(entries) == len(told) > 40

    found = await older.completed(entries, stores=shop.stores, rulebook=Rulebook(shop.stores))

    assert list(found) == entries


@pytest.mark.usefixtures("busy")
async def test_what_was_erased_since_counts_for_what_is_left_of_it(shop):
    await count(shop)
    await told_before(shop)
    await shop.stores.runs.documents.delete_many({})
    await shop.stores.orders.documents.delete_many({})

    await rollup.follow(stores=shop.stores)

    assert (await checking.check(stores=shop.stores))[1] == []


@pytest.mark.usefixtures("busy")
async def test_a_bounce_and_a_journey_set_aside_are_counted_for_their_trigger(shop):
    run = await shop.stores.runs.documents.find_one({"reason": {"$ne": "held_out"}})
    campaign = run["campaign"]
    told = [
        FeedEntry("b", "message.bounced", NOW, campaign, "ann", {"message": f"{run['_id']}:hello"}),
        FeedEntry("a", "alert.run_set_aside", NOW, None, "ann", {"run": run["_id"]}),
    ]

    found = await older.completed(told, stores=shop.stores, rulebook=Rulebook(shop.stores))

    assert [(each.campaign_id, each.data["trigger"]) for each in found] == [(campaign, "greet")] * 2
    assert found[0].data["step"] == "hello"


async def test_a_bounce_of_no_message_that_is_known_stays_as_it_is(shop):
    bounce = FeedEntry("bounce:b", "message.bounced", NOW, None, "ann", {"message": None})

    found = await older.completed([bounce], stores=shop.stores, rulebook=Rulebook(shop.stores))

    assert list(found) == [bounce]
