"""Rules explained through the API: a tree for an editor to show."""

from datetime import UTC, datetime
from typing import Any

import pytest

from models.campaign import Act
from models.principal import Role
from models.product import Product
from services import products
from services.releases import RulesFile, release
from tests.client import Api, Caller
from tests.staging import once

EXPLAIN = """
query ($input: ExplainRulesInput!) {
  explainRules(input: $input) {
    kind name title holds
    nodes { index parent depth shape text holds values missing change
      changes { name to by text } }
  }
}
"""
RULES = """
attributes user { kids: number }
segment parents { user.kids >= 2 and any(order_placed, last 30 days) }
promotion p "A tenth" {
  for user in segment parents  when cart.subtotal >= 50 USD  take 10% off cart
}
"""
ACT = Act("cli", datetime(2026, 3, 1, tzinfo=UTC))


@pytest.fixture
@once
async def ann(api: Api) -> Caller:
    await release([RulesFile("rules", "Rules", RULES)], ACT, stores=api.stores)
    return await api.caller(Role.ANALYST, attributes={"kids": 1})


def cart(price: str) -> dict[str, Any]:
    return {"currency": "USD", "lines": [{"price": price}]}


async def explain(api: Api, by: Caller, **given: Any) -> dict[str, Any]:
    explained: dict[str, Any] = (await api.ask(EXPLAIN, {"input": given}, by=by))["explainRules"]
    return explained


async def test_what_is_live_is_explained_for_a_person_and_a_cart(api, ann):
    found = await explain(api, ann, name="p", userId=ann.global_id, cart=cart("42.60"))

    assert (found["kind"], found["title"], found["holds"]) == ("PROMOTION", "A tenth", False)
    assert [(n["depth"], n["parent"], n["shape"], n["holds"]) for n in found["nodes"]] == [
        (0, None, "CLAUSE", False),
        (1, 0, "SEGMENT", False),
        (2, 1, "ALL", False),
        (3, 2, "TEST", False),
        (3, 2, "TEST", False),
        (0, None, "CLAUSE", False),
        (1, 5, "TEST", False),
    ]
    assert found["nodes"][-1] == {
        "index": 6,
        "parent": 5,
        "depth": 1,
        "shape": "TEST",
        "text": "cart.subtotal is at least 50.00 USD",
        "holds": False,
        "values": {"cart.subtotal": "42.60"},
        "missing": [],
        "change": "7.40 USD short",
        "changes": [
            {"name": "cart.subtotal", "to": "50.00", "by": "7.40", "text": "7.40 USD short"}
        ],
    }
    assert [c["text"] for c in found["nodes"][0]["changes"]] == [
        "needs 1 more",
        "needs 1 more order",
    ]


async def test_a_text_is_explained_before_it_is_live(api, ann):
    source = "promotion q { for user.kids >= 1  take 1% off cart }"

    found = await explain(api, ann, name="q", source=source, userId=ann.global_id)

    assert found["holds"] is True
    assert found["nodes"][1]["change"] == "would fail with 1 fewer"


async def test_a_text_may_name_what_is_live(api, ann):
    source = "promotion q { for user in segment parents  take 1% off cart }"

    found = await explain(api, ann, name="q", source=source, userId=ann.global_id)

    assert found["nodes"][1]["text"] == "user is in segment parents"


async def test_what_the_shop_knows_of_a_product_counts(api, ann):
    await products.upsert([Product(sku="T", category="TEA")], stores=api.stores)
    sent = {"currency": "USD", "lines": [{"sku": "T", "price": "5", "category": "MUGS"}]}
    source = 'promotion q { when any(cart.items where category = "TEA")  take 1% off cart }'

    found = await explain(api, ann, name="q", source=source, cart=sent)

    assert found["holds"] is True


async def test_another_time_can_be_asked_about(api, ann):
    source = "promotion q { active from 2030-01-01  take 1% off cart }"

    early = await explain(api, ann, name="q", source=source, at="2029-12-31T12:00:00Z")
    late = await explain(api, ann, name="q", source=source, at="2030-01-01T00:00:00Z")

    assert (early["holds"], late["holds"]) == (False, True)
    assert early["nodes"][0]["change"] == "12 hours too early"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"name": "nobody"}, "INVALID"),
        ({"name": "p", "cart": {"currency": "XQX", "lines": []}}, "INVALID"),
        ({"name": "p", "userId": "VXNlcjpub2JvZHk="}, "NOT_FOUND"),
        ({"name": "p", "source": "promotion p {"}, "RULES"),
    ],
)
async def test_what_cannot_be_explained_is_refused(api, ann, given, code):
    assert await api.code(EXPLAIN, {"input": given}, by=ann) == code
