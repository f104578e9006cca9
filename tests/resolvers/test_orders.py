"""Orders, codes and products through the API."""

from datetime import UTC, datetime
from typing import Any

import pytest

from models.campaign import Act
from models.principal import Role
from services.releases import RulesFile, release
from tests.client import Api, Caller
from tests.staging import once
from tests.waiting import until

PLACE = """
mutation ($input: PlaceOrderInput!) {
  placeOrder(input: $input) {
    order {
      id key status userId refunded { amount }
      quote { total { amount currency } promotions { name saved { amount } } }
      lines { sku returned total { amount }
        units { count total { amount } applied { promotion amount { amount } } } }
      codes { promotion code expiresAt }
    }
    quote { total { amount } }
    userErrors { code field message }
  }
}
"""
RETURN = """
mutation ($input: ReturnItemsInput!) {
  returnItems(input: $input) {
    order { status refunded { amount } lines { returned } returns { key refund { amount } } }
    userErrors { code field message }
  }
}
"""
CANCEL = """
mutation ($id: ID!) {
  cancelOrder(input: { id: $id }) {
    order { status cancelledAt refunded { amount } } userErrors { code }
  }
}
"""
ORDER = "query ($id: ID!) { order(id: $id) { key status } }"
QUOTE = """
query ($input: QuoteCartInput!) {
  quoteCart(input: $input) { quote { total { amount } } userErrors { code } }
}
"""
QUOTE_ALL = """
query ($input: QuoteCartInput!) {
  quoteCart(input: $input) {
    quote {
      total { amount }
      promotions { name status reason { code } }
      whyNot(first: 100) { name reason { code clause values } }
    }
    userErrors { code message }
  }
}
"""
GENERATE = """
mutation ($input: GenerateCodesInput!) {
  generateCodes(input: $input) { batch count userErrors { code field message } }
}
"""
CODES = """
query ($batch: String, $first: Int, $after: String) {
  codes(promotion: "own", batch: $batch, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor }
    edges { node { code userId expiresAt revokedAt orderId } }
  }
}
"""
REVOKE = """
mutation ($codes: [String!]!) {
  revokeCodes(input: { codes: $codes }) { revoked userErrors { code } }
}
"""
UPSERT = """
mutation ($products: [ProductInput!]!) {
  upsertProducts(input: { products: $products }) { saved userErrors { code field message } }
}
"""
RULES = """
promotion tenth { take 10% off items where category = "TEA"  limit 1 per user }
promotion own { codes unique  take 5 USD off cart }
"""
ACT = Act("cli", datetime(2026, 3, 1, tzinfo=UTC))


@pytest.fixture
@once
async def shop(api: Api) -> Caller:
    await release([RulesFile("rules", "Rules", RULES)], ACT, stores=api.stores)
    return await api.caller(Role.INTEGRATOR)


@pytest.fixture
async def ann(api: Api) -> Caller:
    return await api.caller(Role.CUSTOMER)


@pytest.fixture
async def marketer(api: Api) -> Caller:
    return await api.caller(Role.MARKETER)


def order(key: str, total: str, by: Caller, *codes: str) -> dict[str, Any]:
    line = {"sku": "T", "price": "10.00", "quantity": 3, "category": "TEA"}
    cart = {"currency": "USD", "lines": [line], "codes": list(codes)}
    return {"key": key, "total": total, "userId": by.global_id, "cart": cart}


async def place(api: Api, by: Caller, wanted: dict[str, Any]) -> dict[str, Any]:
    payload: dict[str, Any] = (await api.ask(PLACE, {"input": wanted}, by=by))["placeOrder"]
    return payload


async def codes_of(api: Api, by: Caller, **asked: Any) -> list[dict[str, Any]]:
    found = (await api.ask(CODES, asked, by=by))["codes"]["edges"]
    return [edge["node"] for edge in found]


