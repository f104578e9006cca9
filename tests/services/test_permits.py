"""Caps, holdout and suppression: what must not go is skipped and recorded, and the run goes on."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256

import pytest

from engine.chance import held_out
from models.errors import Conflict, Invalid
from models.event import lane_of
from models.messaging import Bar, Cap, Messaging
from models.user import Consent
from services import lanes, messaging
from services.permits import HOLDOUT
from tests.shop import NOW, event

RULES = """
event cart_updated { total: money USD }
trigger greet { on cart_updated reenter parallel  then { send %s "greet"  tag "greeted" } }
"""


async def policy(shop, *caps: Cap, holdout: int = 0) -> None:
    workspace = await shop.stores.workspace.get()
    wanted = Messaging(caps=caps, holdout=Decimal(holdout))
    await messaging.update_policy(wanted, version=workspace.version, stores=shop.stores)


async def ready(shop, kind: str = "email", **person) -> None:
    await shop.template("greet")
    await shop.publish(RULES % kind)
    await shop.person(**person)


async def greet(shop, *numbers: int) -> list[str]:
    """Have messages sent, and return what became of each so far."""
    for number in numbers:
        await shop.tell(event("cart_updated", f"c{number}", total="1"))
    await shop.work()
    return sorted(e["reason"] or e["state"] for e in await shop.effects() if e["template"])


async def test_a_message_too_many_is_skipped_and_the_run_goes_on(shop, smtp):
    await policy(shop, Cap(most=2, days=7, channel="email"))
    await ready(shop)

    assert await greet(shop, 1, 2, 3) == ["capped", "sent", "sent"]
    assert len(smtp.messages) == 2
    assert [run["state"] for run in await shop.runs()] == ["done"] * 3
    told = [
        entry.data["reason"]
        for entry in await shop.stores.outbox.waiting(50)
        if entry.type == "message.skipped"
    ]
    assert told == ["capped"]


ONCE = """
event cart_updated { total: money USD }
trigger greet { on cart_updated  limit 1 per user  limit 1 total  then { send email "greet" } }
"""


async def test_whoever_must_not_be_written_to_has_not_used_up_a_limit(shop, smtp):
    await shop.template("greet", topic="news")
    await shop.publish(ONCE)
    await shop.person(consent=Consent(email=True, refused=frozenset({"email/news"})))

    reasons = [await greet(shop, 1)]
    user = await shop.stores.users.get("ann")
    await shop.stores.users.save_many([replace(user, consent=Consent(email=True))])
    await shop.suppression.add("email", "ann@example.test", Bar.MANUAL, now=NOW)
    reasons.append(await greet(shop, 2))
    await shop.suppression.remove("email", "ann@example.test")
    await policy(shop, Cap(most=0, days=1))
    reasons.append(await greet(shop, 3))
    await policy(shop)

    assert await greet(shop, 4) == sorted([*reasons[-1], "sent"])
    assert reasons[-1] == ["capped", "suppressed", "topic_refused"]
    assert [run["acted"] for run in await shop.runs()].count(True) == 1
    assert len(smtp.messages) == 1


async def test_whoever_is_held_out_has_not_used_up_a_limit(shop):
    await policy(shop, holdout=50)
    await shop.template("greet")
    await shop.publish(ONCE)
    out = next(f"p{n}" for n in range(99) if held_out(f"p{n}", HOLDOUT, Decimal(50)))
    await shop.person(out)
    for number in (1, 2):
        await shop.tell(event("cart_updated", f"c{number}", user=out, total="1"))
        await shop.work()

    assert [run["acted"] for run in await shop.runs(out)] == [False, False]
    assert await shop.stores.limits.taken("greet") == 0


async def test_a_place_that_somebody_could_not_use_goes_to_the_next_of_the_same_page(shop, smtp):
    await policy(shop, holdout=50)
    await shop.template("greet")
    await shop.publish(ONCE)
    people = [f"p{n:02}" for n in range(99)]
    out = next(each for each in people if held_out(each, HOLDOUT, Decimal(50)))
    other = next(e for e in people if e > out and not held_out(e, HOLDOUT, Decimal(50)))
    for person in (out, other):
        await shop.person(person)
        await shop.tell(event("cart_updated", f"c-{person}", user=person, total="1"))

    await shop.work()

    assert [mail["To"].addresses[0].username for mail in smtp.messages] == [other]
    assert await shop.stores.limits.taken("greet") == 1


async def test_who_gave_a_place_back_takes_it_anew(shop):
    limits = shop.stores.limits
    assert await limits.take("greet", "first", most=1)
    await limits.give_back("greet", "first")
    assert await limits.take("greet", "second", most=1)

    assert not await limits.take("greet", "first", most=1)
    await limits.give_back("greet", "second")
    assert [await limits.take("greet", "first", most=1) for _ in range(2)] == [True, True]
    assert await limits.taken("greet") == 1


async def test_a_message_counts_from_the_step_that_sends_it(shop):
    await policy(shop, Cap(most=1, days=7))
    await shop.template("greet")
    await shop.publish(
        RULES % "email" + 'trigger other { on cart_updated  then { send email "greet" } }'
    )
    await shop.person()
    await shop.tell(event("cart_updated", "c1", total="1"))

    await lanes.work([lane_of("ann")], shop.lanes)  # nothing has been delivered yet

    assert sorted(e["state"] for e in await shop.effects() if e["template"]) == [
        "pending",
        "skipped",
    ]


async def test_a_message_that_leaves_late_counts_from_then_on(shop, smtp):
    await policy(shop, Cap(most=1, days=1))
    await ready(shop)
    await shop.tell(event("cart_updated", "c1", total="1"))
    await lanes.work([lane_of("ann")], shop.lanes)

    shop.clock.turn(hours=20)
    await shop.sweep()
    await shop.deliver()
    assert len(smtp.messages) == 1
    shop.clock.turn(hours=5)  # 25 after the step, 5 after it left

    assert await greet(shop, 2) == ["capped", "sent"]
    shop.clock.turn(hours=20)
    assert await greet(shop, 3) == ["capped", "sent", "sent"]


async def test_a_cap_is_about_the_days_before_a_message(shop):
    await policy(shop, Cap(most=1, days=7))
    await ready(shop)
    await greet(shop, 1)

    shop.clock.turn(days=6, hours=23)
    assert await greet(shop, 2) == ["capped", "sent"]
    shop.clock.turn(hours=2)
    assert await greet(shop, 3) == ["capped", "sent", "sent"]


async def test_transactional_messages_neither_count_nor_are_capped(shop):
    await policy(shop, Cap(most=0, days=1))
    await ready(shop, "email transactional")

    assert await greet(shop, 1, 2) == ["sent", "sent"]


async def test_a_cap_on_one_channel_leaves_the_others(shop, web):
    await policy(shop, Cap(most=0, days=1, channel="email"))
    await shop.template("greet", "", channel="sms")
    await ready(shop, "sms", phone="+43660123456", consent=Consent(sms=True))

    assert await greet(shop, 1) == ["sent"]


async def test_no_cap_is_exceeded_however_many_send_at_once(shop):
    take = shop.stores.frequencies.take
    caps = (Cap(most=5, days=7), Cap(most=3, days=7, channel="email"))
    wanted = [(f"m{n}", "email" if n % 2 else "sms") for n in range(40)]

    taken = await asyncio.gather(
        *(take("ann", message, channel, caps, now=NOW) for message, channel in wanted)
    )

    went = [channel for (_, channel), ok in zip(wanted, taken, strict=True) if ok]
    assert len(went) == 5
    assert went.count("email") <= 3
    assert await shop.stores.frequencies.overdone() == []


async def test_a_message_tried_again_counts_once(shop):
    for _ in range(3):
        assert await shop.stores.frequencies.take(
            "ann", "m1", "email", (Cap(most=1, days=7),), now=NOW
        )


async def test_a_message_that_failed_does_not_count(shop, smtp):
    await policy(shop, Cap(most=1, days=7))
    await ready(shop)
    smtp.refusal = "550 no"
    assert "550" in (await greet(shop, 1))[0]

    smtp.refusal = None
    assert "sent" in await greet(shop, 2)


async def test_verify_finds_a_cap_that_was_exceeded(shop):
    caps = (Cap(most=1, days=7),)
    await shop.stores.frequencies.take("ann", "m1", "email", caps, now=NOW)
    more = {"id": "m2", "channel": "email", "at": NOW + timedelta(days=1)}
    await shop.stores.frequencies.documents.update_one({}, {"$push": {"sent": more}})

    assert await shop.stores.frequencies.overdone() == ["ann: 2 of 1"]


async def test_people_held_out_get_no_marketing(shop, smtp):
    await policy(shop, holdout=50)
    people = [f"p{n}" for n in range(20)]
    out = {person for person in people if held_out(person, HOLDOUT, Decimal(50))}
    await shop.template("greet")
    await shop.publish(RULES % "email")
    for person in people:
        await shop.person(person)
        await shop.tell(event("cart_updated", f"c-{person}", user=person, total="1"))
    await shop.work()

    assert 0 < len(out) < 20
    skipped = {e["user"] for e in await shop.effects() if e["reason"] == "holdout"}
    assert skipped == out
    assert {mail["To"].partition("@")[0].rpartition("<")[2] for mail in smtp.messages} == (
        set(people) - out
    )


@pytest.mark.parametrize(
    ("bar", "kind", "ends"),
    [
        (Bar.BOUNCE, "email", "suppressed"),
        (Bar.BOUNCE, "email transactional", "suppressed"),
        (Bar.COMPLAINT, "email", "suppressed"),
        (Bar.COMPLAINT, "email transactional", "sent"),
        (Bar.MANUAL, "email", "suppressed"),
    ],
)
async def test_an_address_on_the_list_is_not_written_to(shop, bar, kind, ends):
    await shop.suppression.add("email", "Ann@Example.test", bar, now=NOW)
    await ready(shop, kind)

    assert await greet(shop, 1) == [ends]


async def test_the_list_does_not_give_addresses_away(shop):
    await shop.suppression.add("email", "ann@example.test", Bar.MANUAL, now=NOW)

    (document,) = await shop.stores.suppressions.documents.find().to_list()
    assert "ann@" not in str(document)
    assert document["_id"] != sha256(b"ann@example.test").hexdigest()


async def test_a_policy_that_cannot_be_is_refused(shop):
    for wrong in (Cap(most=-1, days=1), Cap(most=1, days=0), Cap(most=1, days=1, channel="social")):
        with pytest.raises(Invalid):
            await policy(shop, wrong)
    with pytest.raises(Invalid):
        await policy(shop, holdout=60)
    with pytest.raises(Conflict):
        await messaging.update_policy(Messaging(), version=99, stores=shop.stores)
