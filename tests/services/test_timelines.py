"""What happened to a person in one order, and why something did not."""

from datetime import timedelta

import pytest

from models.errors import NotFound
from models.messaging import Cap, Messaging
from models.paging import Window
from models.timeline import TimelineKind, Which
from models.user import Consent
from services import messaging, timelines, tracking
from tests.shop import NOW, event
from tests.staging import once

RULES = """
event cart_updated { total: money USD }
promotion p { codes unique  take 10% off cart }
campaign spring { holdout 1% }
segment known { user.points >= 0 }
trigger rescue {
  on cart_updated where total >= 20 USD
  for user.consent.email = true or user.points >= 0
  limit 1 per user per 7 days
  goal order_placed within 3 days
  then {
    wait 1 hour
    grant p for 2 days
    award 5 points
    tag "warm"
    send email "rescue"
  }
}
trigger morning { every day at 09:00  limit 1 total  then { tag "up" } }
"""


@pytest.fixture
@once
async def ann(shop, smtp):
    await shop.template("rescue")
    await shop.publish(RULES)
    await shop.person()
    await shop.tell(event("cart_updated", "c1", total="25"))
    await shop.work()
    shop.clock.turn(hours=1)
    await shop.work()
    shop.clock.turn(hours=1)
    await shop.tell(event("order_placed", "o1", order_id="1", total="25"))
    await shop.work()
    return shop


async def everything(shop, **window) -> list:
    timeline = await timelines.of("ann", stores=shop.stores)
    return (await timeline.page(Window(limit=100, **window))).items


async def test_events_that_start_nothing_and_entries_into_segments_say_why(ann):
    await ann.fill()
    late = NOW - timedelta(days=3)
    await ann.tell(event("cart_updated", "late", at=late, total="30"))
    await ann.work()

    whys = {entry.id: entry.why for entry in await everything(ann)}

    assert (whys["event:api|late"], whys["event:api|c1"]) == ("too_late", "")
    (entered,) = [why for key, why in whys.items() if key.startswith("segment_entered:")]
    assert entered == "1"  # the publication's number


async def test_all_that_happened_is_there_the_newest_first(ann):
    entries = await everything(ann)

    assert [entry.at for entry in entries] == sorted([e.at for e in entries], reverse=True)
    told = {(str(entry.kind), entry.name, entry.state) for entry in entries}
    assert told >= {
        ("event", "cart_updated", ""),
        ("event", "order_placed", ""),
        ("run_started", "rescue", ""),
        ("run_ended", "rescue", "done"),
        ("goal_reached", "rescue", ""),
        ("message", "rescue", "sent"),
        ("grant", "p", "done"),
        ("tag", "warm", "done"),
        ("award", "award", "done"),
        ("points", "awarded", ""),
    }
    (started,) = [entry for entry in entries if entry.kind == "run_started"]
    assert (started.at, started.why) == (NOW, "api|c1")


async def test_pages_join_without_a_seam_also_where_much_happens_at_once(ann):
    timeline = await timelines.of("ann", stores=ann.stores)
    whole = [entry.id for entry in await everything(ann)]
    found, start = [], None
    while True:
        page = await timeline.page(Window(limit=2, start=start))
        found += [entry.id for entry in page.items]
        if not page.more:
            break
        last = page.items[-1]
        start = (last.at.isoformat(), last.id)

    assert found == whole
    assert len(whole) == await timeline.count()
    middle = (await everything(ann))[4]
    before = await timeline.page(
        Window(limit=2, start=(middle.at.isoformat(), middle.id), backward=True)
    )
    assert [entry.id for entry in before.items] == whole[2:4]


async def test_a_skipped_message_says_why(shop):
    await shop.template("rescue")
    await shop.publish(RULES)
    await shop.person(consent=Consent(email=False))
    await shop.tell(event("cart_updated", "c1", total="25"))
    await shop.work()
    shop.clock.turn(hours=1)
    await shop.work()

    (message,) = [entry for entry in await everything(shop) if entry.kind == "message"]
    assert (message.state, message.why) == ("skipped", "no_consent")


async def test_what_was_opened_and_clicked_is_there(ann):
    (message,) = await ann.effects_of("message")
    ann.clock.turn(minutes=1)
    now = ann.clock.now()
    await tracking.note_open(message["_id"], stores=ann.stores, now=now)
    ann.clock.turn(minutes=1)
    for url in ("https://a.example/", "https://b.example/"):
        await tracking.note_click(message["_id"], url, stores=ann.stores, now=ann.clock.now())

    clicked, opened, *_ = await everything(ann)

    assert (opened.kind, opened.at, opened.name, opened.trigger) == (
        "message_opened",
        now,
        "rescue",
        "rescue",
    )
    assert clicked.kind == "message_clicked"
    assert clicked.data == {"channel": "email", "data": {}, "link": "https://a.example/"}
    only = Which(frozenset({TimelineKind.MESSAGE_CLICKED}))
    timeline = await timelines.of("ann", only, stores=ann.stores)
    assert [entry.id for entry in (await timeline.page(Window(limit=9))).items] == [clicked.id]
    assert await timeline.count() == 1
    assert (await ann.stores.timelines.find_many([opened.id]))[opened.id] == opened


