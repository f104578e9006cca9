"""GraphQL over WebSocket, on a real server."""

from datetime import UTC, datetime

import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from app import sockets
from models.api_key import Scope
from models.principal import Role
from services import api_keys, recent, vigils
from tests.app.talking import PROTOCOL, closed, opened, subscribe, told
from tests.client import Api
from tests.telling import add_block


async def test_a_socket_answers_whoever_shows_a_token(address: str, api: Api) -> None:
    ann = await api.caller(Role.CUSTOMER)
    async with opened(address, ann.token) as client:
        assert (await told(client))["type"] == "connection_ack"
        await client.send(subscribe("1", "{ me { id } }"))

        assert (await told(client))["payload"] == {"data": {"me": {"id": ann.global_id}}}
        assert (await told(client))["type"] == "complete"


@pytest.mark.parametrize("token", [None, "", "nonsense"])
async def test_a_socket_without_a_good_token_is_closed(address: str, token: str | None) -> None:
    async with opened(address, token) as client:
        assert await closed(client) == 4403


async def test_a_mistake_ends_its_operation_and_not_the_socket(address: str, api: Api) -> None:
    ann = await api.caller(Role.CUSTOMER)
    async with opened(address, ann.token) as client:
        await told(client)
        for query in ("{ me {", "{ nothing }", "{ __schema { types { name } } }"):
            await client.send(subscribe("1", query))
            answer = await told(client)
            assert answer["type"] == "error"
            assert answer["payload"][0]["extensions"]["code"]

        await client.send(subscribe("2", "{ me { id } }"))
        assert (await told(client))["type"] == "next"


async def test_a_socket_ends_with_its_session(
    address: str, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vigils, "PAUSE", 0.05)
    ann = await api.caller(Role.CUSTOMER)
    async with opened(address, ann.token) as client:
        await told(client)
        await api.ask("mutation { signOut(input: {}) { signedOut } }", by=ann)

        assert await closed(client) == 4401


async def test_a_socket_ends_when_its_owner_may_do_something_else(
    address: str, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vigils, "PAUSE", 0.05)
    mel = await api.caller(Role.MARKETER)
    async with opened(address, mel.token) as client:
        await told(client)
        await api.stores.users.documents.update_one({}, {"$set": {"roles": ["customer"]}})

        assert await closed(client) == 4401


async def test_a_revoked_session_opens_no_socket(address: str, api: Api) -> None:
    ann = await api.caller(Role.CUSTOMER)
    await api.stores.sessions.revoke(ann.principal.session_id, now=datetime.now(UTC))

    async with opened(address, ann.token) as client:
        assert await closed(client) == 4403


async def test_pages_of_other_origins_are_not_let_in(address: str) -> None:
    with pytest.raises(InvalidStatus):
        async with connect(address, subprotocols=[PROTOCOL], origin="https://evil.test"):  # type: ignore[arg-type]
            pass


async def test_the_old_protocol_is_not_spoken(address: str) -> None:
    async with connect(address, subprotocols=[Subprotocol("graphql-ws")]) as client:
        assert await closed(client) == 4406


async def test_a_socket_tells_what_was_and_then_what_comes(address: str, api: Api) -> None:
    shop = await api.caller(Role.INTEGRATOR)
    await add_block(api.stores, "order.placed", "run.started", "order.cancelled")
    query = 'subscription { feed(types: ["order.*"], after: "1") { cursor entries { type } } }'
    async with opened(address, shop.token) as client:
        await told(client)
        await client.send(subscribe("1", query))

        assert (await told(client))["payload"]["data"]["feed"] == {
            "cursor": "3",
            "entries": [{"type": "order.cancelled"}],
        }
        await add_block(api.stores, "order.returned")
        answer = await told(client)
        assert (answer["id"], answer["type"]) == ("1", "next")
        assert answer["payload"]["data"]["feed"]["cursor"] == "4"


async def test_a_subscription_that_is_refused_leaves_the_socket_open(
    address: str, api: Api
) -> None:
    ann = await api.caller(Role.CUSTOMER)
    async with opened(address, ann.token) as client:
        await told(client)
        await client.send(subscribe("1", "subscription { alerts { cursor } }"))

        refused = await told(client)
        assert (refused["id"], refused["type"]) == ("1", "error")
        assert refused["payload"][0]["extensions"]["code"] == "FORBIDDEN"
        await client.send(subscribe("1", "{ me { id } }"))
        assert (await told(client))["type"] == "next"


async def test_a_subscription_ends_with_the_key_that_asked_for_it(
    address: str, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vigils, "PAUSE", 0.05)
    monkeypatch.setattr(recent, "FRESH", 0.0)
    ada = await api.caller(Role.ADMIN)
    key, text = await api_keys.create(
        "crm",
        [Scope.FEED],
        caller=ada.principal,
        stores=api.stores,
        tokens=api.tokens,
        now=datetime.now(UTC),
    )
    async with opened(address, text) as client:
        await told(client)
        await client.send(subscribe("1", "subscription { feed { cursor } }"))
        await api.stores.api_keys.revoke(key.id, now=datetime.now(UTC))

        assert await closed(client) == 4401


async def test_nobody_has_more_than_a_few_connections(
    address: str, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "CONNECTIONS", 1)
    ann, bob = await api.caller(Role.CUSTOMER), await api.caller(Role.CUSTOMER)
    async with opened(address, ann.token) as first, opened(address, bob.token) as others:
        assert (await told(first))["type"] == "connection_ack"
        assert (await told(others))["type"] == "connection_ack"
        async with opened(address, ann.token) as second:
            assert await closed(second) == 4429


async def test_not_many_from_one_address_say_nothing_at_the_same_time(
    address: str, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "STRANGERS", 1)
    ann = await api.caller(Role.CUSTOMER)
    async with connect(address, subprotocols=[PROTOCOL]) as silent:  # type: ignore[arg-type]
        async with connect(address, subprotocols=[PROTOCOL]) as second:  # type: ignore[arg-type]
            assert await closed(second) == 4429

        payload = {"authorization": f"Bearer {ann.token}"}
        await silent.send(orjson.dumps({"type": "connection_init", "payload": payload}).decode())
        assert (await told(silent))["type"] == "connection_ack"
        async with opened(address, ann.token) as third:
            assert (await told(third))["type"] == "connection_ack"
