"""Carts that name what their buyer has reserved, through the API."""

from typing import Any

import pytest

from models.campaign import Act
from models.principal import Role
from schema.ids import to_global
from services.releases import RulesFile, release
from tests.client import Api, Caller
from tests.resolvers.test_explanations import EXPLAIN
from tests.resolvers.test_orders import CANCEL, QUOTE, RETURN
from tests.shop import NOW
from tests.staging import once
from tests.waiting import until

RULES = """
flash_sale midnight { active from 2020-01-01  sku "A" at 99 CNY stock 2  limit 1 per user }
group_buy pack { active from 2020-01-01  sku "A" at 79 CNY for 2 people within 24 hours }
"""
PLACE = """
mutation ($input: PlaceOrderInput!) {
  placeOrder(input: $input) {
    order { id lines { units { count total { amount } claim group } } }
    quote { total { amount } }
    userErrors { code field message }
  }
}
"""
CLAIM = """
mutation { claimStock(input: { sale: "midnight", idempotencyKey: "k" }) { claim { id } } }
"""
OPEN = """
mutation { openGroup(input: { groupBuy: "pack", idempotencyKey: "k" }) { group { id } } }
"""
GIVE_BACK = """
mutation ($id: ID!) { returnClaim(input: { claimId: $id, order: "o1" }) { userErrors { code } } }
"""
JOIN = "mutation ($id: ID!) { joinGroup(input: { groupId: $id }) { group { state } } }"


@pytest.fixture
@once
async def shop(api: Api) -> Caller:
    await release([RulesFile("sale", "Sale", RULES)], Act("cli", NOW), stores=api.stores)
    return await api.caller(Role.INTEGRATOR)


async def claimed(api: Api, by: Caller) -> str:
    id_: str = (await api.ask(CLAIM, by=by))["claimStock"]["claim"]["id"]
    return id_


def cart(**names: str) -> dict[str, Any]:
    line = {"sku": "A", "price": "120", "quantity": 2, **names}
    return {"currency": "CNY", "lines": [line]}


async def quoted(api: Api, by: Caller, sent: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await api.ask(QUOTE, {"input": {"cart": sent}}, by=by))["quoteCart"]
    return found


async def place(api: Api, by: Caller, buyer: Caller, key: str, total: str, **names: str) -> Any:
    wanted = {"key": key, "total": total, "userId": buyer.global_id, "cart": cart(**names)}
    return (await api.ask(PLACE, {"input": wanted}, by=by))["placeOrder"]


async def test_a_customer_sees_the_price_of_what_they_hold_and_nobody_else_does(api, shop):
    ann, bob = [await api.caller(Role.CUSTOMER) for _ in range(2)]
    held = await claimed(api, ann)

    own = await quoted(api, ann, cart(claim=held))
    answers = [
        await quoted(api, bob, cart(claim=held)),
        await quoted(api, ann, cart(claim=to_global("Claim", "nothing"))),
        await quoted(api, ann, cart(claim=ann.global_id)),
        await quoted(api, ann, cart(claim="?")),
        await quoted(api, shop, cart(claim=held)),
    ]

    assert own["quote"]["total"]["amount"] == "219.00"
    assert answers == [{"quote": None, "userErrors": [{"code": "NOT_FOUND"}]}] * 5


