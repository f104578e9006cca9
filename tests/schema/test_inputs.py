"""Inputs come out as Strawberry makes them by itself."""

from dataclasses import asdict
from enum import Enum
from typing import Any

import pytest
import strawberry
from strawberry import UNSET

from schema.inputs import prepare_inputs


@strawberry.enum
class Size(Enum):
    SMALL = "small"
    LARGE = "large"


@strawberry.input
class Line:
    sku: str
    size: Size | None
    note: str | None = UNSET
    quantity: int = 1


@strawberry.input
class Cart:
    lines: list[Line]
    gift_line: Line | None
    spare: list[Line | None] | None = UNSET
    sizes: list[Size] | None = None
    codes: list[str] = strawberry.field(default_factory=lambda: ["HELLO"])


def api(*, prepared: bool) -> tuple[strawberry.Schema, list[Cart]]:
    """Return an API, and the carts that its field is given."""
    given: list[Cart] = []

    @strawberry.type
    class Query:
        @strawberry.field
        def look(self, cart: Cart) -> int:
            given.append(cart)
            return len(given)

    schema = strawberry.Schema(Query)
    if prepared:
        prepare_inputs(schema._schema)
    return schema, given


async def made(cart: dict[str, Any], *, prepared: bool) -> Any:
    schema, given = api(prepared=prepared)
    try:
        result = await schema.execute("query ($cart: Cart!) { look(cart: $cart) }", {"cart": cart})
    finally:
        Cart.__strawberry_definition__.from_input = None
        Line.__strawberry_definition__.from_input = None
    return [asdict(each) for each in given], [error.message for error in result.errors or ()]


@pytest.mark.parametrize(
    "cart",
    [
        {"lines": []},
        {"lines": [{"sku": "a"}, {"sku": "b", "size": "LARGE", "note": None, "quantity": 2}]},
        {"lines": {"sku": "one for a list"}},
        {"lines": [], "giftLine": {"sku": "c"}, "spare": [None, {"sku": "d", "note": "n"}]},
        {"lines": [], "giftLine": None, "spare": None, "sizes": ["SMALL"], "codes": ["x"]},
        {"lines": [], "sizes": None, "codes": []},
        {"lines": [{"size": "SMALL"}]},
        {"lines": [], "codes": None},
        {"lines": [], "more": 1},
    ],
)
async def test_prepared_inputs_are_those_of_strawberry(cart):
    expected = await made(cart, prepared=False)

    assert await made(cart, prepared=True) == expected


async def test_a_default_list_is_not_shared_between_requests():
    schema, given = api(prepared=True)

    for _ in range(2):
        await schema.execute('{ look(cart: {lines: [{sku: "a"}]}) }')
        given[-1].codes.append("changed")

    assert [cart.codes for cart in given] == [["HELLO", "changed"]] * 2


def test_an_input_that_cannot_be_prepared_is_refused_at_the_start():
    @strawberry.input
    class Odd:
        may: strawberry.Maybe[int]

    @strawberry.type
    class Query:
        @strawberry.field
        def look(self, odd: Odd) -> int:
            return 1

    with pytest.raises(TypeError, match=r"Odd\.may: say UNSET"):
        prepare_inputs(strawberry.Schema(Query)._schema)
