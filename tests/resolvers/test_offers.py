"""The wallet through the API."""

from datetime import UTC, datetime

import pytest

from models.campaign import Act
from models.principal import Role
from models.unique_code import Code
from services.releases import RulesFile, release

OFFERS = """
query ($cart: CartInput, $user: ID, $first: Int, $after: String) {
  offersFor(cart: $cart, userId: $user, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor }
    edges { node {
      name status saved { amount currency } usesLeft usesLeftInAll endsAt
      reason { code unlock { path to by text } }
    } }
  }
}
"""
CODES = """
query ($user: ID) {
  codesFor(userId: $user) { totalCount edges { node { code promotion title live expiresAt } } }
}
"""
RULES = """
promotion tenth { take 10% off items where category = "TEA"  limit 3 per user }
promotion big { when cart.subtotal >= 50 USD  take 5 USD off cart }
promotion own "A gift" { codes unique  take 2 USD off cart }
"""
ACT = Act("cli", datetime(2026, 3, 1, tzinfo=UTC))
CART = {"currency": "USD", "lines": [{"price": "20.00", "category": "TEA"}]}


@pytest.fixture
async def ann(api):
    await release([RulesFile("rules", "Rules", RULES)], ACT, stores=api.stores)
    return await api.caller(Role.CUSTOMER)


async def test_a_customer_sees_what_they_can_use(api, ann):
    found = (await api.ask(OFFERS, {"cart": CART}, by=ann))["offersFor"]

    assert found["totalCount"] == 2
    tenth, big = [edge["node"] for edge in found["edges"]]
    assert tenth == {
        "name": "tenth",
        "status": "APPLIED",
        "saved": {"amount": "2.00", "currency": "USD"},
        "usesLeft": 3,
        "usesLeftInAll": None,
        "endsAt": None,
        "reason": None,
    }
    assert (big["status"], big["reason"]["code"]) == ("ALMOST", "WHEN")
    assert big["reason"]["unlock"]["by"] == "30.00"


async def test_offers_come_in_pages(api, ann):
    names, after = [], None
    for _ in range(2):
        page = (await api.ask(OFFERS, {"first": 1, "after": after}, by=ann))["offersFor"]
        names += [edge["node"]["name"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]

    assert names == ["tenth", "big"]
    assert page["pageInfo"]["hasNextPage"] is False


async def test_someone_elses_wallet_is_as_missing_as_nobodys(api, ann):
    bob, shop = await api.caller(Role.CUSTOMER), await api.caller(Role.INTEGRATOR)

    for query, field in ((OFFERS, "offersFor"), (CODES, "codesFor")):
        assert await api.ask(query, {"user": ann.global_id}, by=bob) == {field: None}
        assert await api.ask(query, {"user": "nothing"}, by=shop) == {field: None}
        assert (await api.ask(query, {"user": ann.global_id}, by=shop))[field] is not None
        assert await api.code(query) == "UNAUTHENTICATED"


async def test_codes_of_ones_own_come_with_what_they_open(api, ann):
    code = Code(code="MINE", promotion="own", made_at=ACT.at, user_id=ann.id)
    await api.stores.codes.add([code])

    found = (await api.ask(CODES, by=ann))["codesFor"]

    assert found == {
        "totalCount": 1,
        "edges": [
            {
                "node": {
                    "code": "MINE",
                    "promotion": "own",
                    "title": "A gift",
                    "live": True,
                    "expiresAt": None,
                }
            }
        ],
    }


async def test_a_cart_that_makes_no_sense_is_refused(api, ann):
    assert await api.code(OFFERS, {"cart": {"currency": "XXQ", "lines": []}}, by=ann) == "INVALID"
