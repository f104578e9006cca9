import dataclasses
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest

from app.importer import load, tables
from app.importer.shift import ZONE, shift_rules, weeks_until
from models.store import Stores
from tests.app.conftest import PEOPLE

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)


@contextmanager
def no_bar(title, total):
    yield lambda amount: None


@pytest.fixture
async def stores(database):
    return Stores.over(database)


def on_the_wall(at):
    return at.astimezone(ZONE).replace(tzinfo=None)


async def bring_in(stores, *, replay=True):
    plan = await load.plan(stores, now=NOW, replay=replay)
    await load.run(plan, stores, now=NOW, bar=no_bar)
    return plan


@pytest.mark.parametrize(
    ("now", "last_day"),
    [
        # On a Monday in the shops' zone yesterday is the Sunday that the data can end on.
        (datetime(2026, 11, 23, 15, tzinfo=UTC), date(2026, 11, 22)),
        # In New York it is still Sunday.
        (datetime(2026, 11, 23, 2, tzinfo=UTC), date(2026, 11, 15)),
        (datetime(2026, 11, 29, 15, tzinfo=UTC), date(2026, 11, 22)),
    ],
)
def test_the_year_ends_on_the_last_sunday_before_today(now, last_day):
    weeks = weeks_until(now)

    assert load.LAST_DAY + timedelta(weeks=weeks) == last_day


def test_dates_in_rules_move_and_what_only_looks_like_one_does_not():
    source = (
        '# since 2017-01-01\npromotion a "until 2017-01-01" '
        "{ active from 2017-03-01T09:00 to 2017-03-31 }"
    )

    assert shift_rules(source, 1) == (
        '# since 2017-01-01\npromotion a "until 2017-01-01" '
        "{ active from 2017-03-08T09:00 to 2017-04-07 }"
    )


def test_baskets_keep_weekday_and_hour_of_the_shops(journey):
    before, after = tables.Baskets(0), tables.Baskets(463)

    assert len(before) == len(after)
    for old, new in zip(before.at[:200].to_pylist(), after.at[:200].to_pylist(), strict=True):
        assert on_the_wall(new) - on_the_wall(old) == timedelta(weeks=463)


async def test_an_import_brings_people_orders_and_campaigns(journey, stores, database):
    plan = await bring_in(stores)

    assert await stores.users.count() == PEOPLE
    assert len(await stores.campaigns.find_many([tables.campaign_id(8)])) == 1
    assert await database.events.count_documents({"name": "order_placed"}) == plan.history
    order = await database.events.find_one({"name": "order_placed"})
    assert order["data"]["total"] == sum(item["amount"] for item in order["data"]["items"])
    assert "pending" not in order
    assert await database.events.count_documents({"name": "cart_updated", "synthetic": True}) > 0
    assert await database.events.count_documents({"at": {"$gte": plan.replay_starts}}) == 0
    assert (await stores.workspace.get()).zone == "America/New_York"


async def test_people_are_made_up_the_same_each_time_and_say_so(journey, stores, database):
    await bring_in(stores)
    first = [
        user async for user in database.users.find({}, {"recheck": 0, "moved_at": 0}).sort("_id")
    ]
    await database.progress.delete_many({})

    await bring_in(stores)

    assert [
        user async for user in database.users.find({}, {"recheck": 0, "moved_at": 0}).sort("_id")
    ] == first
    assert all(user["synthetic"] and user["email"].endswith("@example.test") for user in first)
    assert first[0]["attributes"]["household_size"] == 2
    assert first[1]["attributes"] == {}


async def test_an_import_cut_short_goes_on_and_doubles_nothing(journey, stores, database):
    plan = await load.plan(stores, now=NOW, replay=True)

    class Killed(Exception):
        pass

    @contextmanager
    def bar(title, total):
        def advance(amount):
            if title == "Baskets" and amount:
                raise Killed

        yield advance

    with pytest.raises(Killed):
        await load.run(plan, stores, now=NOW, bar=bar)
    assert not await load.is_done(stores)
    await stores.progress.note(load.NAME, baskets=0)
    # A week later: what was decided at the beginning stands.
    later = await load.plan(stores, now=NOW + timedelta(days=7), replay=True)
    await load.run(later, stores, now=NOW, bar=no_bar)

    assert later.weeks == plan.weeks
    assert await load.is_done(stores)
    assert await database.events.count_documents({"name": "order_placed"}) == plan.history


async def test_the_last_week_is_told_in_order_and_holds_what_was_left_out(journey, stores):
    plan = await bring_in(stores)

    events = plan.replayed()

    assert events == sorted(events, key=lambda event: event.at)
    assert plan.replay_starts <= events[0].at <= events[-1].at < plan.ends
    orders = [event for event in events if event.name == "order_placed"]
    assert plan.history + len(orders) == len(plan.baskets)


async def test_without_a_replay_everything_is_imported(journey, stores, database):
    plan = await bring_in(stores, replay=False)

    assert plan.history == len(plan.baskets)
    assert await database.events.count_documents({"name": "order_placed"}) == len(plan.baskets)
    assert dataclasses.astuple(plan)[0] == plan.weeks
