"""Measures on a real database: what is read from them is what the events say, whatever happens."""

import asyncio
import random
from datetime import timedelta

import pytest

import dsl
from models.event import Event, lane_of
from models.measure import MeasureState
from services import drafts, facts, lanes, measures, measuring
from services.events import bulk_history
from services.rulebook import Rulebook
from tests.shop import NOW, Shop, event
from tests.staging import once

RULES = """
event reviewed { sku: text  stars: number }
segment regulars { count(order_placed, last 30 days) >= 3 }
segment spenders { sum(order_placed.total, this year) > 100 USD }
segment critics { avg(reviewed.stars, ever) < 3 }
segment curious { distinct(reviewed.sku where stars > 1, last 12 months) >= 2 }
segment fans { latest(reviewed.stars, ever) = 5 }
segment beans {
  sum(order_placed.items.amount where category = "COFFEE", last 90 days) > 10 USD
}
"""
SEGMENTS = ("regulars", "spenders", "critics", "curious", "fans", "beans")


@pytest.fixture
@once
async def counting(shop):
    """A shop whose rules count, before there is anything to count with."""
    await shop.publish(RULES)
    for name in ("ann", "bob", "cy"):
        await shop.person(name)
    return shop


async def look_after(shop):
    await measuring.look_after(
        await shop.rulebook.refresh(), stores=shop.stores, wall=shop.clock.wall()
    )
    await shop.rulebook.refresh()


def order(key, user="ann", at=None, total="20", coffee="4"):
    items = [{"sku": "C", "category": "COFFEE", "brand": "B", "quantity": 1, "amount": coffee}]
    return event("order_placed", key, user, at, order_id=key, total=total, items=items)


def review(key, user="ann", at=None, sku="A", stars=4):
    return event("reviewed", key, user, at, sku=sku, stars=stars)


def some_events(seed, days=20):
    chance = random.Random(seed)
    found = []
    for n in range(60):
        at = NOW - timedelta(days=chance.uniform(0, days))
        user = chance.choice(("ann", "bob", "cy"))
        if chance.random() < 0.5:
            found.append(order(f"{seed}-{n}", user, at, str(chance.randint(1, 60)), "3.50"))
        else:
            sku, stars = chance.choice("ABCD"), chance.randint(1, 5)
            found.append(review(f"{seed}-{n}", user, at, sku, stars))
    return found


async def assert_read_alike(shop, now=None):
    """Everybody's membership is the same by measures, in the database, and by the events alone."""
    now = now or shop.clock.now()
    await shop.rulebook.refresh()
    published = await shop.rulebook.current()
    program, people = published.program, ["ann", "bob", "cy"]
    moment = dsl.Moment(now, program.zone, program)
    read = await facts.load(people, published, stores=shop.stores, now=now)
    raw = await all_events(shop, people)
    layout = await measures.layout(dsl.Layout(), stores=shop.stores, now=now)
    assert layout.measures == published.measures != frozenset()
    for name in SEGMENTS:
        condition = program.segments[name].condition
        wanted = {who for who in people if dsl.holds(condition, raw[who], moment)}
        assert {who for who in people if dsl.holds(condition, read[who], moment)} == wanted, name
        judge = dsl.compiled(condition, program)
        assert {who for who in people if judge(read[who], moment)} == wanted, name
        found = await shop.stores.segments.sample(dsl.to_mongo(condition, layout, moment), limit=10)
        assert {user.id for user in found} == wanted, name


async def all_events(shop, people):
    names = {"order_placed": ["total", "items"], "reviewed": ["sku", "stars"]}
    needs = {name: (None, frozenset(fields)) for name, fields in names.items()}
    events = await shop.stores.events.of_users(people, needs)
    return {who: {"user": {"id": who}, "events": events[who]} for who in people}


async def stored(shop):
    found = {}
    async for user in shop.stores.users.documents.find({"facts": {"$exists": True}}):
        found[user["_id"]] = {key: days for key, days in user["facts"]["measures"].items() if days}
    return found


async def test_new_measures_are_filled_from_what_has_happened(counting):
    await counting.tell(*some_events(1))
    await counting.work()

    await look_after(counting)

    assert (await counting.rulebook.current()).measures
    await assert_read_alike(counting)
    await assert_read_alike(counting, NOW + timedelta(days=15))


async def test_lanes_add_what_happens_to_what_is_kept(counting):
    await look_after(counting)
    await counting.tell(*some_events(2))
    await counting.work()

    counting.clock.turn(days=3)
    await counting.tell(*some_events(3))
    await counting.work()

    await assert_read_alike(counting)
    await assert_read_alike(counting, NOW + timedelta(days=20))


