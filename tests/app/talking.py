"""A client of graphql-transport-ws, for tests: what it says, and what it is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

PROTOCOL = Subprotocol("graphql-transport-ws")


@asynccontextmanager
async def opened(
    address: str, token: str | None, **options: Any
) -> AsyncIterator[ClientConnection]:
    """Connect, and say who it is."""
    async with connect(address, subprotocols=[PROTOCOL], **options) as client:
        payload = {} if token is None else {"authorization": f"Bearer {token}"}
        await client.send(orjson.dumps({"type": "connection_init", "payload": payload}).decode())
        yield client


async def told(client: ClientConnection) -> Any:
    """Return what comes next."""
    async with asyncio.timeout(60):
        return orjson.loads(await client.recv(decode=True))


async def closed(client: ClientConnection) -> int | None:
    """Wait for the end, and return its code."""
    async with asyncio.timeout(60):
        await client.wait_closed()
    return client.close_code


def subscribe(number: str, query: str) -> str:
    """Return the message that asks for this."""
    message = {"id": number, "type": "subscribe", "payload": {"query": query}}
    return orjson.dumps(message).decode()
