"""The helper for Apollo in examples/apollo, in Node, against a real server."""

from pathlib import Path
from typing import Any

from models.principal import Role
from tests import node
from tests.client import Api
from tests.telling import add_block

HERE = Path(__file__).parent


async def follow(address: str, token: str, *args: str) -> Any:
    url = address.replace("ws://", "http://")
    return await node.told(HERE, "follow.mjs", url, token, *args)


async def test_a_subscription_goes_on_where_its_connection_broke(address: str, api: Api) -> None:
    shop = await api.caller(Role.INTEGRATOR)
    for _ in range(4):
        await add_block(api.stores, *["order.placed"] * 5)

    told = await follow(address, shop.token, "3", "20")

    assert told == {"seen": list(range(1, 21)), "connections": 7}


async def test_what_the_server_refuses_is_not_asked_again(address: str, api: Api) -> None:
    shop = await api.caller(Role.INTEGRATOR)

    told = await follow(address, shop.token, "3", "20", "4711")

    assert told == {"seen": [], "connections": 1, "error": "CURSOR_UNKNOWN"}
