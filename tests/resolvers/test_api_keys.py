"""API keys through the API: made once, used for what they are for, ended for good."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from models.api_key import Scope
from models.principal import Role
from resolvers.access import declared
from resolvers.api import api as schema
from services import api_keys, recent
from tests.client import Api, Caller
from tests.resolvers.test_access import FIELDS, simplest

CREATE = """
mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) {
    token
    apiKey { id name scopes expiresAt revokedAt }
    userErrors { code field message }
  }
}
"""
REVOKE = """
mutation ($id: ID!) {
  revokeApiKey(input: { id: $id }) { apiKey { revokedAt } userErrors { code message } }
}
"""
INGEST = "mutation { ingestEvents(input: { events: [] }) { accepted userErrors { code } } }"
# What a key of each scope may do: held against the whole API below.
REACH: dict[Scope, set[str]] = {
    Scope.BOUNCES: set(),  # an address of its own, no field
    Scope.EVENTS: {"Mutation.ingestEvents", "Mutation.identify"},
    Scope.EXPORTS: set(),  # likewise
    Scope.FEED: {"Subscription.feed", "Subscription.segmentChanges", "Subscription.alerts"},
    Scope.ORDERS: {
        "Query.order",
        "Query.orders",
        "Subscription.orderEvents",
        "Mutation.placeOrder",
        "Mutation.cancelOrder",
        "Mutation.returnItems",
        "Mutation.buyDrawEntry",
        "Mutation.claimStock",
        "Mutation.confirmClaim",
        "Mutation.returnClaim",
        "Mutation.openGroup",
        "Mutation.joinGroup",
    },
    Scope.PEOPLE: {"Mutation.erasePerson", "Query.erasure", "Query.exportPerson"},
    Scope.IMPORTS: {
        "Query.import",
        "Query.imports",
        "Query.importErrors",
        "Mutation.cancelImport",
    },
    Scope.PERSONAL: set(),  # goes with EXPORTS
    Scope.PRICES: {
        "Query.quoteCart",
        "Query.offersFor",
        "Query.codesFor",
        "Query.pointsAccount",
        "Query.pointsStatement",
    },
    Scope.PRODUCTS: {"Mutation.upsertProducts"},
}


@pytest.fixture
async def admin(api: Api) -> Caller:
    return await api.caller(Role.ADMIN)


async def made(api: Api, admin: Caller, *scopes: Scope) -> tuple[str, str]:
    """Return a new key's token and id."""
    wanted = {"name": "Web shop", "scopes": [scope.name for scope in scopes]}
    answer = (await api.ask(CREATE, {"input": wanted}, by=admin))["createApiKey"]
    assert answer["userErrors"] == []
    return answer["token"], answer["apiKey"]["id"]


def reach(name: str) -> Scope | None:
    access = declared(schema.get_field_for_type(name.partition(".")[2], "Subscription"))
    assert access is not None
    return access.scope


async def code(api: Api, query: str, token: str) -> str | None:
    answer = (await api.post(query, headers={"authorization": f"Bearer {token}"})).json()
    return answer["errors"][0]["extensions"]["code"] if "errors" in answer else None


async def test_a_key_is_shown_once_and_only_its_hash_is_kept(api: Api, admin: Caller) -> None:
    token, key_id = await made(api, admin, Scope.EVENTS)

    listed = await api.ask("{ apiKeys { id name scopes } }", by=admin)

    assert listed["apiKeys"] == [{"id": key_id, "name": "Web shop", "scopes": ["EVENTS"]}]
    stored = await api.stores.api_keys.documents.find_one({})
    assert stored is not None
    assert token[-43:] not in str(stored)  # 32 bytes, urlsafe: may hold an underline itself
    assert len(stored["hashed"]) == 64


async def test_a_key_that_is_asked_for_twice_is_made_once(api: Api, admin: Caller) -> None:
    wanted = {"name": "Web shop", "scopes": ["EVENTS", "ORDERS"], "idempotencyKey": "k1"}

    first, *others = await asyncio.gather(
        *(api.ask(CREATE, {"input": wanted}, by=admin) for _ in range(5))
    )

    assert others == [first] * 4
    assert await code(api, INGEST, first["createApiKey"]["token"]) is None
    assert await api.stores.api_keys.count() == 1
    assert first["createApiKey"]["token"].rpartition("_")[2] not in str(
        await api.stores.api_keys.documents.find_one({})
    )


async def test_the_key_of_one_request_is_not_that_of_another(api: Api, admin: Caller) -> None:
    wanted = {"name": "Web shop", "scopes": ["EVENTS"], "idempotencyKey": "k1"}
    mine = await api.ask(CREATE, {"input": wanted}, by=admin)

    another = await api.ask(CREATE, {"input": wanted | {"name": "Till"}}, by=admin)
    theirs = await api.ask(CREATE, {"input": wanted}, by=await api.caller(Role.ADMIN))

    assert another["createApiKey"]["token"] is None
    assert another["createApiKey"]["userErrors"][0]["code"] == "KEY_USED"
    assert theirs["createApiKey"]["apiKey"]["id"] != mine["createApiKey"]["apiKey"]["id"]


