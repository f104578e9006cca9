"""A lane whose holder died is worked off singly, and what is counted too often is set aside."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from models.audience import Audience
from models.delivery import Delivery
from models.effect import Effect, EffectKind, EffectState
from models.errors import Invalid, Unavailable
from models.event import lane_of
from models.feed import FeedEntry
from models.letter import Letter, Purpose
from models.membership import PROFILE
from models.paging import Window
from models.run import Run, RunState
from services import alarms, lanes, runs, suspects
from services.jobs import Job
from services.pages import PAGE
from tests.killed import Killed, killed_at
from tests.shop import NOW, event
from tests.staging import once
from tests.waiting import until

RULES = """
event cart_updated { total: money USD }
trigger greet { on cart_updated  then { tag "x" } }
"""


@pytest.fixture
@once
async def told(shop):
    """A shop with two events in one lane."""
    await shop.publish(RULES)
    bob = next(f"b{n}" for n in range(9_999) if lane_of(f"b{n}") == lane_of("ann"))
    for name in ("ann", bob):
        await shop.person(name)
    await shop.tell(
        event("cart_updated", "c1", total="1"), event("cart_updated", "c2", user=bob, total="1")
    )
    return shop


async def abandon(shop) -> None:
    """Leave the lane as a killed worker does."""
    await shop.stores.leases.acquire(f"lane:{lane_of('ann'):02}", seconds=0)


async def claims(shop) -> dict[str, int]:
    documents = await shop.stores.events.documents.find({"name": "cart_updated"}).to_list()
    return {document["_id"]: document.get("claims", 0) for document in documents}


async def test_nothing_is_counted_as_long_as_all_goes_well(told, monkeypatch):
    async def never(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(suspects, "next_suspects", never)

    await told.work()

    assert await told.stores.events.count_pending() == 0


async def test_a_lane_that_was_let_go_of_is_not_abandoned(told):
    lease = await told.stores.leases.acquire("lane:x", seconds=0)
    await told.stores.leases.release(lease)
    second = await told.stores.leases.acquire("lane:x", seconds=0)
    third = await told.stores.leases.acquire("lane:x", seconds=0)

    assert (lease.abandoned, second.abandoned, third.abandoned) == (False, False, True)


async def test_whoever_cannot_reach_the_database_lets_go_later_and_is_not_taken_for_dead(
    told, monkeypatch
):
    away = iter([True, True, False])
    release = type(told.stores.leases).release_all

    async def release_later(self, leases):
        if next(away):
            raise Unavailable("away")
        await release(self, leases)

    monkeypatch.setattr(type(told.stores.leases), "release_all", release_later)
    monkeypatch.setattr(lanes, "_AGAIN", 0)

    await lanes.work([lane_of("ann")], told.lanes)

    lease = await told.stores.leases.acquire(f"lane:{lane_of('ann'):02}", seconds=0)
    assert not lease.abandoned
    assert await told.stores.events.count_pending() == 0


async def test_whoever_is_told_to_stop_does_not_wait_for_the_database(told, monkeypatch):
    async def away(self, leases):
        raise Unavailable("away")

    monkeypatch.setattr(type(told.stores.leases), "release_all", away)
    stops = iter([False] * 3)

    await lanes.work([lane_of("ann")], replace(told.lanes, stopping=lambda: next(stops, True)))

    assert await told.stores.events.count_pending() == 0


async def test_an_event_that_was_tried_too_often_is_set_aside_untouched(told):
    await told.stores.events.documents.update_one(
        {"_id": "api|c1"}, {"$set": {"claims": suspects.TRIES}}
    )
    await abandon(told)

    await lanes.work([lane_of("ann")], told.lanes)

    (found,) = (await told.stores.events.set_aside_page(Window(limit=5))).items
    assert (found[0].id, "killed" in found[1]) == ("api|c1", True)
    assert await told.runs("ann") == []
    assert await told.stores.runs.documents.count_documents({"state": "done"}) == 1
    assert await claims(told) == {"api|c1": suspects.TRIES, "api|c2": 0}
    types = [entry.type for entry in await told.stores.outbox.waiting(9)]
    assert "alert.event_set_aside" in types


async def test_after_a_kill_more_and_more_is_taken_and_what_bears_a_mark_alone(told, monkeypatch):
    for number in range(12):
        await told.tell(event("cart_updated", f"d{number:02}", user="ann", total="1"))
    await told.stores.events.documents.update_one({"_id": "api|d05"}, {"$set": {"claims": 2}})
    taken: list[list[str]] = []
    mark = type(told.stores.events).mark

    async def noted(self, ids):
        taken.append([each.removeprefix("api|") for each in ids])
        await mark(self, ids)

    monkeypatch.setattr(type(told.stores.events), "mark", noted)
    await abandon(told)

    await lanes.work([lane_of("ann")], told.lanes)

    assert taken == [
        ["c1"],
        ["c2", "d00"],
        ["d01", "d02", "d03", "d04"],
        ["d05"],
        ["d06", "d07", "d08", "d09", "d10", "d11"],
    ]
    assert set((await claims(told)).values()) == {0}


async def test_whoever_was_looked_at_too_often_rests_until_something_is_noted(told):
    users = told.stores.looks.documents
    await users.update_one({"_id": "ann"}, {"$set": {"recheck.tries": suspects.TRIES}})
    await abandon(told)

    await lanes.work([lane_of("ann")], told.lanes)

    alerts = [e for e in await told.stores.outbox.waiting(9) if e.type == "alert.person_set_aside"]
    assert [(alert.user_id, "killed" in alert.data["reason"]) for alert in alerts] == [
        ("ann", True)
    ]
    assert await told.stores.looks.due_lanes(told.clock.now()) == []
    assert await users.count_documents({"recheck.tries": {"$exists": True}}) == 0
    assert [run["state"] for run in await told.runs("ann")] == ["done"]
    await told.stores.looks.note({"ann": (["user.email"], PROFILE)})
    assert await told.stores.looks.due_lanes(told.clock.now()) == [lane_of("ann")]


async def test_after_a_kill_people_are_looked_at_one_by_one(told, monkeypatch):
    same = [f"c{n}" for n in range(9_999) if lane_of(f"c{n}") == lane_of("ann")][:6]
    for name in same:
        await told.person(name)
    users = told.stores.looks.documents
    await users.update_one({"_id": same[2]}, {"$set": {"recheck.tries": 2}})
    taken: list[int] = []
    mark = type(told.stores.looks).mark

    async def noted(self, ids):
        taken.append(len(ids))
        await mark(self, ids)

    monkeypatch.setattr(type(told.stores.looks), "mark", noted)
    await told.stores.events.documents.delete_many({})  # with which they would be looked at
    await abandon(told)

    await lanes.work([lane_of("ann")], told.lanes)

    assert taken == [1, 2, 1, 1, 3]
    assert await told.stores.looks.due_lanes(told.clock.now()) == []


RUN = Run(
    id="r",
    trigger="greet",
    user_id="ann",
    campaign_id=None,
    publication=1,
    started_by="x",
    started_at=NOW,
    state=RunState.PLANNED,
    due_at=NOW,
)
EFFECT = Effect(
    id="r:send",
    kind=EffectKind.MESSAGE,
    user_id="ann",
    run_id="r",
    trigger="greet",
    step="send",
    campaign_id=None,
    publication=1,
    at=NOW,
    state=EffectState.PENDING,
)


ALERTS = [
    f"alert.{kind}_set_aside"
    for kind in ("audience", "delivery", "event", "letter", "message", "person", "run")
]


async def one_of_each(told) -> Callable[[datetime], list[Awaitable[object]]]:
    """Have one of everything that can be set aside; return what does that."""
    stores, lane, wall = told.stores, lane_of("ann"), told.clock.wall()
    soon = wall + timedelta(hours=1)
    ((happened, _),) = await stores.events.pending_marked(lane, limit=1)
    ((look, _),) = await stores.looks.due_marked([lane], NOW, limit=1)
    entry = FeedEntry("e", "order.placed", NOW)
    delivery = Delivery(id="crm|1", webhook="crm", seq=1, entry=entry, made_at=wall, next_at=wall)
    letter = Letter(
        id="l", purpose=Purpose.VERIFY, email="", user_id="ann", made_at=wall, expires_at=soon
    )
    audience = Audience(name="fam", segment="fam", url="", token="", created_at=wall, next_at=wall)
    await stores.runs.plan([RUN])
    await stores.effects.add([EFFECT], wall=wall)
    await stores.deliveries.add([delivery])
    await stores.deliveries.claim([delivery.id], "t", wall=wall, lease=soon - wall)
    await stores.letters.add(letter)
    await stores.audiences.add(audience)

    return lambda at: [
        suspects.set_event_aside(happened, "x", at, stores=stores),
        suspects.set_run_aside(RUN, "x", at, stores=stores),
        suspects.set_person_aside(look, "x", at, stores=stores),
        suspects.set_message_aside(EFFECT, at, tell_by=soon, stores=stores),
        suspects.set_delivery_aside(delivery, "t", at, stores=stores),
        suspects.set_letter_aside(letter, at, stores=stores),
        suspects.set_audience_aside(audience, at, stores=stores),
    ]


async def alerts(told) -> list[str]:
    types = [entry.type for entry in await told.stores.outbox.waiting(99)]
    return sorted(each for each in types if each.startswith("alert."))


async def test_of_several_who_set_the_same_aside_at_once_one_tells_it(told):
    set_aside, wall = await one_of_each(told), told.clock.wall()

    await asyncio.gather(
        *(each for late in range(4) for each in set_aside(wall + timedelta(seconds=late)))
    )

    assert await alerts(told) == ALERTS


async def test_whatever_is_set_aside_by_someone_who_is_killed_then_is_told_by_another(told):
    wall = told.clock.wall()
    set_aside = await one_of_each(told)
    with killed_at(told.stores.outbox, "add"):
        ends = await asyncio.gather(*set_aside(wall), return_exceptions=True)
    assert {type(end) for end in ends} == {Killed}
    assert await alerts(told) == []

    await alarms.tell_rest(stores=told.stores, wall=wall)

    assert await alerts(told) == ALERTS


async def test_events_are_put_back_once(told):
    await test_an_event_that_was_tried_too_often_is_set_aside_untouched(told)
    told.bells.rung.clear()

    back = [
        await suspects.put_back(["api|c1", "api|c2"], stores=told.stores, jobs=told.bells)
        for _ in range(2)
    ]
    await told.work()

    assert back == [1, 0]
    assert told.bells.take(Job.WORK_LANE) == [str(lane_of("ann"))]
    assert [run["state"] for run in await told.runs("ann")] == ["done"]
    with pytest.raises(Invalid):
        await suspects.put_back(["x"] * 501, stores=told.stores, jobs=told.bells)


async def test_a_page_that_takes_long_keeps_its_lane(told, monkeypatch):
    monkeypatch.setattr(lanes, "LEASE", 0.6)
    settle, ends = runs.settle, []
    leases = told.stores.leases.documents

    async def until_when():
        return (await leases.find_one({"_id": f"lane:{lane_of('ann'):02}"}))["until"]

    async def slowly(*args, **named) -> None:
        ends.append(await until_when())

        async def longer() -> bool:
            return await until_when() > ends[0]

        await until(longer)
        ends.append(await until_when())
        await settle(*args, **named)

    monkeypatch.setattr(runs, "settle", slowly)

    await lanes.work([lane_of("ann")], told.lanes)

    assert len(ends) == 2
    assert await told.stores.events.count_pending() == 0


async def test_a_person_whose_work_fails_stops_their_own_lane_alone(shop):
    await shop.publish(RULES)
    # Whoever fails is in the first page, the neighbour's events fill another one.
    bob = next(f"b{n}" for n in range(9999) if lane_of(f"b{n}") != lane_of("ann"))
    await shop.person("ann")
    await shop.person(bob)
    await shop.tell(event("cart_updated", "c0", total="1"))
    events = shop.stores.events.documents
    await events.update_one({}, {"$set": {"data": {"total": {"a": 1}}, "received_at": None}})
    for part in range(2):
        keys = [f"c{part}-{n}" for n in range(PAGE)]
        await shop.tell(*(event("cart_updated", key, user=bob, total="1") for key in keys))

    await lanes.work([lane_of("ann"), lane_of(bob)], shop.lanes)

    assert [left["user"] async for left in events.find({"pending": True})] == ["ann"]
    assert (await events.find_one({"user": "ann"}))["failures"] == 1


async def test_a_person_who_cannot_be_looked_at_stops_their_own_lane_alone(shop):
    await shop.publish('segment seen { user.tags contains "seen" }')
    bob = next(f"b{n}" for n in range(9999) if lane_of(f"b{n}") != lane_of("ann"))
    await shop.fill()
    await shop.person("ann")
    await shop.person(bob)
    # As if a later version had written it.
    people = shop.stores.users.documents
    await people.update_one({"_id": "ann"}, {"$set": {"recheck.why": {"two": 1, "causes": 2}}})

    await lanes.work([lane_of("ann"), lane_of(bob)], shop.lanes)

    noted = people.find({"recheck.token": {"$exists": True}})
    assert [person["_id"] async for person in noted] == ["ann"]
