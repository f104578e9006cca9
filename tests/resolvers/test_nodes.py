"""Anything by its id: as whoever may see it, and as everybody else."""

from typing import Any

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType

from models.api_key import Scope
from models.principal import Role
from resolvers.api import api as schema
from schema.ids import split_global, to_global
from tests.client import Api, Caller
from tests.everything import MAY_SEE, Everything, one_of_each
from tests.staging import once

NODE = "query ($id: ID!) { node(id: $id) { id __typename } }"
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }"
TYPES = {
    name: kind
    for name, kind in schema._schema.type_map.items()
    if isinstance(kind, GraphQLObjectType)
}


@pytest.fixture
@once
async def shop(api: Api) -> Everything:
    return await one_of_each(api)


@pytest.fixture
async def callers(api: Api, shop: Everything) -> dict[Any, Caller | None]:
    """One of each kind of caller; but for the owner none of them has anything to do with it."""
    key = """mutation { createApiKey(input: { name: "till", scopes: [ORDERS] }) { token } }"""
    token = (await api.ask(key, by=shop.admin))["createApiKey"]["token"]
    made: dict[Any, Caller | None] = {role: await api.caller(role) for role in Role}
    return made | {None: None, "owner": shop.ann, "key": Caller("", token, "", shop.admin.access)}


def test_everything_with_an_id_is_a_node() -> None:
    node = schema._schema.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    found = {
        name for name, kind in TYPES.items() if "id" in kind.fields and node in kind.interfaces
    }

    with_ids = {
        n for n, k in TYPES.items() if "id" in k.fields and str(k.fields["id"].type) == "ID!"
    }
    assert found == with_ids == set(MAY_SEE)


@pytest.mark.parametrize("name", sorted(MAY_SEE))
async def test_it_is_found_by_whoever_may_see_it_and_by_nobody_else(
    name: str, api: Api, shop: Everything, callers: dict[Any, Caller | None]
) -> None:
    given = {
        who: (await api.ask(NODE, {"id": shop.ids[name]}, by=caller))["node"]
        for who, caller in callers.items()
    }

    expected = {"id": shop.ids[name], "__typename": name}
    assert {who: node for who, node in given.items() if node} == dict.fromkeys(
        MAY_SEE[name], expected
    )


async def test_many_are_found_in_the_order_in_which_they_are_asked_for(
    api: Api, shop: Everything
) -> None:
    ids = [shop.ids[name] for name in MAY_SEE if Role.ADMIN in MAY_SEE[name]]
    gone = [to_global(split_global(id_)[0], "gone") for id_ in ids]
    asked = [id_ for pair in zip(ids, gone, strict=True) for id_ in pair]

    found = (await api.ask(NODES, {"ids": asked}, by=shop.admin))["nodes"]

    assert [node and node["id"] for node in found[::2]] == ids
    assert found[1::2] == [None] * len(ids)


async def test_what_is_found_has_all_its_fields(api: Api, shop: Everything) -> None:
    query = """query ($id: ID!) {
      node(id: $id) { ... on SentMessage { template user { name } campaign { title } } }
    }"""
    node = (await api.ask(query, {"id": shop.ids["SentMessage"]}, by=shop.admin))["node"]

    assert node == {"template": "hello", "user": {"name": ""}, "campaign": {"title": "Sale"}}


@pytest.mark.parametrize("id_", ["", "7", "VXNlcg", to_global("Unicorn", "1"), "%%%"])
async def test_what_is_no_id_is_said_to_be_none(id_: str, api: Api) -> None:
    assert await api.code(NODE, {"id": id_}) == "BAD_USER_INPUT"
    assert await api.code(NODES, {"ids": [id_]}) == "BAD_USER_INPUT"


async def test_a_key_finds_only_what_its_scopes_are_for(api: Api, shop: Everything) -> None:
    key = f"""mutation {{
      createApiKey(input: {{ name: "x", scopes: [{Scope.PRICES.name}] }}) {{ token }}
    }}"""
    token = (await api.ask(key, by=shop.admin))["createApiKey"]["token"]
    caller = Caller("", token, "", shop.admin.access)

    assert await api.ask(NODE, {"id": shop.ids["Order"]}, by=caller) == {"node": None}


async def test_a_hundred_things_are_asked_for_at_most(api: Api) -> None:
    ids = [to_global("User", str(number)) for number in range(101)]

    assert await api.code(NODES, {"ids": ids}) == "INVALID"
    assert await api.ask(NODES, {"ids": ids[:100]}) == {"nodes": [None] * 100}
