"""Delivery: at most once for marketing, and every outcome recorded and told."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from models.errors import Conflict, NotFound
from models.ids import new_id
from models.user import Consent
from services import messages
from services.jobs import Job
from services.rulebook import Rulebook
from tests.shop import NOW, event
from tests.staging import once

RULES = """
event cart_updated { total: money USD }
trigger greet { on cart_updated  then { send email %s "greet" } }
"""


@pytest.fixture
@once
async def ready(shop):
    """A shop with one message that waits to be sent."""
    await prepare(shop, "")
    return shop


async def prepare(shop, kind: str) -> None:
    await shop.template("greet", "Hello {{ user.name }}", "Hi", html="<b>{{ user.name }}</b>")
    await shop.publish(RULES % kind)
    await shop.person(name="Ann <Q>")
    await shop.tell(event("cart_updated", "c1", total="1"))
    deliver, shop.deliver = shop.deliver, nothing
    await shop.work()
    shop.deliver = deliver


async def nothing() -> None:
    """Leave messages where they are."""


async def the_effect(shop) -> dict:
    (effect,) = await shop.effects()
    return effect


async def later(shop, seconds: float = 4) -> None:
    """Sweep after a while and deliver what was rung for."""
    shop.clock.real += timedelta(seconds=seconds)
    await shop.sweep()
    await shop.deliver()


async def test_a_message_has_both_parts_and_an_id_that_stays(ready, smtp):
    await ready.deliver()

    (message,) = smtp.messages
    assert message["Message-ID"].endswith("@example.test>")
    assert message["Subject"] == "Hello Ann <Q>"
    assert message.get_body(("html",)).get_content().strip() == "<b>Ann &lt;Q&gt;</b>"
    effect = await the_effect(ready)
    assert (effect["state"], effect["to"]) == ("sent", "ann@example.test")
    assert "next_at" not in effect


async def test_delivering_the_same_page_many_times_at_once_sends_once(ready, smtp):
    (ids,) = ready.bells.take(Job.SEND_MESSAGES)

    await asyncio.gather(*(messages.deliver([ids], ready.mail) for _ in range(8)))

    assert len(smtp.messages) == 1


async def test_a_lost_bell_is_rung_again_by_the_sweep(ready, smtp):
    ready.bells.rung.clear()

    await later(ready)

    assert len(smtp.messages) == 1


async def test_a_refusal_for_now_is_tried_again_later(ready, smtp):
    smtp.refusal = "451 try again"
    await ready.deliver()
    assert (await the_effect(ready))["state"] == "pending"

    smtp.refusal = None
    await later(ready, 10)

    assert len(smtp.messages) == 1
    assert (await the_effect(ready))["state"] == "sent"


async def test_a_message_refused_for_now_too_often_fails(ready, smtp):
    smtp.refusal = "451 try again"
    await ready.deliver()
    for _ in range(6):
        await later(ready, 400)

    effect = await the_effect(ready)
    assert (effect["state"], effect["failures"]) == ("failed", messages.FAILURES)
    assert "451" in effect["reason"]


async def test_a_refusal_for_good_is_final(ready, smtp):
    smtp.refusal = "550 no such user"

    await ready.deliver()

    assert (await the_effect(ready))["state"] == "failed"
    told = [entry.type for entry in await ready.stores.outbox.waiting(10)]
    assert told.count("message.failed") == 1


async def test_while_the_server_is_away_messages_wait_without_failing(ready):
    ready.mail.channels["email"]._port = 1
    await ready.deliver()
    for _ in range(7):
        await later(ready, 400)

    effect = await the_effect(ready)
    assert (effect["state"], effect["failures"]) == ("pending", 0)


async def test_marketing_found_half_sent_is_unknown_and_never_sent_again(ready, smtp):
    await half_send(ready)

    for _ in range(3):
        await later(ready, 100)

    assert not smtp.messages
    assert (await the_effect(ready))["state"] == "unknown"
    told = [entry.type for entry in await ready.stores.outbox.waiting(10)]
    assert told.count("message.unknown") == 1


async def test_transactional_mail_found_half_sent_is_sent_again(shop, smtp):
    await prepare(shop, "transactional")
    await half_send(shop)

    await later(shop, 100)
    await later(shop, 100)

    assert len(smtp.messages) == 1


async def die(shop, ids: list[str], times: int = 1) -> None:
    """Do what workers do that are killed before they send, with pauses that let leases run out."""
    for _ in range(times):
        about = {"wall": shop.clock.wall(), "lease": messages.LEASE}
        if not await shop.stores.effects.claim(ids, new_id(), **about):
            for each in ids:
                assert await shop.stores.effects.claim_suspect(each, new_id(), **about)
        shop.clock.real += messages.LEASE


async def test_what_five_workers_died_with_fails_with_an_alert_and_is_sent_on_request(shop, smtp):
    await prepare(shop, "")
    ids = [effect["_id"] for effect in await shop.effects()]

    await die(shop, ids, 4)
    failed_too_early = (await the_effect(shop))["state"]
    await die(shop, ids)
    await messages.deliver(ids, shop.mail)

    effect = await the_effect(shop)
    assert (failed_too_early, effect["state"]) == ("pending", "failed")
    assert effect["reason"] == "its worker was killed again and again"
    told = [entry.type for entry in await shop.stores.outbox.waiting(20)]
    assert told.count("alert.message_set_aside") == told.count("message.failed") == 1
    assert not smtp.messages
    await messages.retry(ids[0], stores=shop.stores, jobs=shop.bells, wall=shop.clock.wall())
    await shop.deliver()
    assert len(smtp.messages) == 1


async def test_what_fewer_workers_died_with_is_sent_once(shop, smtp):
    await prepare(shop, "")
    ids = [effect["_id"] for effect in await shop.effects()]
    await die(shop, ids, 4)

    await messages.deliver(ids, shop.mail)
    await messages.deliver(ids, shop.mail)

    assert len(smtp.messages) == 1


async def test_transactional_mail_that_five_workers_died_while_sending_is_given_up(shop, smtp):
    await prepare(shop, "transactional")
    await half_send(shop)
    for _ in range(4):
        shop.clock.real += messages.STUCK
        await shop.sweep()
        effect = await the_effect(shop)
        wall = shop.clock.wall()
        again = await shop.stores.effects.claim_suspect(
            effect["_id"], "t", wall=wall, lease=messages.LEASE
        )
        assert await shop.stores.effects.begin(again, "t", until=wall + messages.STUCK)

    await later(shop, 100)
    await later(shop)

    assert (await the_effect(shop))["state"] == "failed"
    assert not smtp.messages


async def test_a_worker_that_fails_at_a_message_is_not_taken_for_dead(ready, smtp):
    mail = replace(ready.mail, rulebook=Rulebook(ready.stores, fresh=0))
    await ready.stores.publications.documents.delete_many({})
    ids = [effect["_id"] for effect in await ready.effects()]
    for _ in range(7):
        with pytest.raises(NotFound):
            await messages.deliver(ids, mail)
        ready.clock.real += messages.LEASE

    assert await ready.stores.effects.suspects(ids, wall=ready.clock.wall()) == []
    assert (await the_effect(ready))["state"] == "pending"


async def half_send(shop) -> None:
    """Do what a worker does that is killed between `sending` and the answer."""
    (ids,) = shop.bells.take(Job.SEND_MESSAGES) or shop.bells.take(Job.SEND_URGENT)
    wall = shop.clock.wall()
    (effect,) = await shop.stores.effects.claim([ids], "t", wall=wall, lease=messages.LEASE)
    assert await shop.stores.effects.begin(effect, "t", until=wall + messages.STUCK)


async def test_consent_withdrawn_meanwhile_is_respected(ready, smtp):
    await ready.stores.users.documents.update_one({}, {"$set": {"consent.email": False}})

    await ready.deliver()

    assert not smtp.messages
    effect = await the_effect(ready)
    assert (effect["state"], effect["reason"]) == ("skipped", "no_consent")


async def test_transactional_mail_needs_no_consent(shop, smtp):
    await shop.template("greet")
    await shop.publish(RULES % "transactional")
    await shop.person(consent=Consent())
    await shop.tell(event("cart_updated", "c1", total="1"))

    await shop.work()

    assert len(smtp.messages) == 1


async def test_a_missing_template_fails_with_its_name(ready):
    await ready.stores.templates.documents.delete_many({})

    await ready.deliver()

    effect = await the_effect(ready)
    assert effect["state"] == "failed"
    assert "'greet'" in effect["reason"]


async def test_what_failed_is_tried_again_on_request(ready, smtp):
    smtp.refusal = "550 no such user"
    await ready.deliver()
    effect = await the_effect(ready)
    smtp.refusal = None

    await messages.retry(
        effect["_id"], stores=ready.stores, jobs=ready.bells, wall=ready.clock.wall()
    )
    await ready.deliver()

    assert len(smtp.messages) == 1
    assert (await the_effect(ready))["state"] == "sent"


async def test_what_was_sent_or_may_have_been_is_not_sent_again_on_request(ready, smtp):
    await half_send(ready)
    await later(ready, 100)
    effect = await the_effect(ready)

    with pytest.raises(Conflict, match="unknown"):
        await messages.retry(
            effect["_id"], stores=ready.stores, jobs=ready.bells, wall=ready.clock.wall()
        )
    with pytest.raises(NotFound):
        await messages.retry("gone", stores=ready.stores, jobs=ready.bells, wall=NOW)