async def generate(api: Api, by: Caller, count: int = 1, **fields: Any) -> dict[str, Any]:
    wanted = {"promotion": "own", "count": count, **fields}
    made: dict[str, Any] = (await api.ask(GENERATE, {"input": wanted}, by=by))["generateCodes"]
    return made


async def test_an_order_from_its_placing_to_its_end(api, shop, ann):
    placed = (await place(api, shop, order("n1", "27.00", ann)))["order"]
    assert (placed["key"], placed["status"], placed["userId"]) == ("n1", "PLACED", ann.global_id)
    (line,) = placed["lines"]
    assert line["units"] == [
        {
            "count": 3,
            "total": {"amount": "9.00"},
            "applied": [{"promotion": "tenth", "amount": {"amount": "1.00"}}],
        }
    ]

    sent = {"id": placed["id"], "key": "r1", "lines": [{"line": 0, "quantity": 2}]}
    returned = (await api.ask(RETURN, {"input": sent}, by=shop))["returnItems"]["order"]
    assert (returned["refunded"]["amount"], returned["lines"]) == ("18.00", [{"returned": 2}])
    cancelled = (await api.ask(CANCEL, {"id": placed["id"]}, by=shop))["cancelOrder"]["order"]
    assert (cancelled["status"], cancelled["refunded"]["amount"]) == ("CANCELLED", "27.00")
    found = (await api.ask(ORDER, {"id": placed["id"]}, by=shop))["order"]
    assert found == {"key": "n1", "status": "CANCELLED"}


async def test_a_price_that_has_changed_comes_with_the_new_quote(api, shop, ann):
    await place(api, shop, order("n1", "27.00", ann))

    second = await place(api, shop, order("n2", "27.00", ann))

    assert second["order"] is None
    assert second["quote"]["total"]["amount"] == "30.00"
    assert second["userErrors"] == [
        {"code": "PRICE_CHANGED", "field": ["total"], "message": "The cart costs 30.00 USD now."}
    ]


async def test_a_key_is_one_return(api, shop, ann):
    placed = (await place(api, shop, order("n1", "27.00", ann)))["order"]
    sent = {"id": placed["id"], "key": "r1", "lines": [{"line": 0, "quantity": 1}]}
    more = sent | {"lines": [{"line": 0, "quantity": 2}]}

    answers = [await api.ask(RETURN, {"input": each}, by=shop) for each in (sent, sent, more)]

    first, again, other = (answer["returnItems"] for answer in answers)
    assert first == again
    (error,) = other["userErrors"]
    assert (error["code"], error["field"]) == ("KEY_USED", ["key"])


async def test_a_key_is_one_order(api, shop, ann):
    first = await place(api, shop, order("n1", "27.00", ann))

    again = await place(api, shop, order("n1", "27.00", ann))
    other = await place(api, shop, order("n1", "30.00", ann))

    assert again["order"]["id"] == first["order"]["id"]
    assert other["userErrors"][0]["code"] == "KEY_USED"


async def test_a_preview_knows_what_the_buyer_has_used(api, shop, ann):
    wanted = order("n1", "27.00", ann)
    asked = {"input": {"cart": wanted["cart"], "userId": ann.global_id}}
    before = await api.ask(QUOTE, asked, by=shop)
    await place(api, shop, wanted)

    after = await api.ask(QUOTE, asked, by=shop)

    totals = [each["quoteCart"]["quote"]["total"]["amount"] for each in (before, after)]
    assert totals == ["27.00", "30.00"]


