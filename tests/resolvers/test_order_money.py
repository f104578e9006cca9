"""Orders to the last minor unit: in currencies of 0, 2 and 3 decimals, however many units."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from models.campaign import Act
from models.principal import Role
from services.releases import RulesFile, release
from tests.client import Api, Caller
from tests.resolvers.test_orders import ACT, CANCEL, PLACE, QUOTE, RETURN
from tests.staging import once

RULES = """
promotion third { take 33% off items where category = "TEA"  priority 2 }
promotion trio { buy 2 items where category = "TEA" get 1 items where category = "TEA" free }
promotion few { take 10% off cart  limit 1 per user }
"""
MILLION = 1_000_000


@pytest.fixture
@once
async def shop(api: Api) -> Caller:
    await release([RulesFile("rules", "Rules", RULES)], Act("cli", ACT.at), stores=api.stores)
    return await api.caller(Role.INTEGRATOR)


def cart(currency: str, price: str, quantity: int) -> dict[str, Any]:
    line = {"sku": "T", "price": price, "quantity": quantity, "category": "TEA"}
    other = {"sku": "M", "price": price, "quantity": 3}
    return {"currency": currency, "lines": [line, other], "shipping": price}


async def priced(api: Api, by: Caller, wanted: dict[str, Any], user: str) -> str:
    asked = {"input": {"cart": wanted, "userId": user}}
    total: str = (await api.ask(QUOTE, asked, by=by))["quoteCart"]["quote"]["total"]["amount"]
    return total


async def place(api: Api, by: Caller, **wanted: Any) -> dict[str, Any]:
    payload: dict[str, Any] = (await api.ask(PLACE, {"input": wanted}, by=by))["placeOrder"]
    return payload


async def bring_back(api: Api, by: Caller, order_id: str, key: str, **lines: int) -> dict[str, Any]:
    sent = [{"line": int(name[1:]), "quantity": count} for name, count in lines.items()]
    asked = {"input": {"id": order_id, "key": key, "lines": sent}}
    payload: dict[str, Any] = (await api.ask(RETURN, asked, by=by))["returnItems"]
    return payload


@pytest.mark.parametrize(
    ("currency", "price"), [("JPY", "7"), ("USD", "0.07"), ("KWD", "0.007"), ("USD", "1999.99")]
)
async def test_a_million_units_come_back_for_what_was_paid(api, shop, currency, price):
    ann = await api.caller(Role.CUSTOMER)
    wanted = cart(currency, price, MILLION)
    total = await priced(api, shop, wanted, ann.global_id)

    placed = (await place(api, shop, key="m", cart=wanted, total=total, userId=ann.global_id))[
        "order"
    ]
    for key, units in (("r1", 333_333), ("r2", 1), ("r3", MILLION - 333_334)):
        answer = await bring_back(api, shop, placed["id"], key, l0=units)
        assert answer["userErrors"] == []
    answer = await bring_back(api, shop, placed["id"], "r4", l1=3)

    goods = [Decimal(line["total"]["amount"]) for line in placed["lines"]]
    assert sum(goods) + Decimal(price) == Decimal(total)
    assert Decimal(answer["order"]["refunded"]["amount"]) == sum(goods)
    for line in placed["lines"]:
        units = [(unit["count"], Decimal(unit["total"]["amount"])) for unit in line["units"]]
        assert sum(count * each for count, each in units) == Decimal(line["total"]["amount"])
    assert len(placed["lines"][0]["units"]) < 10  # runs, not units


async def test_the_same_key_from_many_tasks_is_one_order_and_one_return(api, shop):
    ann = await api.caller(Role.CUSTOMER)
    wanted = cart("USD", "10.00", 3)
    total = await priced(api, shop, wanted, ann.global_id)

    def order(key: str = "k", of: dict[str, Any] = wanted) -> Any:
        return place(api, shop, key=key, cart=of, total=total, userId=ann.global_id)

    placed = await asyncio.gather(*(order() for _ in range(12)))
    assert [payload["userErrors"] for payload in placed] == [[]] * 12
    (order_id,) = {payload["order"]["id"] for payload in placed}
    returned = await asyncio.gather(
        *(bring_back(api, shop, order_id, "r", l0=1, l1=1) for _ in range(8))
    )
    assert [payload["userErrors"] for payload in returned] == [[]] * 8
    assert all(len(payload["order"]["returns"]) == 1 for payload in returned)

    another = await bring_back(api, shop, order_id, "r", l0=2)
    other_cart = await order(of=cart("USD", "10.00", 4))
    assert another["userErrors"][0]["code"] == other_cart["userErrors"][0]["code"] == "KEY_USED"
    cancelled = await asyncio.gather(
        *(api.ask(CANCEL, {"id": order_id}, by=shop) for _ in range(5))
    )
    assert {each["cancelOrder"]["order"]["refunded"]["amount"] for each in cancelled} == {total}
    assert (await order("k2"))["userErrors"] == []  # the limit per user is free again


async def test_a_price_that_changed_comes_with_what_it_is_now_and_takes_nothing(api, shop):
    ann = await api.caller(Role.CUSTOMER)
    wanted = cart("KWD", "0.007", 3)

    for total in ("0.001", "9", "0.0300"):
        changed = await place(api, shop, key="p", cart=wanted, total=total, userId=ann.global_id)
        assert changed["userErrors"][0]["code"] == "PRICE_CHANGED"
        right = changed["quote"]["total"]["amount"]
    finer = await place(api, shop, key="p", cart=wanted, total="0.0001", userId=ann.global_id)
    assert (finer["userErrors"][0]["code"], finer["userErrors"][0]["field"]) == (
        "INVALID",
        ["total"],
    )

    placed = await place(api, shop, key="p", cart=wanted, total=right, userId=ann.global_id)
    assert placed["order"]["quote"]["total"]["amount"] == right
