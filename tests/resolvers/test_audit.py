"""The audit log through the API: what mutations leave in it, and who reads it."""

from datetime import UTC, datetime

import pytest

from models.audit import SealKeys
from models.principal import Role
from schema.ids import to_global
from services import chaining
from tests.client import Api, Caller

KEYS = SealKeys.of("a secret for tests, long enough to sign")
LOG = """
query ($first: Int, $after: String, $about: ID) {
  auditLog(first: $first, after: $after, about: $about) {
    totalCount
    pageInfo { hasNextPage endCursor }
    edges { node {
      number at operation credential actorId result code about hash previousHash
    } }
  }
}
"""
KEY = """
mutation { createApiKey(input: { name: "shop", scopes: [EVENTS] }) { token apiKey { id } } }
"""
NAME = """
mutation ($name: String!, $version: Int!) {
  updateProfile(input: { name: $name, version: $version }) { userErrors { code } }
}
"""
INGEST = "mutation { ingestEvents(input: { events: [] }) { accepted } }"
SIGN_IN = """
mutation { signIn(input: { email: "eve@example.test", password: "wrong horse battery" }) {
  userErrors { code }
} }
"""


@pytest.fixture
async def admin(api: Api) -> Caller:
    return await api.caller(Role.ADMIN)


async def read(api: Api, admin: Caller, **wanted):
    while await chaining.link(stores=api.stores, wall=datetime.now(UTC), keys=KEYS):
        pass
    log = (await api.ask(LOG, wanted, by=admin))["auditLog"]
    return [edge["node"] for edge in log["edges"]], log


async def test_a_mutation_leaves_who_what_and_when_and_nothing_that_was_said(api, admin):
    ann = await api.caller(Role.CUSTOMER, name="Ann")
    await api.ask(NAME, {"name": "Ann of the Hill", "version": 1}, by=ann)
    key = (await api.ask(KEY, by=admin))["createApiKey"]

    (made, named), _ = await read(api, admin)

    assert (named["operation"], named["credential"]) == ("updateProfile", "SESSION")
    assert (named["actorId"], named["result"]) == (ann.global_id, "DONE")
    assert (made["operation"], made["actorId"]) == ("createApiKey", admin.global_id)
    assert made["about"] == [key["apiKey"]["id"]]
    assert made["previousHash"] == named["hash"]
    kept = str([entry async for entry in api.stores.audit.raw()])
    assert "Hill" not in kept
    assert key["token"] not in kept


async def test_an_api_key_is_named_by_its_id(api, admin):
    key = (await api.ask(KEY, by=admin))["createApiKey"]

    await api.post(INGEST, headers={"authorization": f"Bearer {key['token']}"})

    (taken, _), _ = await read(api, admin)
    assert (taken["operation"], taken["credential"]) == ("ingestEvents", "API_KEY")
    assert taken["actorId"] == key["apiKey"]["id"]


async def test_refusals_are_noted_unless_nobody_knows_whose(api, admin):
    ann = await api.caller(Role.CUSTOMER)
    assert await api.code(KEY, by=ann) == "FORBIDDEN"
    await api.ask(NAME, {"name": "Ann", "version": 7}, by=ann)
    user = (await api.join("eve@example.test", "correct horse battery"))["user"]["id"]
    await api.ask(SIGN_IN)

    entries, _ = await read(api, admin)

    assert [(each["operation"], each["result"], each["code"]) for each in entries] == [
        ("completeRegistration", "DONE", None),
        ("register", "DONE", None),
        ("updateProfile", "REFUSED", "CONFLICT"),
        ("createApiKey", "REFUSED", "FORBIDDEN"),
    ]
    assert (entries[0]["credential"], entries[0]["about"]) == ("NONE", [user])


async def test_the_log_is_read_in_pages_and_by_what_it_is_about(api, admin):
    keys = [(await api.ask(KEY, by=admin))["createApiKey"]["apiKey"]["id"] for _ in range(3)]

    first, log = await read(api, admin, first=2)
    rest, last = await read(api, admin, first=2, after=log["pageInfo"]["endCursor"])
    one, about = await read(api, admin, about=keys[0])

    assert [entry["number"] for entry in first + rest] == ["3", "2", "1"]
    assert (log["totalCount"], last["pageInfo"]["hasNextPage"]) == (3, False)
    assert one == rest
    assert about["totalCount"] == 1
    assert (await read(api, admin, about=to_global("ApiKey", "another")))[0] == []
