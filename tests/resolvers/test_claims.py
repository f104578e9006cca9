"""Flash sales through the API."""

import time
from collections import Counter
from urllib.parse import urlsplit

import pytest

from models.campaign import Act
from models.principal import Role
from schema.ids import from_global, to_global
from services import stocks
from services.releases import RulesFile, release
from tests.client import NO_REDIS, Api, serving
from tests.shop import NOW
from tests.staging import once
from tests.wire import between

SALE = """
flash_sale midnight { active from 2020-01-01  sku "A100" at 99 CNY stock 2  limit 1 per user }
"""
CLAIM = """
mutation ($input: ClaimStockInput!) {
  claimStock(input: $input) {
    claim { id sku state heldAt heldUntil } userErrors { code field message }
  }
}
"""


@pytest.fixture
@once
async def sale(api: Api) -> Api:
    await release([RulesFile("sale", "Sale", SALE)], Act("cli", NOW), stores=api.stores)
    return api


async def claim(api: Api, by, key: str = "k", **fields):
    variables = {"input": {"sale": "midnight", "idempotencyKey": key, **fields}}
    payload = (await api.ask(CLAIM, variables, by=by))["claimStock"]
    errors = [error["code"] for error in payload["userErrors"]]
    return payload["claim"] or errors


async def test_a_unit_is_held_for_whoever_claims_it_first(sale):
    ann, bob, cy = [await sale.caller(Role.CUSTOMER) for _ in range(3)]

    first = await claim(sale, ann)
    assert (first["sku"], first["state"]) == ("A100", "HELD")
    assert await claim(sale, ann) == first
    assert await claim(sale, ann, "another") == ["LIMIT_REACHED"]
    assert (await claim(sale, bob))["id"] != first["id"]
    assert await claim(sale, cy) == ["SOLD_OUT"]

    left = (await sale.ask('{ stock(sale: "midnight") { initial free held sold } }'))["stock"]
    assert left == {"initial": 2, "free": 0, "held": 2, "sold": 0}


async def test_the_audit_log_knows_who_claims_and_from_whom_nothing_was_left(sale):
    ann, bob, cy = [await sale.caller(Role.CUSTOMER) for _ in range(3)]
    made = [(by.id, (await claim(sale, by))["id"]) for by in (ann, bob)]
    assert await claim(sale, cy) == ["SOLD_OUT"]

    await stocks.look_after(NOW, stores=sale.stores)

    drafts = await sale.stores.audit_drafts.documents.find({"operation": "claimStock"}).to_list()
    assert {(each["by"]["id"], *each["about"]) for each in drafts} == {
        (user, f"User:{user}", f"Claim:{from_global('Claim', id_)}") for user, id_ in made
    }
    assert {(each["by"]["credential"], each["result"]) for each in drafts} == {("session", "done")}


async def test_once_all_is_gone_the_database_is_asked_twice_a_second_at_most(sale, mongodb_uri):
    buyers = [await sale.caller(Role.CUSTOMER) for _ in range(12)]
    async with (
        between(urlsplit(mongodb_uri).port) as wire,
        serving(
            mongodb_uri=wire.uri,
            database=sale.stores.claims.database.name,
            redis_url=NO_REDIS,
        ) as api,
    ):
        for buyer in buyers[:3]:
            await claim(api, buyer)
        wire.asked.clear()
        began = time.monotonic()

        for buyer in buyers[3:] * 5:
            assert await claim(api, buyer) == ["SOLD_OUT"]

        looks = 1 + (time.monotonic() - began) / 0.5
        asked = Counter(wire.asked)
    # What is left, and whether it is the asker's; what is live, and whether anything has changed:
    # twice a second, and not for each of the forty-five who asked.
    assert asked["find claims"] <= 2 * looks
    # Whether someone is still signed in, and as what, is asked for each of the nine, at most every
    # two seconds.
    del asked["find sessions"], asked["find users"]
    assert sum(asked.values()) <= 5 * looks


async def test_customers_claim_for_themselves_and_integrators_for_anyone(sale):
    ann, bob = [await sale.caller(Role.CUSTOMER) for _ in range(2)]
    shop = await sale.caller(Role.INTEGRATOR)

    assert await claim(sale, bob, userId=ann.global_id) == ["FORBIDDEN"]
    for_ann = await claim(sale, shop, userId=ann.global_id)

    assert await claim(sale, ann) == for_ann


async def test_the_shop_sells_and_returns_what_is_held(sale):
    ann, shop = await sale.caller(Role.CUSTOMER), await sale.caller(Role.INTEGRATOR)
    held = await claim(sale, ann)

    async def act(name: str, order: str):
        document = (
            "mutation ($id: ID!, $order: String!) {"
            f" {name}(input: {{claimId: $id, order: $order}})"
            " { claim { state order } userErrors { code } } }"
        )
        payload = (await sale.ask(document, {"id": held["id"], "order": order}, by=shop))[name]
        return payload["claim"] or [error["code"] for error in payload["userErrors"]]

    assert await act("confirmClaim", "o1") == {"state": "SOLD", "order": "o1"}
    assert await act("confirmClaim", "o1") == {"state": "SOLD", "order": "o1"}
    assert await act("confirmClaim", "o2") == ["CLAIM_USED"]
    assert await act("returnClaim", "o2") == ["CLAIM_USED"]
    for _ in range(2):
        assert (await act("returnClaim", "o1"))["state"] == "RELEASED"


@pytest.mark.parametrize("name", ["confirmClaim", "returnClaim"])
@pytest.mark.parametrize("id", ["no id", to_global("User", "u"), to_global("Claim", "nobodys")])
async def test_a_claim_that_does_not_exist_is_refused_by_its_field(sale, name, id):
    shop = await sale.caller(Role.INTEGRATOR)
    document = (
        f'mutation ($id: ID!) {{ {name}(input: {{claimId: $id, order: "o"}})'
        " { userErrors { code field } } }"
    )

    refused = (await sale.ask(document, {"id": id}, by=shop))[name]["userErrors"]

    assert refused == [{"code": "NOT_FOUND", "field": ["claimId"]}]


async def test_a_sale_that_does_not_exist_is_null(sale):
    assert await sale.ask('{ stock(sale: "noon") { free } }') == {"stock": None}
