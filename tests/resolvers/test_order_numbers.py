"""Orders named by the shop's own number, instead of by our id."""

from typing import Any

import pytest

from models.principal import Role
from tests.client import Api, Caller
from tests.staging import once

PLACE = """mutation {
  placeOrder(input: {
    key: "2026-7", total: "24.00",
    cart: { currency: "USD", lines: [{ sku: "A", price: "12.00", quantity: 2 }] }
  }) { order { id } userErrors { message } }
}"""
BOTH = 'id: "T3JkZXI6MjAyNi03", order: "2026-7"'
ERRORS = "userErrors { code field }"
# WHICH is how the order is named.
DONE = {
    "cancelOrder": "(input: { WHICH }) { order { key status } " + ERRORS + " }",
    "returnItems": (
        '(input: { WHICH, key: "r", lines: [{ line: 0 }] }) { order { key returns { key } } '
        + ERRORS
        + " }"
    ),
}


@pytest.fixture
@once
async def till(api: Api) -> Caller:
    till = await api.caller(Role.INTEGRATOR)
    assert (await api.ask(PLACE, by=till))["placeOrder"]["userErrors"] == []
    return till


async def done(api: Api, by: Caller, name: str, which: str) -> dict[str, Any]:
    document = f"mutation {{ {name}{DONE[name].replace('WHICH', which)} }}"
    payload: dict[str, Any] = (await api.ask(document, by=by))[name]
    return payload


async def test_an_order_is_found_by_its_number(api: Api, till: Caller) -> None:
    found = await api.ask('{ order(key: "2026-7") { key status } }', by=till)

    assert found == {"order": {"key": "2026-7", "status": "PLACED"}}
    assert await api.ask('{ order(key: "2026-8") { key } }', by=till) == {"order": None}
    assert await api.code("{ order { key } }", by=till) == "INVALID"


@pytest.mark.parametrize("name", sorted(DONE))
async def test_what_is_done_by_number_is_done_to_the_order(
    name: str, api: Api, till: Caller
) -> None:
    payload = await done(api, till, name, 'order: "2026-7"')

    assert payload["userErrors"] == []
    assert payload["order"]["key"] == "2026-7"
    assert await done(api, till, name, 'id: "T3JkZXI6MjAyNi03"') == payload
    (noted, _) = await api.stores.audit_drafts.documents.find({"operation": name}).to_list()
    assert noted["about"] == ["Order:2026-7"]


@pytest.mark.parametrize("name", sorted(DONE))
@pytest.mark.parametrize(
    ("which", "code", "field"),
    [
        (BOTH, "INVALID", "id"),
        ("", "INVALID", "id"),
        ('order: "2026-8"', "NOT_FOUND", "order"),
        ('order: ""', "NOT_FOUND", "order"),
        ('id: "2026-7"', "NOT_FOUND", "id"),
    ],
)
async def test_an_order_that_is_not_named_once_is_refused(
    name: str, which: str, code: str, field: str, api: Api, till: Caller
) -> None:
    (error,) = (await done(api, till, name, which))["userErrors"]

    assert error == {"code": code, "field": [field]}