@pytest.mark.parametrize(
    ("bound", "reason"), [("limit 1 total", "LIMIT"), ("budget 3 USD", "BUDGET")]
)
async def test_a_preview_knows_what_others_have_used_up(api, ann, bound, reason):
    rules = f"promotion only {{ take 3 USD off cart  {bound} }}"
    await release([RulesFile("rules", "Rules", rules)], ACT, stores=api.stores)
    shop, bob = await api.caller(Role.INTEGRATOR), await api.caller(Role.CUSTOMER)
    cart = order("n", "0", ann)["cart"]
    before = await api.ask(QUOTE_ALL, {"input": {"cart": cart}}, by=ann)
    await place(api, shop, order("n1", "27.00", bob))

    after = await api.ask(QUOTE_ALL, {"input": {"cart": cart}}, by=ann)

    quotes = [each["quoteCart"]["quote"] for each in (before, after)]
    assert [quote["total"]["amount"] for quote in quotes] == ["27.00", "30.00"]
    (verdict,) = quotes[1]["promotions"]
    assert (verdict["status"], verdict["reason"]["code"]) == ("NOT_APPLIED", reason)


async def test_codes_are_made_listed_used_and_revoked(api, shop, ann, marketer):
    made = await generate(api, marketer, 5, expiresAt="2100-01-01T00:00:00Z")
    found = await codes_of(api, marketer, batch=made["batch"])
    assert len({code["code"] for code in found}) == 5

    placed = await place(api, shop, order("n1", "22.50", ann, found[0]["code"]))
    revoked = await api.ask(REVOKE, {"codes": [code["code"] for code in found]}, by=marketer)

    assert revoked["revokeCodes"]["revoked"] == 4
    states = await codes_of(api, marketer, batch=made["batch"])
    assert states[0]["orderId"] == placed["order"]["id"]
    assert all(state["revokedAt"] for state in states[1:])
    late = await place(api, shop, order("n2", "25.00", ann, found[1]["code"]))
    assert late["quote"]["total"]["amount"] == "30.00"


async def test_codes_come_in_pages(api, shop, marketer):
    await generate(api, marketer, 5)

    seen, after = [], None
    while True:
        page = (await api.ask(CODES, {"first": 2, "after": after}, by=marketer))["codes"]
        assert page["totalCount"] == 5
        seen += [edge["node"]["code"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    assert len(set(seen)) == 5


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"promotion": "nothing"}, "NOT_FOUND", "promotion"),
        ({"promotion": "tenth"}, "INVALID", "promotion"),
        ({"count": 0}, "INVALID", "count"),
        ({"count": 50_001}, "INVALID", "count"),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, "INVALID", "expiresAt"),
        ({"userId": "VXNlcjpub2JvZHk"}, "NOT_FOUND", "userId"),
    ],
)
async def test_codes_that_make_no_sense_are_refused(api, shop, marketer, fields, code, field):
    (error,) = (await generate(api, marketer, **fields))["userErrors"]

    assert (error["code"], error["field"]) == (code, [field])


async def test_someone_elses_code_is_as_unknown_and_guessing_ends(api, shop, ann, marketer):
    bob = await api.caller(Role.CUSTOMER)
    await generate(api, marketer, userId=bob.global_id)
    (bobs,) = await codes_of(api, marketer)
    asked = {"input": {"cart": order("n", "0", ann, bobs["code"])["cart"]}}

    bob_pays = await api.ask(QUOTE, asked, by=bob)
    for _ in range(20):
        ann_pays = await api.ask(QUOTE, asked, by=ann)
    code = await api.code(QUOTE, asked, by=ann)

    assert bob_pays["quoteCart"]["quote"]["total"]["amount"] == "22.50"
    assert ann_pays["quoteCart"]["quote"]["total"]["amount"] == "27.00"
    assert code == "RATE_LIMITED"