@pytest.mark.parametrize("since", ["long made", "revoked", "another server secret"])
async def test_a_key_is_not_shown_again_for_good(api: Api, admin: Caller, since: str) -> None:
    wanted = {"name": "Web shop", "scopes": ["EVENTS"], "idempotencyKey": "k1"}
    made = (await api.ask(CREATE, {"input": wanted}, by=admin))["createApiKey"]
    kept = api.stores.api_keys.documents
    if since == "long made":
        earlier = datetime.now(UTC) - timedelta(minutes=11)
        await kept.update_one({}, {"$set": {"made_at": earlier}})
    elif since == "revoked":
        await api.ask(REVOKE, {"id": made["apiKey"]["id"]}, by=admin)
    else:
        await kept.update_one({}, {"$set": {"hashed": "0" * 64}})

    again = (await api.ask(CREATE, {"input": wanted}, by=admin))["createApiKey"]

    assert (again["token"], again["userErrors"][0]["code"]) == (None, "ALREADY_MADE")
    assert "'Web shop' was made at" in again["userErrors"][0]["message"]


@pytest.mark.parametrize("scope", list(Scope))
async def test_a_key_may_do_what_its_scope_says_and_nothing_else(
    api: Api, admin: Caller, scope: Scope
) -> None:
    token, _ = await made(api, admin, scope)
    open_to_all = {name for name in FIELDS if await api.code(simplest(name)) != "UNAUTHENTICATED"}

    reached = {
        name
        for name in sorted(FIELDS.keys() - open_to_all)
        if not name.startswith("Subscription")
        and await code(api, simplest(name), token) != "FORBIDDEN"
    }

    # What is followed would have to tell something before it answers.
    followed = {name for name in FIELDS if name.startswith("Subscription") and reach(name) is scope}
    assert reached | followed == REACH[scope]


async def test_a_key_without_the_scope_is_told_which_it_lacks(api: Api, admin: Caller) -> None:
    token, _ = await made(api, admin, Scope.PRICES)

    answer = await api.post(INGEST, headers={"authorization": f"Bearer {token}"})

    assert answer.json()["errors"][0]["message"] == "This API key lacks the scope EVENTS."


async def test_a_key_is_no_person_and_says_for_whom_it_claims(api: Api, admin: Caller) -> None:
    token, _ = await made(api, admin, Scope.ORDERS)
    claim = """mutation { claimStock(input: { sale: "s", idempotencyKey: "k" }) {
      userErrors { field message } } }"""

    answer = await api.post(claim, headers={"authorization": f"Bearer {token}"})

    [refusal] = answer.json()["data"]["claimStock"]["userErrors"]
    assert refusal == {
        "field": ["userId"],
        "message": "Say for whom, with `userId` or `externalId`: a key is no person.",
    }


async def test_a_revoked_key_is_refused_within_five_seconds(
    api: Api, admin: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, key_id = await made(api, admin, Scope.EVENTS)
    assert await code(api, INGEST, token) is None

    answer = await api.ask(REVOKE, {"id": key_id}, by=admin)

    assert answer["revokeApiKey"]["apiKey"]["revokedAt"] is not None
    assert recent.FRESH < 5
    fresh = api_keys.Keys(api.stores)  # as this process is once its last look is too old
    with pytest.raises(Exception, match="not valid"):
        await fresh.read(token, now=datetime.now(UTC))


async def test_keys_that_are_wrong_in_any_way_are_refused_alike(api: Api, admin: Caller) -> None:
    token, _ = await made(api, admin, Scope.EVENTS)
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    ended, _ = await api_keys.create(
        "old",
        [Scope.EVENTS],
        expires_at=long_ago + timedelta(hours=1),
        caller=admin.principal,
        stores=api.stores,
        tokens=api.tokens,
        now=long_ago,
    )
    head, _, secret = token.rpartition("_")
    wrong = [
        f"{head}_{'A' * len(secret)}",
        f"fanfare_{'0' * 26}_{secret}",
        f"fanfare_{ended.id}_{secret}",
        "fanfare_",
        token + "x",
    ]

    answers = [
        await api.post(INGEST, headers={"authorization": f"Bearer {each}"}) for each in wrong
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.json()["errors"][0]["message"] for answer in answers}) == 1


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"name": " ", "scopes": ["EVENTS"]}, ["name"]),
        ({"name": "shop", "scopes": []}, ["scopes"]),
        (
            {"name": "shop", "scopes": ["EVENTS"], "expiresAt": "2020-01-01T00:00:00Z"},
            ["expiresAt"],
        ),
    ],
)
async def test_a_key_that_cannot_be_is_not_made(
    api: Api, admin: Caller, wanted: dict[str, object], field: list[str]
) -> None:
    answer = (await api.ask(CREATE, {"input": wanted}, by=admin))["createApiKey"]

    assert answer["token"] is None
    assert answer["userErrors"][0]["field"] == field
