"""`POST /v1/bounces`: what came back is not written to again."""

from datetime import UTC, datetime

import pytest

from models.api_key import Scope
from models.effect import Effect, EffectKind, EffectState
from models.messaging import Bar
from models.principal import Role
from services import api_keys
from services.composing import message_id
from services.suppression import Suppression
from tests.client import SECRET

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
async def key(api) -> str:
    return await make_key(api, Scope.BOUNCES)


async def make_key(api, scope: Scope) -> str:
    admin = await api.caller(Role.ADMIN)
    _, text = await api_keys.create(
        "mail",
        [scope],
        caller=admin.principal,
        stores=api.stores,
        tokens=api.tokens,
        now=datetime.now(UTC),
    )
    return text


async def tell(api, key: str | None, *bounces: dict):
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return await api.http.post("/v1/bounces", json={"bounces": list(bounces)}, headers=headers)


async def test_a_bounce_is_suppressed_and_told_with_its_message(api, key):
    ann = await api.caller(Role.CUSTOMER, email="ann@example.test")
    await api.stores.identities.settle("ann@example.test", ann.id)
    sent = Effect(
        id="run:step",
        kind=EffectKind.MESSAGE,
        user_id=ann.id,
        run_id="run",
        trigger="t",
        step="step",
        campaign_id="spring",
        publication=1,
        at=NOW,
        state=EffectState.SENT,
        channel="email",
    )
    await api.stores.effects.add([sent], wall=NOW)
    bounce = {
        "id": "b1",
        "type": "bounce",
        "address": "Ann@Example.test",
        "message_id": f"<{message_id(sent)}@shop.test>",
        "reason": "550 no such user",
    }

    for _ in range(2):
        answer = await tell(api, key, bounce)
        assert answer.json() == {
            "accepted": 1,
            "verdicts": [{"id": "b1", "outcome": "accepted"}],
        }

    suppression = Suppression(api.stores, SECRET)
    assert await suppression.find("email", "ann@example.test") is Bar.BOUNCE
    (entry,) = await api.stores.outbox.waiting(10)
    assert (entry.type, entry.user_id, entry.campaign_id) == ("message.bounced", ann.id, "spring")
    assert entry.data["message"] == "run:step"


async def test_what_comes_back_only_for_now_is_told_and_not_suppressed(api, key):
    full = {"id": "b1", "type": "bounce", "address": "ann@example.test", "permanent": False}
    await tell(api, key, full)

    assert await Suppression(api.stores, SECRET).find("email", "ann@example.test") is None
    assert len(await api.stores.outbox.waiting(10)) == 1


async def test_a_complaint_after_a_bounce_does_not_let_mail_through_again(api, key):
    for number, kind in enumerate(("complaint", "bounce", "complaint")):
        await tell(api, key, {"id": str(number), "type": kind, "address": "ann@example.test"})

    found = await Suppression(api.stores, SECRET).find("email", "ann@example.test")
    assert found is Bar.BOUNCE


async def test_one_that_is_wrong_does_not_keep_out_the_others(api, key):
    answer = await tell(
        api,
        key,
        {"id": "1", "type": "bounce", "address": "nonsense"},
        {"id": "2", "type": "bounce", "address": "ann@example.test"},
    )

    assert [each["outcome"] for each in answer.json()["verdicts"]] == ["rejected", "accepted"]


async def test_only_who_may_tells(api):
    other = await make_key(api, Scope.EVENTS)
    bounce = {"id": "1", "type": "bounce", "address": "ann@example.test"}

    assert (await tell(api, None, bounce)).status_code == 401
    assert (await tell(api, other, bounce)).status_code == 403
    assert not await api.stores.outbox.waiting(10)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"bounces": []}', b'{"bounces": [{"id": ""}]}'])
async def test_a_body_that_is_none_is_refused(api, key, body):
    answer = await api.http.post(
        "/v1/bounces", content=body, headers={"authorization": f"Bearer {key}"}
    )

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "INVALID"
