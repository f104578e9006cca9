"""The helper for Apollo in examples/apollo, in Node, against a real server."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from models.principal import Role
from tests.client import Api
from tests.telling import add_block

FOLLOW = Path(__file__).parent / "follow.mjs"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="needs Node")


async def follow(address: str, token: str, *args: str) -> dict[str, Any]:
    url = address.replace("ws://", "http://")
    script = await asyncio.create_subprocess_exec(
        str(NODE), str(FOLLOW), url, token, *args, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(120):
            told, _ = await script.communicate()
    finally:
        if script.returncode is None:
            script.kill()
    answer: dict[str, Any] = json.loads(told)
    return answer


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
