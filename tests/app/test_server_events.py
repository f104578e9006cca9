"""GraphQL over server-sent events, on a real server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx2
import orjson
import pytest

from app import server_events
from models.campaign import Act
from models.principal import Role
from services import releases, vigils
from services.releases import RulesFile
from tests.client import Api, Caller
from tests.telling import add_block
from tests.waiting import until

SALE = """
flash_sale midnight { active from 2026-03-01  sku "A" at 99 USD stock 3  hold 10 minutes }
"""
STOCK = 'subscription { stock(sale: "midnight") { free } }'
ORDERS = "subscription ($after: String) { orderEvents(after: $after) { cursor type } }"


@asynccontextmanager
async def listening(
    address: str, by: Caller | None, query: str, variables: Any = None, **headers: str
) -> AsyncIterator[httpx2.Response]:
    sent = {"accept": "text/event-stream", **headers}
    if by is not None:
        sent["authorization"] = f"Bearer {by.token}"
    body = {"query": query, "variables": variables or {}}
    url = address.replace("ws://", "http://")
    async with (
        httpx2.AsyncClient(timeout=30) as http,
        http.stream("POST", url, json=body, headers=sent) as response,
    ):
        yield response


async def events(response: httpx2.Response) -> AsyncIterator[dict[str, Any]]:
    """Yield events by their fields; signs of life are none."""
    found: dict[str, Any] = {}
    async for line in response.aiter_lines():
        name, _, value = line.partition(":")
        if name:
            found[name] = value.strip()
        elif found:
            yield {k: orjson.loads(v) if k == "data" and v else v for k, v in found.items()}
            found = {}


async def next_of(stream: AsyncIterator[dict[str, Any]]) -> dict[str, Any]:
    async with asyncio.timeout(30):
        return await anext(stream)


async def test_a_stream_tells_what_was_and_then_what_comes(address: str, api: Api) -> None:
    shop = await api.caller(Role.INTEGRATOR)
    await add_block(api.stores, "order.placed", "run.started")
    async with listening(address, shop, ORDERS, {"after": "0"}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        stream = events(response)

        assert await next_of(stream) == {
            "id": "1",
            "event": "next",
            "data": {"data": {"orderEvents": {"cursor": "1", "type": "order.placed"}}},
        }
        await add_block(api.stores, "order.cancelled")
        assert (await next_of(stream))["id"] == "3"


async def test_a_client_that_was_cut_off_goes_on_where_it_was(address: str, api: Api) -> None:
    shop = await api.caller(Role.INTEGRATOR)
    await add_block(api.stores, "order.placed", "order.cancelled")
    headers = {"last-event-id": "1"}
    async with listening(address, shop, ORDERS, {"after": "0"}, **headers) as response:
        assert (await next_of(events(response)))["id"] == "2"


async def test_questions_and_mistakes_are_answered_and_complete(address: str, api: Api) -> None:
    ann = await api.caller(Role.CUSTOMER)
    for query, found in (
        ("{ me { id } }", "data"),
        ("{ nothing }", "errors"),
        ("subscription { nothing }", "errors"),
        ("subscription { alerts { cursor } }", "errors"),
    ):
        async with listening(address, ann, query) as response:
            first, last = [event async for event in events(response)]
        assert first["event"] == "next"
        assert first["data"][found]
        assert last["event"] == "complete"


async def test_a_stream_can_be_asked_for_by_address_but_changes_nothing(
    address: str, api: Api
) -> None:
    ann = await api.caller(Role.CUSTOMER)
    url = address.replace("ws://", "http://")
    given = {"accept": "text/event-stream", "authorization": f"Bearer {ann.token}"}
    async with httpx2.AsyncClient(timeout=30, headers=given) as http:
        asked = await http.get(url, params={"query": "{ me { id } }"})
        changed = await http.get(
            url, params={"query": "mutation { signOut(input: {}) { signedOut } }"}
        )
        wrong = await http.get(url, params={"query": "{ me { id } }", "variables": "[]"})

    assert ann.global_id in asked.text
    assert "errors" in changed.text
    assert (wrong.status_code, wrong.json()["errors"][0]["extensions"]["code"]) == (
        400,
        "BAD_REQUEST",
    )
    assert await api.ask("{ me { id } }", by=ann) == {"me": {"id": ann.global_id}}


async def test_a_stream_ends_with_its_session(
    address: str, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vigils, "PAUSE", 0.05)
    shop = await api.caller(Role.INTEGRATOR)
    async with listening(address, shop, ORDERS) as response:
        await api.stores.sessions.revoke(shop.principal.session_id, now=datetime.now(UTC))
        async with asyncio.timeout(30):
            first, last = [event async for event in events(response)]

    assert first["data"]["errors"][0]["extensions"]["code"] == "SESSION_ENDED"
    assert last["event"] == "complete"


async def test_a_quiet_stream_gives_signs_of_life(
    address: str, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_events, "HEARTBEAT", 0.01)
    shop = await api.caller(Role.INTEGRATOR)
    async with listening(address, shop, ORDERS) as response, asyncio.timeout(30):
        lines = response.aiter_lines()
        signs = 0
        while signs < 5:
            signs += await anext(lines) == ":"


async def test_nobody_has_more_than_a_few_streams(
    address: str, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_events, "CONNECTIONS", 1)
    shop = await api.caller(Role.INTEGRATOR)
    await add_block(api.stores, "order.placed")
    async with listening(address, shop, ORDERS, {"after": "0"}) as response:
        await next_of(events(response))
        async with listening(address, shop, ORDERS) as second:
            assert second.status_code == 429
            assert second.headers["retry-after"] == "5"


async def test_strangers_have_no_more_streams_from_one_address_and_keep_nobody_else_out(
    address: str, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_events, "CONNECTIONS", 1)
    act = Act("marketer", datetime.now(UTC))
    await releases.release([RulesFile("sale", "Sale", SALE)], act, stores=api.stores)
    ann = await api.caller(Role.CUSTOMER)
    async with listening(address, None, STOCK) as first:
        await next_of(events(first))

        async with listening(address, None, STOCK) as second:
            assert second.status_code == 429
            assert "From your address" in (await second.aread()).decode()
        async with listening(address, ann, STOCK) as hers:
            assert hers.status_code == 200

    async def is_let_in() -> bool:
        async with listening(address, None, STOCK) as again:
            return again.status_code == 200

    await until(is_let_in)