async def test_no_order_or_repetition_of_events_changes_what_is_kept(counting):
    """Late, permuted, told five times: the same days come out."""
    told = some_events(4)
    await look_after(counting)
    await counting.tell(*told)
    await counting.work()
    wanted = await stored(counting)
    for collection in (counting.stores.events, counting.stores.users):
        await collection.documents.delete_many({})
    for name in ("ann", "bob", "cy"):
        await counting.person(name)

    again = told * 5
    random.Random(5).shuffle(again)
    for start in range(0, len(again), 25):
        await counting.tell(*again[start : start + 25])
        await counting.work()

    assert {who: sets(days) for who, days in (await stored(counting)).items()} == {
        who: sets(days) for who, days in wanted.items()
    }


def sets(measures):
    """Return measures with their lists, whose order says nothing, as sets."""
    return {
        key: {day: set(v) if isinstance(v, list) else v for day, v in days.items()}
        for key, days in measures.items()
    }


async def test_today_counts_at_once_and_earlier_days_once_they_are_applied(counting):
    await look_after(counting)
    await counting.tell(*(order(str(n)) for n in range(3)))

    assert await members(counting, "regulars") == {"ann"}


async def members(shop, segment):
    published = await shop.rulebook.current()
    program = published.program
    moment = dsl.Moment(shop.clock.now(), program.zone, program)
    loaded = await facts.load(["ann", "bob", "cy"], published, stores=shop.stores, now=moment.now)
    condition = program.segments[segment].condition
    return {who for who, those in loaded.items() if dsl.holds(condition, those, moment)}


async def test_an_event_that_starts_a_journey_is_counted_itself_and_later_ones_are_not(shop):
    text = (
        "trigger third { on order_placed for count(order_placed, last 30 days) = 3 then { stop } }"
    )
    await shop.publish(text)
    await shop.person()
    await look_after(shop)
    await shop.tell(order("early", at=NOW - timedelta(days=4)))
    await shop.work()
    await shop.tell(
        *(order(f"o{n}", at=NOW - timedelta(minutes=50 - n)) for n in range(4)),
        order("yesterday", at=NOW - timedelta(hours=20)),
    )

    await shop.work()

    assert [run["started_by"] for run in await shop.runs()] == ["order_placed|o0"]


async def test_the_database_leaves_out_what_is_later_than_now(counting):
    await look_after(counting)
    await counting.tell(*(order(str(n), at=NOW + timedelta(minutes=n)) for n in range(1, 4)))
    await counting.work()

    await assert_read_alike(counting, NOW)
    await assert_read_alike(counting, NOW + timedelta(minutes=2))
    await assert_read_alike(counting, NOW + timedelta(minutes=9))
    seen = await drafts.preview("regulars", source=None, stores=counting.stores, now=NOW, limit=3)
    assert seen.count == 0


async def test_while_measures_are_filled_events_go_on_and_nothing_is_missed(counting):
    await counting.tell(*some_events(6))
    await counting.work()

    async def go_on():
        for seed in range(7, 12):
            await counting.tell(*some_events(seed))
            await counting.work()

    published = await counting.rulebook.current()
    fill = measuring.look_after(published, stores=counting.stores, wall=NOW)
    await asyncio.gather(fill, go_on(), look_after(counting))

    await assert_read_alike(counting, NOW + timedelta(days=1))


async def test_filling_goes_on_where_it_was_cut_short(counting, monkeypatch):
    await counting.tell(*some_events(12))
    await counting.work()
    monkeypatch.setattr(measuring, "PAGE", 1)
    notes = 0
    original = counting.stores.measures.note_filled

    async def dying(*args):
        nonlocal notes
        await original(*args)
        notes += 1
        if notes == 2:
            raise KeyboardInterrupt

    object.__setattr__(counting.stores.measures, "note_filled", dying)
    with pytest.raises(KeyboardInterrupt):
        await look_after(counting)
    assert not await counting.stores.measures.live_ids()

    await look_after(counting)

    assert notes == 3
    await assert_read_alike(counting)


async def test_what_no_rule_needs_is_kept_for_a_while_and_then_removed(counting):
    await counting.tell(*some_events(13))
    await counting.work()
    await look_after(counting)
    kept = await counting.stores.measures.all()

    await counting.publish(RULES.replace("segment fans { latest(reviewed.stars, ever) = 5 }", ""))
    await look_after(counting)
    (retired,) = [m for m in await counting.stores.measures.all() if m.state != MeasureState.LIVE]
    assert any(retired.id in days for days in (await stored(counting)).values())
    counting.clock.turn(minutes=11)
    await look_after(counting)

    assert len(await counting.stores.measures.all()) == len(kept) - 1
    assert not any(retired.id in days for days in (await stored(counting)).values())


