"""Journeys on a real database: each thing happens once, whatever is repeated or cut short."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from models.event import lane_of
from services import lanes, pages
from services.jobs import Job
from tests.shop import NOW, event
from tests.staging import once

CART = """
event cart_updated { total: money USD }
"""
RESCUE = (
    CART
    + """
trigger rescue {
  on cart_updated where total >= 20 USD
  for user.consent.email = true
  limit 1 per user per 7 days
  then {
    wait 2 hours unless order_placed
    send email "rescue" with { total: event.total }
  }
}
"""
)
GREET = (
    CART
    + """
trigger greet { on cart_updated  then { send email "greet" } %s }
"""
)


@pytest.fixture
@once
async def rescue(shop):
    await shop.template("rescue", "Your cart, {{ user.name }}", "It holds {{ total }}.")
    await shop.publish(RESCUE)
    await shop.person()
    return shop


async def test_an_abandoned_cart_is_mailed_about_once_its_wait_is_over(rescue, smtp):
    await rescue.tell(event("cart_updated", "c1", total="25.50"))
    await rescue.work()
    assert not smtp.messages

    rescue.clock.turn(hours=2)
    await rescue.work()

    (message,) = smtp.messages
    assert message["Subject"] == "Your cart, ann"
    assert message.get_content().strip() == "It holds 25.50."
    (run,) = await rescue.runs()
    assert (run["state"], run["acted"], run.get("due_at")) == ("done", True, None)


async def test_the_event_it_waits_for_ends_the_run(rescue, smtp):
    await rescue.tell(event("cart_updated", "c1", total="25.50"))
    await rescue.work()
    rescue.clock.turn(hours=1)
    await rescue.tell(event("order_placed", "o1"))
    await rescue.work()

    rescue.clock.turn(hours=5)
    await rescue.work()

    assert not smtp.messages
    (run,) = await rescue.runs()
    assert (run["state"], run["reason"]) == ("ended", "event order_placed")


async def test_an_order_after_the_wait_was_over_comes_too_late(rescue, smtp):
    await rescue.tell(event("cart_updated", "c1", total="25.50"))
    await rescue.work()
    rescue.clock.turn(hours=3)
    await rescue.tell(event("order_placed", "o1", at=NOW + timedelta(hours=2, minutes=1)))

    await rescue.work()

    assert len(smtp.messages) == 1


async def test_an_order_told_late_still_ends_the_wait(rescue, smtp):
    await rescue.tell(event("cart_updated", "c1", total="25.50"))
    await rescue.work()
    rescue.clock.turn(hours=3)
    await rescue.tell(event("order_placed", "o1", at=NOW + timedelta(hours=1)))

    await rescue.work()

    assert not smtp.messages


async def test_the_same_event_twice_starts_one_run(rescue):
    first = await rescue.tell(event("cart_updated", "c1", total="25.50"))
    second = await rescue.tell(event("cart_updated", "c1", total="25.50"))
    await rescue.work()
    await rescue.work()

    assert [v.outcome for v in (*first, *second)] == ["accepted", "duplicate"]
    assert len(await rescue.runs()) == 1


async def test_what_does_not_match_starts_nothing(rescue):
    await rescue.person("bob", consent=replace((await rescue.person("carl")).consent, email=False))
    await rescue.tell(
        event("cart_updated", "c1", total="19.99"),
        event("cart_updated", "c2", user="bob", total="25.50"),
        event("cart_updated", "c3", at=NOW - timedelta(hours=25), total="25.50"),
    )

    await rescue.work()

    assert await rescue.stores.runs.documents.count_documents({}) == 0
    assert await rescue.stores.events.count_pending() == 0


async def test_a_new_cart_restarts_the_wait_until_something_was_done(rescue, smtp):
    await rescue.tell(event("cart_updated", "c1", total="25.50"))
    rescue.clock.turn(hours=1)
    await rescue.tell(event("cart_updated", "c2", total="30"))
    rescue.clock.turn(hours=2)
    await rescue.work()

    assert [m.get_content().strip() for m in smtp.messages] == ["It holds 30.00."]
    assert [run["reason"] for run in await rescue.runs()] == ["restarted", ""]


async def test_a_limit_per_user_is_kept_over_a_rolling_week(rescue, smtp):
    for place, hours in enumerate((0, 24, 7 * 24 - 1, 7 * 24)):
        rescue.clock.business = rescue.clock.real = NOW + timedelta(hours=hours)
        await rescue.tell(event("cart_updated", f"c{place}", total="25.50"))
        await rescue.work()
        rescue.clock.turn(hours=2)
        await rescue.work()

    assert len(smtp.messages) == 2
    assert [run["started_by"] for run in await rescue.runs()] == ["api|c0", "api|c3"]


async def test_a_total_limit_is_kept_over_all_lanes_at_once(shop, smtp):
    await shop.template("greet")
    await shop.publish(GREET % "limit 3 total")
    people = [f"p{n}" for n in range(20)]
    await asyncio.gather(*(shop.person(name) for name in people))
    await shop.tell(*(event("cart_updated", name, user=name, total="1") for name in people))

    await asyncio.gather(*(lanes.work([lane_of(name)], shop.lanes) for name in people))
    await shop.deliver()

    assert len(smtp.messages) == 3


async def test_a_run_that_did_nothing_does_not_use_up_a_total_limit(shop, smtp):
    condition = 'if event.total > 10 USD { send email "greet" }'
    text = CART + "trigger t { on cart_updated  limit 1 total  then { " + condition + " } }"
    await shop.template("greet")
    await shop.publish(text)
    await shop.person()

    for key, total in (("c1", "5"), ("c2", "50"), ("c3", "50")):
        await shop.tell(event("cart_updated", key, total=total))
        await shop.work()

    assert len(smtp.messages) == 1


async def test_lanes_worked_on_by_many_at_once_do_each_thing_once(shop, smtp):
    await shop.template("greet")
    await shop.publish(GREET % "")
    people = [f"p{n}" for n in range(30)]
    await asyncio.gather(*(shop.person(name) for name in people))
    await shop.tell(*(event("cart_updated", f"c{name}", user=name, total="1") for name in people))

    rung = shop.bells.take(Job.WORK_LANE)
    await asyncio.gather(*(lanes.work([int(lane)], shop.lanes) for lane in rung * 4))
    bells = list(shop.bells.rung)
    await asyncio.gather(shop.deliver(), shop.deliver())
    shop.bells.rung = bells
    await shop.deliver()

    assert sorted(m["To"].addresses[0].username for m in smtp.messages) == sorted(people)


async def test_an_unconsented_or_unreachable_person_is_skipped_and_recorded(shop, smtp):
    await shop.template("greet")
    await shop.publish(GREET % "")
    ann = await shop.person()
    await shop.person("bob", consent=replace(ann.consent, email=False))
    await shop.person("carl", email=None)
    await shop.tell(
        *(event("cart_updated", name, user=name, total="1") for name in ("bob", "carl"))
    )

    await shop.work()

    assert not smtp.messages
    found = {e["user"]: (e["state"], e["reason"]) for e in await shop.effects()}
    assert found == {"bob": ("skipped", "no_consent"), "carl": ("skipped", "no_address")}
    entries = await shop.stores.outbox.waiting(100)
    assert [e.type for e in entries].count("message.skipped") == 2


async def test_a_lane_held_by_another_is_left_alone(rescue):
    lane = lane_of("ann")
    await rescue.tell(event("cart_updated", "c1", total="25.50"))
    lease = await rescue.stores.leases.acquire(f"lane:{lane:02}", seconds=60)

    await lanes.work([lane], rescue.lanes)
    assert await rescue.runs() == []

    await rescue.stores.leases.release(lease)
    await lanes.work([lane], rescue.lanes)
    assert len(await rescue.runs()) == 1


async def test_whoever_has_had_a_turn_rings_for_what_is_left(rescue):
    lane = lane_of("ann")
    for part in range(2):
        keys = [f"c{part}-{n}" for n in range(pages.PAGE)]
        await rescue.tell(*(event("cart_updated", key, total="1") for key in keys))
    rescue.bells.take(Job.WORK_LANE)

    await lanes.work([lane], replace(rescue.lanes, turn=0.0))
    assert await rescue.stores.events.count_pending() == pages.PAGE
    assert rescue.bells.take(Job.WORK_LANE) == [str(lane)]

    await lanes.work([lane], rescue.lanes)
    assert await rescue.stores.events.count_pending() == 0
    assert rescue.bells.take(Job.WORK_LANE) == []


@pytest.mark.parametrize(
    "step", ["runs.start", "effects.add", "outbox.add", "runs.settle", "events.mark_applied"]
)
async def test_a_crash_at_any_step_of_a_start_is_repaired_by_repeating(shop, smtp, step):
    await shop.template("greet")
    await shop.publish(GREET % "")
    await shop.person()
    await shop.tell(event("cart_updated", "c1", total="1"))

    await crash_once(shop, step)
    await shop.work()
    await shop.sweep()
    await shop.deliver()

    assert len(smtp.messages) == 1
    await assert_all_told_once(shop, {"run.started": 1, "run.ended": 1, "message.sent": 1})


@pytest.mark.parametrize("step", ["runs.move", "effects.add", "outbox.add", "runs.settle"])
async def test_a_crash_at_any_step_of_a_move_is_repaired_by_repeating(rescue, smtp, step):
    await rescue.tell(event("cart_updated", "c1", total="25.50"))
    await rescue.work()
    rescue.clock.turn(hours=2)

    await crash_once(rescue, step)
    await rescue.work()
    await rescue.sweep()
    await rescue.deliver()

    assert len(smtp.messages) == 1
    await assert_all_told_once(rescue, {"run.started": 1, "run.ended": 1, "message.sent": 1})


class Crash(BaseException):
    """The process dies here."""


async def crash_once(shop, step: str) -> None:
    """Work until just after a step is done, and die there."""
    store, method = step.split(".")
    target = getattr(shop.stores, store)
    original = getattr(target, method)

    async def dying(*args, **kwargs):
        result = await original(*args, **kwargs)
        if args[0]:
            raise Crash
        return result

    setattr(target, method, dying)
    lane = lane_of("ann")
    try:
        with pytest.raises(Crash):
            await lanes.work([lane], shop.lanes)
    finally:
        setattr(target, method, original)
    shop.bells.rung.clear()


async def assert_all_told_once(shop, expected: dict[str, int]) -> None:
    told = [entry.type for entry in await shop.stores.outbox.waiting(100)]
    assert {kind: told.count(kind) for kind in expected} == expected
    assert await shop.stores.events.count_pending() == 0
    assert await shop.stores.runs.documents.count_documents({"unsettled": {"$exists": True}}) == 0


async def test_pausing_a_campaign_holds_its_runs_and_ending_it_stops_them(rescue, smtp):
    await rescue.tell(event("cart_updated", "c1", total="25.50"))
    await rescue.work()
    (run,) = await rescue.runs()
    campaigns = rescue.stores.campaigns
    await campaigns.documents.update_one({"_id": run["campaign"]}, {"$set": {"status": "paused"}})
    await rescue.rulebook.refresh()
    rescue.clock.turn(hours=3)
    await rescue.work()
    await rescue.tell(event("cart_updated", "c2", total="25.50"))
    await rescue.work()
    assert not smtp.messages

    await campaigns.documents.update_one({"_id": run["campaign"]}, {"$set": {"status": "running"}})
    await rescue.rulebook.refresh()
    await rescue.work()

    assert len(smtp.messages) == 1
    assert len(await rescue.runs()) == 1


async def test_an_event_that_cannot_be_applied_is_set_aside_and_blocks_nobody(shop, smtp, caplog):
    await shop.template("greet")
    await shop.publish(GREET % "")
    await shop.person("ann")
    # A neighbour in the same lane.
    bob = next(f"b{n}" for n in range(9999) if lane_of(f"b{n}") == lane_of("ann"))
    await shop.person(bob)
    await shop.tell(event("cart_updated", "c1", total="1"))
    # What no check would let in: as if a later version had written it.
    await shop.stores.events.documents.update_one({}, {"$set": {"data": {"total": {"a": 1}}}})
    await shop.stores.events.documents.update_one({}, {"$set": {"received_at": None}})
    await shop.tell(event("cart_updated", "c2", user=bob, total="1"))

    for _ in range(lanes.FAILURES):
        await shop.work()

    assert [m["To"].addresses[0].username for m in smtp.messages] == [bob]
    dead = await shop.stores.events.documents.find_one({"_id": "api|c1"})
    assert "pending" not in dead
    assert dead["dead"]


async def test_what_one_run_does_at_once_counts_for_those_after_it(shop):
    await shop.publish(
        CART
        + """
