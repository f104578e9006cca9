"""What journeys do beside sending is done once, also when it is carried over twice."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from models.effect import EffectKind
from models.store.effects import effect_of
from services import lanes, runs, webhooks
from services.publications import RulesRefused
from tests.shop import NOW, event

CART = """
event cart_updated { total: money USD }
event praised { points: number  total: money USD }
promotion welcome { codes unique  take 10% off cart }
"""
TAGGED = 'segment tagged { user.tags contains "seen" }'
JOURNEY = 'trigger t { on cart_updated then { tag "seen" } }'
LOTTERY = """
lottery lucky {
  active from 2026-03-01 to 2026-04-01
  enter on praised
  limit 1 entries per user
  draw at 2026-04-02T12:00
  prize "Phone" quantity 1
}
"""


async def run_through(shop, steps: str, *, more: str = "", **clauses: str) -> None:
    """Publish a journey and start it once; settle its run twice, as after a crash."""
    await shop.publish(f"{CART}{more}\ntrigger t {{ on cart_updated  then {{ {steps} }} }}")
    await shop.person()
    await shop.tell(event("cart_updated", "c1", total="12.50"))
    settle = runs.settle

    async def twice(*args, **named) -> None:
        await settle(*args, **named)
        await settle(*args, **named)

    runs.settle = twice
    try:
        await shop.work()
    finally:
        runs.settle = settle


async def test_a_code_is_granted_once_and_later_letters_show_it(shop, smtp):
    await shop.template("hello", "For you", "Use {{ codes.welcome }}.")

    await run_through(shop, 'grant welcome for 14 days  wait 1 day  send email "hello"')
    shop.clock.turn(days=1)
    await shop.work()

    (code,) = await shop.stores.codes.documents.find().to_list()
    assert (code["promotion"], code["user"]) == ("welcome", "ann")
    assert code["expires_at"] == NOW + timedelta(days=14)
    (message,) = smtp.messages
    assert message.get_content().strip() == f"Use {code['code']}."


async def test_an_emitted_event_is_kept_once_and_starts_what_listens(shop):
    listening = 'trigger heard { on praised where total > 12 USD then { tag "praised" } }'

    await run_through(shop, "emit praised { points: 3, total: event.total }", more=listening)
    await shop.work()

    (told,) = await shop.stores.events.documents.find({"name": "praised"}).to_list()
    assert told["_id"].startswith("journey|")
    assert (told["data"], told["at"]) == ({"points": 3, "total": 1250}, NOW)
    assert (await shop.stores.users.get("ann")).tags == ("praised",)


async def test_points_are_awarded_once_and_the_next_step_knows(shop):
    await run_through(shop, 'award 50 points  if user.points = 50 { tag "fifty" }')

    user = await shop.stores.users.get("ann")
    assert (user.points, user.tags) == (50, ("fifty",))


async def test_a_lottery_is_entered_once_and_its_limit_holds(shop):
    await run_through(
        shop,
        "enter lucky  wait 1 day  enter lucky as again",
        more=LOTTERY,
    )
    shop.clock.turn(days=1)
    await shop.work()

    (entry,) = await shop.stores.entries.documents.find().to_list()
    first, again = await shop.effects_of("enter")
    assert entry["source"] == first["_id"]
    assert (first["state"], again["state"], again["reason"]) == (
        "done",
        "skipped",
        "no_more_entries",
    )


async def test_of_two_that_enter_at_once_the_one_with_priority_does_if_there_is_one_place(shop):
    await shop.publish(f"""
    {CART}{LOTTERY}
    trigger late {{ on cart_updated  limit 1 total  then {{ enter lucky }} }}
    trigger first {{ on cart_updated  priority 5  then {{ enter lucky }} }}
    """)
    await shop.person()
    await shop.tell(event("cart_updated", "c1", total="12.50"))
    await shop.work()

    (entry,) = await shop.stores.entries.documents.find().to_list()
    effects = await shop.effects_of("enter")
    reasons = {each["trigger"]: (each["state"], each["reason"]) for each in effects}
    assert reasons == {"first": ("done", ""), "late": ("skipped", "no_more_entries")}
    assert entry["source"] in {each["_id"] for each in effects if each["trigger"] == "first"}
    # The other has done nothing, and uses nothing up.
    acted = {run["trigger"]: run["acted"] for run in await shop.runs()}
    assert acted == {"first": True, "late": False}
    assert await shop.stores.limits.taken("late") == 0


async def test_a_lottery_that_is_closed_is_not_entered(shop):
    shop.clock.business = datetime(2026, 4, 2, 9, tzinfo=UTC)

    await run_through(shop, "enter lucky", more=LOTTERY)

    assert await shop.stores.entries.documents.count_documents({}) == 0
    (effect,) = await shop.effects_of("enter")
    assert (effect["state"], effect["reason"]) == ("skipped", "closed")
    assert [run["acted"] for run in await shop.runs()] == [False]


async def test_a_webhook_is_called_with_what_the_journey_says(shop, web):
    await webhooks.create("crm", f"{web.url}/crm", stores=shop.stores, now=NOW, private=True)

    await run_through(shop, 'call "crm" with { total: event.total }')
    await shop.deliver()

    (received,) = web.received
    assert json.loads(received.body)["data"] == {"total": "12.50"}
    (call,) = await shop.effects_of("call")
    assert call["state"] == "sent"


async def test_whoever_is_killed_before_settling_leaves_it_to_the_next(shop, monkeypatch):
    await shop.publish(
        f"{CART} trigger t {{ on cart_updated then {{ grant welcome for 1 day"
        " emit praised { points: 1 } award 5 points } }"
    )
    await shop.person()
    await shop.tell(event("cart_updated", "c1", total="1"))
    lane = (await shop.stores.events.pending_lanes())[0]

    async def killed(*_: object) -> None:
        raise ConnectionAbortedError

    monkeypatch.setattr(runs, "settle", killed)
    with pytest.raises(ConnectionAbortedError):
        await lanes.work([lane], shop.lanes)
    monkeypatch.undo()
    await shop.work()
    await shop.work()

    assert await shop.stores.codes.documents.count_documents({}) == 1
    assert await shop.stores.events.documents.count_documents({"name": "praised"}) == 1
    assert (await shop.stores.users.get("ann")).points == 5


@pytest.mark.parametrize(
    ("rules", "refused"),
    [
        ("trigger a { on praised then { emit praised {} } }", "emit praised"),
        (
            "trigger a { on praised then { if user.points > 3 { emit cart_updated {} } } }"
            " trigger b { on cart_updated then { emit praised {} } }",
            "for ever",
        ),
        ("trigger a { on praised then { wait 1 day  emit praised {} } }", None),
        ("trigger a { on praised limit 2 per user then { emit praised {} } }", None),
        ("trigger a { on praised then { emit cart_updated {} } }", None),
    ],
)
async def test_a_journey_that_would_start_itself_for_ever_is_refused(shop, rules, refused):
    if refused is None:
        await shop.publish(CART + rules)
        return
    with pytest.raises(RulesRefused) as error:
        await shop.publish(CART + rules)

    assert refused in error.value.message


async def test_people_are_looked_at_only_for_what_segments_ask_about(shop):
    await run_through(shop, 'tag "other"  wait 1 day  tag "seen"', more=TAGGED)
    await shop.fill()
    await shop.work()
    token = {"recheck.token": {"$exists": True}}

    await shop.stores.users.change(
        await of_kind(shop, EffectKind.TAG), frozenset({"user.household_size"})
    )
    assert await shop.stores.users.documents.count_documents(token) == 0
    await shop.stores.users.change(await of_kind(shop, EffectKind.TAG), frozenset({"user.tags"}))
    assert await shop.stores.users.documents.count_documents(token) == 1
    assert await shop.members("tagged") == {}

    shop.clock.turn(days=1)
    await shop.work()
    assert "ann" in await shop.members("tagged")


async def of_kind(shop, kind):
    found = await shop.stores.effects.documents.find({"kind": kind.value}).to_list()
    return [effect_of(document) for document in found]


async def test_a_segment_that_began_to_be_filled_meanwhile_learns_of_the_change(shop):
    """Its filling has passed the person before the change, and asks what nobody asked before."""
    await shop.publish(f"{CART}\n{JOURNEY}")
    await shop.person()
    await shop.fill()
    await shop.tell(event("cart_updated", "c1", total="12.50"))
    users = shop.stores.users
    change = users.change

    async def late(effects, asked):
        users.change = change
        await shop.publish(f"{CART}{TAGGED}\n{JOURNEY}")
        await shop.fill()
        await change(effects, asked)

    users.change = late
    try:
        await shop.work()
    finally:
        users.change = change
    await shop.work()

    assert "ann" in await shop.members("tagged")