async def test_what_comes_back_in_time_is_read_again_with_all_that_happened_meanwhile(counting):
    await look_after(counting)
    await counting.publish("event reviewed { sku: text  stars: number }")
    await look_after(counting)
    assert not (await counting.rulebook.current()).measures
    await counting.tell(*some_events(14))
    await counting.work()

    await counting.publish(RULES)
    await look_after(counting)

    await assert_read_alike(counting)


async def test_an_import_adds_to_measures_that_are_live(counting):
    await look_after(counting)
    past = [
        Event(
            id=f"import|{n}",
            name="reviewed",
            user_id="ann" if n % 3 else "bob",
            at=NOW - timedelta(days=n / 2),
            received_at=NOW,
            publication=0,
            data={"sku": f"S{n % 4}", "stars": n % 5 + 1},
        )
        for n in range(40)
    ]

    for _ in range(2):
        await bulk_history(past, stores=counting.stores, now=NOW, chunk=9)

    assert await members(counting, "curious") == {"ann", "bob"}
    await assert_read_alike(counting)


async def test_a_day_with_too_many_values_is_left_to_the_events(counting, caplog):
    await look_after(counting)
    assert await members(counting, "curious") == set()
    many = [review(f"r{n}", sku=f"S{n}", at=NOW - timedelta(days=1, minutes=n)) for n in range(250)]

    await counting.tell(*many)
    await counting.work()
    await look_after(counting)

    assert "given up" in caplog.text
    await assert_read_alike(counting)
    counting.clock.turn(minutes=11)
    await look_after(counting)
    gone = [m for m in await counting.stores.measures.all() if m.state is MeasureState.GONE]
    assert [measure.slot for measure in gone] == ["set"]
    await assert_read_alike(counting)


async def test_a_holder_of_a_lost_lane_cannot_undo_what_the_next_one_has_seen(counting):
    await look_after(counting)
    await counting.tell(order("o1"))
    (late,) = await counting.stores.events.pending([lane_of("ann")], limit=9)
    original, folded = counting.stores.facts.fold, asyncio.Event()
    resume = asyncio.Event()

    async def slowly(*args):
        found = await original(*args)
        if not folded.is_set():
            folded.set()
            await resume.wait()
        return found

    object.__setattr__(counting.stores.facts, "fold", slowly)
    zombie = asyncio.create_task(measures.add([late], stores=counting.stores, wall=NOW))
    await folded.wait()
    await counting.tell(order("o2"), order("o3"))
    await lanes.work([lane_of("ann")], counting.lanes)
    resume.set()
    await zombie

    await assert_read_alike(counting, NOW + timedelta(days=2))


@pytest.mark.parametrize("step", ["facts.write", "persons.write", "events.mark_applied"])
async def test_killed_anywhere_days_come_out_the_same(counting, step):
    await look_after(counting)
    if step == "persons.write":  # which is done once segments are kept by the live rules
        await counting.fill()
    await counting.tell(*some_events(16))
    store, method = step.split(".")
    target = getattr(counting.stores, store)
    original = getattr(target, method)

    async def dying(*args):
        await original(*args)
        raise KeyboardInterrupt

    object.__setattr__(target, method, dying)
    with pytest.raises(KeyboardInterrupt):
        await lanes.work([lane_of("ann")], counting.lanes)
    object.__setattr__(target, method, original)
    await counting.work()

    await assert_read_alike(counting, NOW + timedelta(days=1))


async def test_facts_of_another_process_do_not_know_of_measures_too_early(database, smtp, counting):
    other = Shop(counting.stores, smtp.url)
    other.rulebook = Rulebook(counting.stores, fresh=60)
    await other.rulebook.current()
    await counting.tell(*some_events(17))
    await counting.work()
    await look_after(counting)

    assert not (await other.rulebook.current()).measures
    assert await members(other, "fans") == await members(counting, "fans")


async def test_editing_a_person_does_not_mind_what_is_kept_of_them(counting):
    await look_after(counting)
    before = await counting.stores.users.get("ann")
    await counting.tell(*some_events(18))
    await counting.work()

    after = await counting.stores.users.edit("ann", {"name": "Anna"}, version=before.version)
    await counting.stores.users.save_many([after])

    assert after.name == "Anna"
    await assert_read_alike(counting)
