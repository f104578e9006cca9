"""Changes that are sent twice, or by two people at once: done once, or refused."""

import asyncio
from typing import Any

import pytest

from models.campaign import Act
from models.principal import Role
from services.releases import RulesFile, release
from tests.client import Api, Caller
from tests.shop import NOW

RULES = "promotion own { codes unique  take 5 USD off cart }"
BEGIN = """
mutation ($key: String, $title: String! = "Spring") {
  createCampaign(input: { title: $title, idempotencyKey: $key }) {
    campaign { id title version } userErrors { code field }
  }
}
"""
SAVE = """
mutation ($text: String!, $version: Int) {
  saveTemplate(input: { name: "hello", subject: "Hi", text: $text, version: $version }) {
    template { version text } userErrors { code }
  }
}
"""
WEBHOOK = """
mutation { createWebhook(input: { name: "crm", url: "https://93.184.216.34/" }) {
  webhook { version } userErrors { code }
} }
"""
CHANGE = """
mutation ($version: Int) {
  updateWebhook(input: { name: "crm", enabled: false, version: $version }) {
    webhook { version enabled } userErrors { code }
  }
}
"""
ROTATE = """
mutation ($version: Int) {
  rotateWebhookSecret(input: { name: "crm", version: $version }) {
    webhook { version } userErrors { code }
  }
}
"""
CODES = """
mutation ($key: String, $count: Int! = 3) {
  generateCodes(input: { promotion: "own", count: $count, idempotencyKey: $key }) {
    batch userErrors { code field }
  }
}
"""
BACK = """
mutation ($current: Int) {
  rollbackPublication(input: { publication: 1, current: $current }) {
    publication { number } userErrors { code }
  }
}
"""


@pytest.fixture
async def admin(api: Api) -> Caller:
    return await api.caller(Role.ADMIN)


async def done(api: Api, by: Caller, document: str, **given: Any) -> dict[str, Any]:
    (payload,) = (await api.ask(document, given, by=by)).values()
    assert isinstance(payload, dict)
    return payload


async def refusal(api: Api, by: Caller, document: str, **given: Any) -> str:
    (error,) = (await done(api, by, document, **given))["userErrors"]
    return str(error["code"])


async def test_a_campaign_is_begun_once_for_a_key(api: Api, admin: Caller) -> None:
    first, again = await asyncio.gather(
        *(done(api, admin, BEGIN, key="k"), done(api, admin, BEGIN, key="k"))
    )

    assert first["campaign"] == again["campaign"]
    assert await refusal(api, admin, BEGIN, key="k", title="Other") == "KEY_USED"
    assert await api.stores.campaigns.count() == 1
    assert (await done(api, admin, BEGIN, key="other"))["campaign"] != first["campaign"]
    other = await api.caller(Role.MARKETER)
    assert (await done(api, other, BEGIN, key="k"))["campaign"] != first["campaign"]
    assert await refusal(api, admin, BEGIN, key="") == "INVALID"


async def test_a_template_is_not_saved_over_what_was_not_seen(api: Api, admin: Caller) -> None:
    new = await done(api, admin, SAVE, text="one", version=0)
    again = await done(api, admin, SAVE, text="one", version=0)
    next_ = await done(api, admin, SAVE, text="two", version=1)

    assert new["template"]["version"] == again["template"]["version"] == 1
    assert next_["template"] == {"version": 2, "text": "two"}
    assert await refusal(api, admin, SAVE, text="three", version=1) == "CONFLICT"
    assert (await done(api, admin, SAVE, text="four"))["template"]["version"] == 3


async def test_a_webhook_is_changed_only_as_it_was_seen(api: Api, admin: Caller) -> None:
    seen = (await done(api, admin, WEBHOOK))["webhook"]["version"]

    changed = await done(api, admin, CHANGE, version=seen)

    assert changed["webhook"] == {"version": seen + 1, "enabled": False}
    assert await refusal(api, admin, CHANGE, version=seen) == "CONFLICT"
    assert await refusal(api, admin, ROTATE, version=seen) == "CONFLICT"
    assert (await done(api, admin, ROTATE, version=seen + 1))["webhook"]["version"] == seen + 2


async def test_codes_are_made_once_for_a_key(api: Api, admin: Caller) -> None:
    await release([RulesFile("r", "Rules", RULES)], Act("max", NOW), stores=api.stores)

    first = await done(api, admin, CODES, key="k")
    again = await done(api, admin, CODES, key="k")
    other = await done(api, admin, CODES, key="k2")

    assert first == again
    assert first["batch"] != other["batch"]
    assert await api.stores.codes.count("own", batch=first["batch"]) == 3
    assert await api.stores.codes.count("own", batch=None) == 6


async def test_codes_that_were_cut_off_are_made_up_to_their_number(api: Api, admin: Caller) -> None:
    await release([RulesFile("r", "Rules", RULES)], Act("max", NOW), stores=api.stores)
    batch = (await done(api, admin, CODES, key="k"))["batch"]
    await api.stores.codes.documents.delete_one({"batch": batch})

    assert (await done(api, admin, CODES, key="k"))["batch"] == batch

    assert await api.stores.codes.count("own", batch=batch) == 3


async def test_what_is_live_is_not_replaced_unseen(api: Api, admin: Caller) -> None:
    for text in (RULES, RULES.replace("5 USD", "6 USD")):
        await release([RulesFile("r", "Rules", text)], Act("max", NOW), stores=api.stores)

    assert await refusal(api, admin, BACK, current=1) == "CONFLICT"
    assert (await done(api, admin, BACK, current=2))["publication"] == {"number": 3}