trigger after { on cart_updated  for user.tags contains "seen"  then { stop } }
trigger first { on cart_updated  for not (user.tags contains "seen")  priority 2
  then { tag "seen" } }
trigger again { on cart_updated  for not (user.tags contains "seen")  priority 1
  then { stop } }
"""
    )
    await shop.person()

    await shop.tell(event("cart_updated", "c1", total="25.50"))
    await shop.work()

    assert {run["trigger"] for run in await shop.runs()} == {"first", "after"}


async def test_a_run_goes_on_by_the_version_it_started_under(shop):
    journey = CART + 'trigger t { on cart_updated  then { wait 1 hour  tag "%s" as mark } }'
    await shop.publish(journey % "old")
    await shop.person("ann")
    await shop.person("bob")
    await shop.tell(event("cart_updated", "c1", total="25"))
    await shop.work()

    await shop.publish(journey % "new")
    await shop.tell(event("cart_updated", "c2", user="bob", total="25"))
    await shop.work()
    shop.clock.turn(hours=1)
    await shop.work()

    tags = {
        user.id: user.tags for user in (await shop.stores.users.find_many(["ann", "bob"])).values()
    }
    assert tags == {"ann": ("old",), "bob": ("new",)}
    assert {effect["step"] for effect in await shop.effects()} == {"mark"}