@pytest.mark.parametrize("what", ["used", "someone else's", "expired", "revoked"])
async def test_every_code_that_is_not_good_is_answered_as_an_unknown_one(
    api, shop, ann, marketer, what
):
    bob = await api.caller(Role.CUSTOMER)
    whose = {"userId": bob.global_id} if what == "someone else's" else {}
    await generate(api, marketer, **whose)
    ((code,),) = [[each["code"] for each in await codes_of(api, marketer)]]
    if what == "used":
        await place(api, shop, order("n0", "22.50", bob, code))
    elif what == "revoked":
        await api.ask(REVOKE, {"codes": [code]}, by=marketer)
    elif what == "expired":
        past = {"$set": {"expires_at": datetime(2026, 1, 1, tzinfo=UTC)}}
        await api.stores.codes.documents.update_one({}, past)
    told = []
    for given in (code, "0123456789ABC"):
        wanted = order("n1", "22.50", ann, given)
        quoted = await api.ask(QUOTE_ALL, {"input": {"cart": wanted["cart"]}}, by=ann)
        placed = await place(api, shop, wanted)
        told.append((quoted, placed))

    assert told[0] == told[1]
    assert told[0][0]["quoteCart"]["quote"]["total"]["amount"] == "27.00"
    assert told[0][1]["userErrors"][0]["code"] == "PRICE_CHANGED"


async def test_what_we_know_of_products_is_what_counts(api, shop, ann):
    products = [{"sku": "T", "category": "COFFEE", "floor": "9.50"}]
    saved = await api.ask(UPSERT, {"products": products}, by=shop)
    assert saved["upsertProducts"] == {"saved": 1, "userErrors": []}

    placed = await place(api, shop, order("n1", "30.00", ann))

    assert placed["order"]["quote"]["promotions"] == []


async def test_quotes_know_category_brand_and_floor_by_the_sku_alone(api, shop, ann):
    rules = """
    promotion tenth { take 50% off items where category = "TEA" and brand = "Wuyi" }
    """
    await release([RulesFile("rules", "Rules", rules)], ACT, stores=api.stores)
    known = {"sku": "T", "name": "Oolong", "category": "TEA", "brand": "Wuyi", "floor": "8.00"}
    await api.ask(UPSERT, {"products": [known, {"sku": "U", "category": "TEA"}]}, by=shop)
    lines = [{"sku": sku, "price": "10.00"} for sku in ("T", "U", "V")]

    async def total(currency: str) -> str:
        cart = {"currency": currency, "lines": lines}
        found = await api.ask(QUOTE, {"input": {"cart": cart, "userId": ann.global_id}}, by=shop)
        amount: str = found["quoteCart"]["quote"]["total"]["amount"]
        return amount

    async def noticed() -> bool:
        return await total("USD") != "30.00"

    await until(noticed)
    assert await total("USD") == "28.00"  # 10.00 down to its floor, and two that do not match
    assert await total("EUR") == "25.00"  # a floor in dollars says nothing there
    cart = {"currency": "USD", "lines": lines}
    wanted = {"key": "n1", "total": "28.00", "userId": ann.global_id, "cart": cart}
    placed = (await place(api, shop, wanted))["order"]
    assert placed["lines"][0]["units"][0]["total"]["amount"] == "8.00"

    await api.ask(UPSERT, {"products": [{**known, "floor": "5.00"}]}, by=shop)
    assert await total("USD") == "25.00"


async def test_products_that_make_no_sense_are_refused(api, shop):
    for product, field in (({"sku": " "}, "sku"), ({"sku": "A", "price": "1.001"}, "price")):
        answer = await api.ask(UPSERT, {"products": [product]}, by=shop)

        (error,) = answer["upsertProducts"]["userErrors"]
        assert error["field"] == ["products", "0", field]


async def test_codes_are_listed_by_whose_they_are(
    api: Api, shop: Caller, ann: Caller, marketer: Caller
) -> None:
    for whose in ({}, {"userId": ann.global_id}, {"userId": marketer.global_id}):
        wanted = {"promotion": "own", "count": 2, **whose}
        await api.ask(GENERATE, {"input": wanted}, by=marketer)
    query = """query ($who: ID!) {
      codes(promotion: "own", filter: {userId: $who}) { totalCount edges { node { userId } } }
    }"""

    hers = (await api.ask(query, {"who": ann.global_id}, by=marketer))["codes"]

    assert hers["totalCount"] == 2
    assert [edge["node"]["userId"] for edge in hers["edges"]] == [ann.global_id] * 2