DEALT = """
event cart_updated { total: money USD }
campaign quiet { holdout 100% }
trigger held { on cart_updated  then { tag "held" } }
"""
SPLIT = """
event cart_updated { total: money USD }
trigger asked { on cart_updated  holdout 0%  goal order_placed within 3 days
  then { split size { 100% ten { wait 1 hour  split gift { 100% cup { tag "cup" } } } } } }
"""


async def splits(shop) -> dict[str, list[dict]]:
    await shop.person()
    await shop.tell(event("cart_updated", "c1", total="25"))
    await shop.work()
    shop.clock.turn(minutes=9)
    await shop.tell(event("order_placed", "o1", order_id="1", total="25"))
    await shop.work()
    shop.clock.turn(hours=1)
    await shop.work()
    return {
        str(entry.kind): entry.data.get("splits", [])
        for entry in await everything(shop)
        if entry.run_id and not entry.kind.startswith("tag")
    }


async def test_a_journey_shows_the_arms_it_came_to_and_a_goal_those_before_it(shop):
    await shop.publish(SPLIT)

    found = await splits(shop)

    begun, ten = {"split": None, "arm": "begun"}, {"split": "size", "arm": "ten"}
    cup = {"split": "gift", "arm": "cup"}
    assert found["goal_reached"] == [begun, ten]
    assert found["run_started"] == found["run_ended"] == [begun, ten, cup]


async def test_who_is_held_out_sees_by_which_holdout(shop):
    await shop.publish(DEALT)

    found = await splits(shop)

    held = [{"split": None, "arm": "held_out", "by": "quiet"}]
    assert found == {"run_started": held, "run_ended": held}


async def why(shop, trigger: str, user: str = "ann") -> dict[str, tuple[bool, str, str]]:
    account, _ = await timelines.why_not(
        user, trigger, stores=shop.stores, rulebook=shop.rulebook, now=shop.clock.now()
    )
    return {c.name: (c.holds, c.text, c.change) for c in account.clauses if not c.holds}


async def test_a_used_up_limit_says_when_it_is_free_again(ann):
    hindered = await why(ann, "rescue")

    (holds, text, change) = hindered["limit 1 per user per 7 days"]
    assert (holds, text) == (False, "1 used")
    assert change.startswith("free again on ")
    assert "9" in change
    ann.clock.turn(days=7)
    assert await why(ann, "rescue") == {}


async def test_consent_conditions_and_a_full_total_are_named(shop):
    await shop.template("rescue")
    await shop.publish(RULES)
    await shop.person("ann", consent=Consent(email=False))
    await shop.person("bob")
    await shop.tell(event("cart_updated", "c1", total="5"))
    await shop.work()

    hindered = await why(shop, "rescue")

    assert set(hindered) == {"on cart_updated where", 'send email "rescue"'}
    assert hindered['send email "rescue"'][1] == "they have not agreed to it"
    await shop.occur()
    shop.clock.turn(hours=21)
    await shop.occur()
    assert (await why(shop, "morning", "bob"))["limit 1 total"][1] == "1 used"


async def test_what_keeps_marketing_of_all_campaigns_away_is_named(ann):
    ann.clock.turn(days=7)
    workspace = await ann.stores.workspace.get()
    cap = Messaging(caps=(Cap(most=0, days=1),))
    await messaging.update_policy(cap, version=workspace.version, stores=ann.stores)

    hindered = await why(ann, "rescue")

    assert {name: text for name, (_, text, _) in hindered.items()} == {
        'send email "rescue"': "it would be one too many"
    }
    assert await ann.stores.frequencies.of_users(["ann"]) == {}


async def test_a_run_that_is_under_way_is_named(shop):
    await shop.template("rescue")
    await shop.publish(
        RULES.replace("wait 1 hour", 'tag "x"  wait 1 hour').replace(
            "limit 1 per user per 7 days", ""
        )
    )
    await shop.person()
    await shop.tell(event("cart_updated", "c1", total="25"))
    await shop.work()
    shop.clock.turn(minutes=5)

    hindered = await why(shop, "rescue")

    assert hindered["reenter"][1].startswith("a run is under way since")
    shop.clock.turn(hours=1)
    await shop.work()
    shop.clock.business += timedelta(seconds=1)
    assert await why(shop, "rescue") == {}


async def test_a_trigger_by_the_clock_says_when_it_comes_next(shop):
    await shop.publish(
        "trigger daily { every day at 09:00 in user timezone then { stop } }"
        " trigger once { at 2026-03-01T09:00 then { stop } }"
    )
    await shop.person(timezone="Asia/Tokyo")

    account, _ = await timelines.why_not(
        "ann", "daily", stores=shop.stores, rulebook=shop.rulebook, now=shop.clock.now()
    )

    (clause,) = [clause for clause in account.clauses if clause.name == "every"]
    assert "2026-03-03" in clause.text
    assert "09:00" in clause.text
    assert (await why(shop, "once"))["at"][1] == "its time is over"


async def test_of_nobody_and_of_no_trigger_nothing_can_be_told(ann):
    with pytest.raises(NotFound):
        await timelines.of("nobody", stores=ann.stores)
    with pytest.raises(NotFound):
        await why(ann, "reskue")
    with pytest.raises(NotFound):
        await why(ann, "rescue", "nobody")
