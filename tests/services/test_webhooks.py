"""Webhooks: made, changed, called at least once, signed with what the receiver knows."""

import json
from datetime import timedelta

import pytest

from devserver.process import free_port
from devserver.web import Manner
from models.effect import Effect, EffectKind, EffectState
from models.errors import Conflict, Invalid, NotFound
from models.webhook import OVERLAP
from services import webhooks
from services.permits import CLAIMS
from tests.shop import NOW


@pytest.fixture
async def crm(shop, web):
    """A shop with a webhook `crm` and a person."""
    await shop.person()
    await webhooks.create("crm", f"{web.url}/crm", stores=shop.stores, now=NOW, private=True)
    return shop


async def call(shop, id: str = "run:call", webhook: str = "crm") -> None:
    """Leave a call as a journey does."""
    effect = Effect(
        id=id,
        kind=EffectKind.CALL,
        user_id="ann",
        run_id="run",
        trigger="t",
        step="call",
        campaign_id=None,
        publication=1,
        at=NOW,
        state=EffectState.PENDING,
        channel="webhook",
        template=webhook,
        transactional=True,
        data={"total": "12.00"},
    )
    await shop.stores.effects.add([effect], wall=shop.clock.wall())


async def attend(shop, seconds: float = 4) -> dict:
    """Sweep after a while, deliver, and return the call."""
    shop.clock.real += timedelta(seconds=seconds)
    await shop.sweep()
    await shop.deliver()
    (effect,) = await shop.effects()
    return effect


async def test_a_call_arrives_with_what_the_journey_says(crm, web):
    await call(crm)

    effect = await attend(crm)

    (received,) = web.received
    said = json.loads(received.body)
    assert received.path == "/crm"
    assert (said["type"], said["data"], said["user"]) == ("journey.call", {"total": "12.00"}, "ann")
    assert effect["state"] == "sent"
    assert [entry.type for entry in await crm.stores.outbox.waiting(10)] == ["call.sent"]


async def test_a_call_that_may_have_arrived_is_repeated_with_the_same_id_and_body(crm, web):
    web.manner = Manner.HANGS_UP
    await call(crm)
    await attend(crm)
    web.manner = Manner.PLAIN

    effect = await attend(crm, 400)

    first, second = web.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert effect["state"] == "sent"


async def test_a_call_found_half_sent_is_sent_again(crm, web):
    await call(crm)
    wall = crm.clock.wall()
    (effect,) = await crm.stores.effects.claim(
        ["run:call"], "t", wall=wall, lease=timedelta(seconds=15)
    )
    await crm.stores.effects.begin(effect, "t", until=wall)

    await attend(crm, 100)
    await attend(crm)

    assert len(web.received) == 1


async def test_errors_of_the_server_are_tried_again_and_those_of_the_call_are_not(crm, web):
    web.status = 500
    await call(crm)
    assert (await attend(crm))["state"] == "pending"

    web.status = 422
    effect = await attend(crm, 400)

    assert (effect["state"], effect["reason"]) == ("failed", "it answered 422")
    assert [entry.type for entry in await crm.stores.outbox.waiting(10)] == ["call.failed"]


async def test_an_endpoint_that_is_away_is_given_up_after_many_tries(crm):
    await webhooks.update(
        "crm",
        url=f"http://127.0.0.1:{free_port()}/",
        enabled=None,
        stores=crm.stores,
        private=True,
    )
    await call(crm)

    for _ in range(CLAIMS):
        effect = await attend(crm, 400)
        assert effect["state"] == "pending"
    effect = await attend(crm, 400)

    assert effect["state"] == "failed"
    assert "cannot reach" in effect["reason"]


async def test_a_disabled_webhook_is_skipped_and_a_missing_one_fails(crm, web):
    await webhooks.update("crm", url=None, enabled=False, stores=crm.stores, private=True)
    await call(crm)
    effect = await attend(crm)
    assert (effect["state"], effect["reason"]) == ("skipped", "webhook_disabled")

    await crm.stores.effects.documents.delete_many({})
    await call(crm, webhook="gone")
    effect = await attend(crm)
    assert (effect["state"], effect["reason"]) == ("failed", "there is no webhook 'gone'")
    assert not web.received


async def test_after_a_rotation_both_secrets_sign_for_a_day(crm, web):
    old = await crm.stores.webhooks.get("crm")
    new = await webhooks.rotate_secret("crm", stores=crm.stores, now=NOW)

    assert new.keys(NOW) == (new.secrets[0].value, old.secrets[0].value)
    assert new.keys(NOW + OVERLAP) == (new.secrets[0].value,)
    await call(crm)
    await attend(crm)
    assert len(web.received[0].headers["webhook-signature"].split()) == 2


async def test_a_url_that_leads_inside_is_refused_when_it_is_registered(shop):
    for url in ("https://localhost/x", "http://shop.example/x", "https://127.0.0.1/"):
        with pytest.raises(Invalid) as refused:
            await webhooks.create("crm", url, stores=shop.stores, now=NOW, private=False)
        assert refused.value.field == ("url",)


async def test_names_are_unique_and_must_exist(crm, web):
    with pytest.raises(Conflict):
        await webhooks.create("crm", web.url, stores=crm.stores, now=NOW, private=True)
    with pytest.raises(Invalid):
        await webhooks.create("no name", web.url, stores=crm.stores, now=NOW, private=True)
    with pytest.raises(NotFound):
        await webhooks.rotate_secret("other", stores=crm.stores, now=NOW)
