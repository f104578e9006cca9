"""What is changed behind the application's back has no entry in the audit log, and is named."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.audit import Actor, Credential, SealKeys
from models.principal import Role
from schema.ids import from_global
from services import chaining, standing
from services.audit import Recorder
from services.verify import verify
from tests.client import SECRET, Api, Caller
from tests.staging import once

KEYS = SealKeys.of(SECRET)
RELEASE = """
mutation ($files: [RulesFileInput!]!) {
  releaseRules(input: { files: $files }) { publication userErrors { message } }
}
"""
FIRST = """
mutation {
  createApiKey(input: { name: "shop", scopes: [EVENTS] }) { apiKey { id } }
  createWebhook(input: { name: "crm", url: "https://93.184.215.14/hook" }) { webhook { url } }
  saveTemplate(input: { name: "hello", subject: "Hi", text: "Hi" }) { template { version } }
  createCampaign(input: { title: "Spring" }) { campaign { id version } }
}
"""
THEN = """
mutation ($campaign: ID!, $version: Int!, $key: ID!) {
  updateCampaign(input: { id: $campaign, version: $version, title: "Autumn" }) {
    campaign { title }
  }
  rotateWebhookSecret(input: { name: "crm" }) { secret }
  updateWebhook(input: { name: "crm", enabled: false }) { webhook { enabled } }
  revokeApiKey(input: { id: $key }) { apiKey { revokedAt } }
}
"""
POLICY = """
mutation { updateMessagingPolicy(input: { version: 1, caps: [{ most: 3, days: 7 }] }) {
  policy { version } userErrors { message }
} }
"""


async def link(api: Api) -> None:
    later = datetime.now(UTC) + timedelta(minutes=1)
    while await chaining.link(stores=api.stores, wall=later, keys=KEYS):
        pass


async def found(api: Api) -> list[str]:
    return (await standing.check(stores=api.stores, keys=KEYS))[1]


@pytest.fixture
@once
async def made(api: Api) -> dict[str, Any]:
    """A key, a webhook, a template, campaigns and a publication, all made through the API."""
    admin = await api.caller(Role.ADMIN)
    # What was there before the log had seals of things is taken as it is.
    recorder = Recorder(api.stores, lambda: datetime.now(UTC))
    async with recorder.record("begin", Actor(Credential.COMMAND)):
        pass
    await link(api)
    first = await api.ask(FIRST, by=admin)
    file = {"name": "a", "text": "segment a { user.points > 1 }"}
    released = await api.ask(RELEASE, {"files": [file]}, by=admin)
    assert released["releaseRules"]["publication"] == 1
    await link(api)
    return {
        "admin": admin,
        "key": first["createApiKey"]["apiKey"]["id"],
        "campaign": first["createCampaign"]["campaign"]["id"],
    }


@pytest.fixture
def admin(made: dict[str, Any]) -> Caller:
    return made["admin"]


async def test_what_is_changed_through_the_api_has_an_entry(api, admin, made):
    assert await found(api) == []

    changes = {"campaign": made["campaign"], "version": 1, "key": made["key"]}
    await api.ask(THEN, changes, by=admin)
    assert await found(api) == []  # not noted yet
    await link(api)
    policy = (await api.ask(POLICY, by=admin))["updateMessagingPolicy"]
    await link(api)

    assert policy["userErrors"] == []
    looked_at, problems = await standing.check(stores=api.stores, keys=KEYS)
    # The key, the webhook, the template, two campaigns, the administrator, and the settings.
    assert (looked_at, problems) == ("7 things it is about", [])


@pytest.mark.parametrize(
    ("collection", "which", "change", "thing"),
    [
        ("api_keys", {}, {"$addToSet": {"scopes": "personal"}}, "ApiKey:"),
        ("api_keys", {}, {"$set": {"expires_at": datetime(2100, 1, 1, tzinfo=UTC)}}, "ApiKey:"),
        ("campaigns", {"key": "a"}, {"$set": {"source": "segment b { true }"}}, "Campaign:"),
        ("campaigns", {"title": "Spring"}, {"$set": {"title": "Mine"}}, "Campaign:"),
        ("templates", {}, {"$set": {"text": "Buy"}}, "Template:email/hello@1"),
        ("users", {}, {"$set": {"roles": ["customer"]}}, "User:"),
        ("users", {}, {"$addToSet": {"roles": "integrator"}}, "User:"),
        ("webhooks", {}, {"$set": {"url": "https://mine.example/"}}, "Webhook:crm"),
    ],
)
async def test_what_is_changed_with_the_driver_is_named(
    api, made, collection, which, change, thing
):
    done = await api.stores.users.database[collection].update_one(which, change)
    assert done.modified_count == 1

    (problem,) = await found(api)

    assert problem.startswith(thing)
    assert problem.endswith("was changed, and no entry says so")


async def test_a_publication_that_was_noted_may_not_change(api, admin, made):
    # One that may have changed more than it names: everything is sealed as it is then.
    await cut_off(api)

    await api.stores.publications.documents.update_one(
        {"_id": 1}, {"$set": {"sources.0.text": "segment a { true }"}}
    )

    assert await found(api) == ["Publication:1 was changed, and no entry says so"]


async def cut_off(api):
    recorder = Recorder(api.stores, lambda: datetime.now(UTC))
    with pytest.raises(asyncio.CancelledError):
        async with recorder.record("releaseRules", Actor(Credential.COMMAND)):
            raise asyncio.CancelledError
    await link(api)


async def test_who_is_staff_no_more_is_sealed_anew_with_everything(api, admin, made):
    await api.stores.users.documents.update_one(
        {"_id": admin.id}, {"$set": {"roles": ["customer"]}}
    )

    await cut_off(api)

    assert await found(api) == []


async def test_what_was_put_there_or_taken_away_is_named(api, made):
    keys = api.stores.api_keys.documents
    key = await keys.find_one()
    await keys.insert_one(key | {"_id": "mine"})
    await api.caller(Role.ADMIN)  # whom nobody has made one
    await api.caller(Role.CUSTOMER)
    await api.stores.templates.documents.delete_one({})

    problems = await found(api)

    there = "is there, and no entry says how it came to be"
    assert [problem.partition(":")[0] for problem in problems] == ["ApiKey", "User", "Template"]
    assert problems[0] == f"ApiKey:mine {there}"
    assert problems[1].endswith(there)
    assert problems[2] == "Template:email/hello@1 is gone, and no entry says so"


async def test_a_refusal_seals_nothing(api, admin, made):
    campaign = from_global("Campaign", made["campaign"])
    await api.stores.campaigns.documents.update_one({"_id": campaign}, {"$set": {"title": "Mine"}})
    stale = {"campaign": made["campaign"], "version": 99, "key": made["key"]}
    await api.ask(THEN, stale, by=admin)
    await link(api)

    assert await found(api) == [f"Campaign:{campaign} was changed, and no entry says so"]


async def test_who_puts_a_thing_and_its_seal_back_is_found_by_the_entry(api, admin, made):
    keys, states = api.stores.api_keys.documents, api.stores.audit_states.documents
    key, state = await keys.find_one(), await states.find_one({"_id": {"$regex": "^ApiKey"}})
    changes = {"campaign": made["campaign"], "version": 1, "key": made["key"]}
    await api.ask(THEN, changes, by=admin)
    await link(api)
    await keys.replace_one({"_id": key["_id"]}, key)
    await states.replace_one({"_id": state["_id"]}, state)

    (problem,) = await found(api)

    assert problem.startswith(f"{state['_id']} has the seal of an earlier change")


async def test_a_seal_made_without_the_key_is_none(api, made):
    strangers = SealKeys.of("what someone else has thought up, long enough")
    states = [state async for state in api.stores.audit_states.now("ApiKey")]
    await api.stores.audit_states.keep(states, 100, strangers)

    (problem,) = await found(api)

    assert problem.startswith(states[0].thing)
    assert "none of those given" in problem


async def test_what_was_not_sealed_before_a_kill_is_sealed_by_the_next_to_come(api, admin, made):
    changes = {"campaign": made["campaign"], "version": 1, "key": made["key"]}
    await api.ask(THEN, changes, by=admin)
    left = [api.stores.audit_drafts.documents, api.stores.audit_states.documents]
    before = [await documents.find().to_list(None) for documents in left]
    await link(api)
    # The entries have their place, and that is all that was done.
    for documents, kept in zip(left, before, strict=True):
        await documents.delete_many({})
        await documents.insert_many(kept)
    assert await found(api) == []  # it is yet to be noted

    await link(api)

    assert await found(api) == []
    assert await api.stores.audit_drafts.documents.count_documents({}) == 0


async def test_verify_names_it(api, made):
    await api.stores.webhooks.documents.update_one({}, {"$set": {"url": "https://mine.example/"}})
    now = datetime.now(UTC)

    findings = [each async for each in verify(stores=api.stores, now=now, wall=now, keys=KEYS)]

    (audit,) = [each for each in findings if each.id == "I10"]
    assert audit.problems == ["Webhook:crm was changed, and no entry says so"]
    assert audit.looked_at.endswith("things it is about")