async def test_a_unit_is_held_sold_and_back_in_stock(api, shop):
    ann = await api.caller(Role.CUSTOMER)
    held = await claimed(api, ann)

    changed = await place(api, shop, ann, "o1", "240.00", claim=held)
    placed = await place(api, shop, ann, "o1", "219.00", claim=held)
    used = await place(api, shop, ann, "o2", "219.00", claim=held)

    assert changed["userErrors"][0]["code"] == "PRICE_CHANGED"
    assert changed["quote"]["total"]["amount"] == "219.00"
    (line,) = placed["order"]["lines"]
    assert line["units"] == [
        {"count": 1, "total": {"amount": "99.00"}, "claim": held, "group": None},
        {"count": 1, "total": {"amount": "120.00"}, "claim": None, "group": None},
    ]
    assert used["userErrors"][0] | {"message": ""} == {
        "code": "CLAIM_USED",
        "field": ["cart", "lines", "0", "claim"],
        "message": "",
    }
    sale = await api.stores.claims.documents.distinct("state")
    assert sale == ["sold"]

    sent = {"id": placed["order"]["id"], "key": "r", "lines": [{"line": 0, "quantity": 1}]}
    back = (await api.ask(RETURN, {"input": sent}, by=shop))["returnItems"]["order"]
    assert back["refunded"]["amount"] == "99.00"
    assert await api.stores.claims.documents.distinct("state") == ["released"]


async def test_a_group_orders_at_its_price_and_again_after_a_cancellation(api, shop):
    ann, bob = [await api.caller(Role.CUSTOMER) for _ in range(2)]
    group = (await api.ask(OPEN, by=ann))["openGroup"]["group"]["id"]

    early = await place(api, shop, ann, "o1", "199.00", group=group)
    await api.ask(JOIN, {"id": group}, by=bob)
    placed = await place(api, shop, ann, "o1", "199.00", group=group)
    used = await place(api, shop, ann, "o2", "199.00", group=group)
    await api.ask(CANCEL, {"id": placed["order"]["id"]}, by=shop)
    again = await place(api, shop, ann, "o3", "199.00", group=group)

    assert early["userErrors"][0]["code"] == "GROUP_OPEN"
    assert placed["order"]["lines"][0]["units"][0]["group"] == group
    assert used["userErrors"][0]["code"] == "GROUP_USED"
    assert again["userErrors"] == []


async def test_an_attribute_may_be_called_as_it_likes(api, shop):
    rules = RULES + (
        "attributes item { group: text  claim: text }\n"
        'promotion tea { take 10% off items where group = "TEA" and claim = "fresh" }\n'
    )
    await release([RulesFile("sale", "Sale", rules)], Act("cli", NOW), stores=api.stores)
    ann = await api.caller(Role.CUSTOMER)
    attributes = {"group": "TEA", "claim": "fresh", "@claim": "x", "@group": "x"}
    sent = {"currency": "CNY", "lines": [{"price": "10", "attributes": attributes}]}

    async def noticed() -> bool:
        return (await quoted(api, ann, sent))["quote"]["total"]["amount"] == "9.00"

    await until(noticed)


async def test_a_placed_orders_claim_goes_back_with_its_order_only(api, shop):
    ann = await api.caller(Role.CUSTOMER)
    held = await claimed(api, ann)
    placed = await place(api, shop, ann, "o1", "219.00", claim=held)

    async def give_back() -> list[str]:
        answer = (await api.ask(GIVE_BACK, {"id": held}, by=shop))["returnClaim"]
        return [error["code"] for error in answer["userErrors"]]

    assert await give_back() == ["CLAIM_USED"]
    await api.ask(CANCEL, {"id": placed["order"]["id"]}, by=shop)
    assert await give_back() == []


async def test_an_explanation_sees_the_price_of_what_its_person_holds(api, shop):
    staff, ann, bob = [await api.caller(r) for r in (Role.ANALYST, Role.CUSTOMER, Role.CUSTOMER)]
    held = await claimed(api, ann)
    asked = {
        "name": "p",
        "source": "promotion p { when cart.subtotal < 220 CNY  take 1% off cart }",
        "cart": cart(claim=held),
    }

    own = await api.ask(EXPLAIN, {"input": {**asked, "userId": ann.global_id}}, by=staff)
    code = await api.code(EXPLAIN, {"input": {**asked, "userId": bob.global_id}}, by=staff)

    assert own["explainRules"]["nodes"][-1]["values"] == {"cart.subtotal": "219.00"}
    assert code == "NOT_FOUND"
