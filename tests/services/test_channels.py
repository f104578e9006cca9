"""Journeys reach people on every channel, each with its own template and its own consent."""

import json

import pytest

from devserver.web import Manner
from models.user import Consent
from services import webhooks
from tests.shop import NOW, event

RULES = """
event cart_updated { total: money USD }
trigger greet { on cart_updated  then { send %s "greet" with { total: event.total } } }
"""


async def greet(shop, channel: str, **person) -> dict:
    """Have a journey send on a channel, and return what became of it."""
    await shop.publish(RULES % channel)
    await shop.person(**({"consent": Consent(sms=True, push=True)} | person))
    await shop.tell(event("cart_updated", "c1", total="12"))
    await shop.work()
    (effect,) = await shop.effects()
    return effect


async def test_a_text_message_reaches_a_number(shop, web):
    await shop.template("greet", "", "{{ user.name }}: {{ total }}", channel="sms")

    effect = await greet(shop, "sms", phone="+43660123456")

    (received,) = web.received
    said = json.loads(received.body)
    assert (received.path, said["to"], said["text"]) == ("/sms", "+43660123456", "ann: 12.00")
    assert (effect["state"], effect["to"]) == ("sent", "+43660123456")


async def test_a_push_reaches_devices(shop, web):
    await shop.template("greet", "For {{ user.name }}", "{{ total }}", channel="push")

    effect = await greet(shop, "push", devices=("d1", "d2"))

    (received,) = web.received
    said = json.loads(received.body)
    assert (said["devices"], said["title"], said["body"]) == (["d1", "d2"], "For ann", "12.00")
    assert (effect["state"], effect["to"]) == ("sent", "2 devices")


@pytest.mark.parametrize("channel", ["sms", "push"])
async def test_nobody_is_sent_to_where_they_are_not_or_would_not(shop, web, channel):
    await shop.template("greet", "Hi" if channel == "push" else "", channel=channel)

    effect = await greet(shop, channel)

    assert (effect["state"], effect["reason"]) == ("skipped", "no_address")
    assert not web.received


async def test_no_consent_to_one_channel_is_none_even_with_consent_to_another(shop, web):
    await shop.template("greet", "", channel="sms")

    effect = await greet(shop, "sms", phone="+43660123456", consent=Consent(email=True, push=True))

    assert (effect["state"], effect["reason"]) == ("skipped", "no_consent")


async def test_a_gateway_that_falls_silent_leaves_marketing_unknown(shop, web):
    web.manner = Manner.HANGS_UP
    await shop.template("greet", "", channel="sms")

    effect = await greet(shop, "sms", phone="+43660123456")

    assert effect["state"] == "unknown"
    assert len(web.received) == 1


async def test_a_message_to_a_webhook_says_what_its_template_says(shop, web):
    await webhooks.create("crm", web.url, stores=shop.stores, now=NOW, private=True)
    await shop.template("greet", "crm", '{"name": {{ user.name | json }}}', channel="webhook")

    effect = await greet(shop, "webhook", name='Ann "Q"')

    (received,) = web.received
    assert json.loads(received.body) == {"name": 'Ann "Q"'}
    assert "webhook-signature" in received.headers
    assert effect["state"] == "sent"


async def test_a_message_to_a_webhook_that_is_not_json_fails_before_it_is_sent(shop, web):
    await webhooks.create("crm", web.url, stores=shop.stores, now=NOW, private=True)
    await shop.template("greet", "crm", '{"name": {{ user.name }}}', channel="webhook")

    effect = await greet(shop, "webhook")

    assert effect["state"] == "failed"
    assert "not JSON" in effect["reason"]
    assert not web.received


async def test_marketing_mail_can_be_ended_with_one_click(shop, smtp):
    await shop.template("greet", topic="baskets", text="End it: {{ unsubscribe_url }}")

    await greet(shop, "email", consent=Consent(email=True))

    (mail,) = smtp.messages
    url = mail["List-Unsubscribe"].strip("<>")
    assert url.startswith("https://shop.test/u/")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert url in mail.get_content()
    ended = shop.links.read_unsubscribe(url.rpartition("/")[2])
    assert (ended.user_id, ended.channel, ended.topic) == ("ann", "email", "baskets")


async def test_transactional_mail_cannot_be_ended(shop, smtp):
    await shop.template("greet")

    await greet(shop, "email transactional", consent=Consent())

    (mail,) = smtp.messages
    assert mail["List-Unsubscribe"] is None


async def test_nobody_is_told_about_a_topic_that_they_refused(shop, smtp):
    await shop.template("greet", topic="baskets")

    effect = await greet(
        shop, "email", consent=Consent(email=True, refused=frozenset({"email/baskets"}))
    )

    assert (effect["state"], effect["reason"]) == ("skipped", "topic_refused")
    assert not smtp.messages
