"""Unsubscribing: by a button or by the mail program, never by looking."""

from datetime import UTC, datetime

import pytest

from models.effect import Effect, EffectKind, EffectState
from models.principal import Role
from models.user import Consent
from services.links import Links, Subscription
from tests.client import SECRET

LINKS = Links("http://shop.test", SECRET)


@pytest.fixture
async def ann(api):
    return await api.caller(Role.CUSTOMER, consent=Consent(email=True, sms=True))


def link(user_id: str, channel: str = "email", topic: str = "") -> str:
    return LINKS.unsubscribe(Subscription(user_id, channel, topic, "run:step"))


async def consent(api, caller) -> Consent:
    return (await api.stores.users.get(caller.id)).consent


async def test_looking_shows_a_button_and_changes_nothing(api, ann):
    for method in ("GET", "HEAD"):
        answer = await api.http.request(method, link(ann.id))
        assert answer.status_code == 200

    assert '<form method="post">' in (await api.http.get(link(ann.id))).text
    assert (await consent(api, ann)).email


async def test_one_click_withdraws_the_consent_and_is_told_once(api, ann):
    for _ in range(2):
        answer = await api.http.post(
            link(ann.id), data={"List-Unsubscribe": "One-Click"}, follow_redirects=False
        )
        assert answer.status_code == 200

    assert await consent(api, ann) == Consent(email=False, sms=True)
    told = await api.stores.outbox.waiting(10)
    assert [(entry.type, entry.user_id) for entry in told] == [("consent.withdrawn", ann.id)]


async def test_a_topic_alone_can_be_refused(api, ann):
    answer = await api.http.post(link(ann.id, topic="newsletter"))

    assert "e-mails about newsletter" in answer.text
    assert await consent(api, ann) == Consent(
        email=True, sms=True, refused=frozenset({"email/newsletter"})
    )


async def test_a_link_that_is_not_ours_changes_nothing(api, ann):
    answer = await api.http.post(link(ann.id)[:-3])

    assert answer.status_code == 404
    assert (await consent(api, ann)).email


async def test_topics_are_refused_and_taken_back_in_the_profile(api, ann):
    query = """mutation ($version: Int!, $agreed: Boolean!) {
      updateProfile(input: { version: $version, consent: {
        topics: [{ channel: EMAIL, topic: "newsletter", agreed: $agreed }] } }) {
        user { consent { email refused { channel name } } }
      }
    }"""

    refused = await api.ask(query, {"version": 1, "agreed": False}, by=ann)
    taken_back = await api.ask(query, {"version": 2, "agreed": True}, by=ann)

    assert refused["updateProfile"]["user"]["consent"] == {
        "email": True,
        "refused": [{"channel": "EMAIL", "name": "newsletter"}],
    }
    assert taken_back["updateProfile"]["user"]["consent"] == {"email": True, "refused": []}


async def message(api, user_id: str) -> str:
    now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    effect = Effect(
        id="run:step",
        kind=EffectKind.MESSAGE,
        user_id=user_id,
        run_id="run",
        trigger="t",
        step="step",
        campaign_id="spring",
        publication=1,
        at=now,
        state=EffectState.SENT,
        channel="email",
    )
    await api.stores.effects.add([effect], wall=now)
    return effect.id


async def test_a_click_leads_on_and_is_told_once(api, ann):
    link = LINKS.click(await message(api, ann.id), "https://a.example/?x=1")

    for _ in range(2):
        answer = await api.http.get(link, follow_redirects=False)
        assert answer.status_code == 302
        assert answer.headers["location"] == "https://a.example/?x=1"

    (entry,) = await api.stores.outbox.waiting(10)
    assert (entry.type, entry.user_id, entry.campaign_id) == ("message.clicked", ann.id, "spring")
    assert entry.data["url"] == "https://a.example/?x=1"
    assert (await api.stores.effects.find("run:step")).clicked_at is not None


async def test_opening_is_told_once_and_looking_at_a_link_is_not(api, ann):
    effect_id = await message(api, ann.id)
    await api.http.head(LINKS.click(effect_id, "https://a.example/"), follow_redirects=False)
    for _ in range(2):
        answer = await api.http.get(LINKS.opened(effect_id))
        assert answer.headers["content-type"] == "image/gif"

    assert [entry.type for entry in await api.stores.outbox.waiting(10)] == ["message.opened"]


async def test_a_link_of_someone_elses_making_leads_nowhere(api, ann):
    forged = Links("http://shop.test", "another").click("run:step", "https://evil.example/")

    answer = await api.http.get(forged, follow_redirects=False)

    assert answer.status_code == 404
