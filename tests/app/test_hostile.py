"""Requests that mean no good, on a real server: each is refused, and honest clients notice nothing.

What each costs is measured by benchmarks/hostile_requests.py.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import httpx2
import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from app import server_events, sockets
from app.sockets import REFUSALS
from models.principal import Role
from tests.app.talking import PROTOCOL, closed, opened, subscribe, told
from tests.client import Api, Caller
from tests.telling import add_block
from tests.waiting import until

ME = "{ me { id } }"
PAGE = "edges { node { history { at } } }"
FEED = 'subscription { feed(after: "0", batch: 10) { entries { data } } }'

NONSENSE = (
    " " * 65_537,
    "[]",
    "5",
    "{",
    '{"type": 5}',
    '{"type": "subscribe"}',
    '{"type": "subscribe", "id": ["1"], "payload": {"query": "{ me { id } }"}}',
    '{"type": "subscribe", "id": "1", "payload": "{ me { id } }"}',
    '{"type": "subscribe", "id": "1", "payload": {"query": 5}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "variables": []}}',
    '{"type": "complete", "id": {}}',
    subscribe("1" * 200, ME),
)


def web(address: str) -> str:
    return address.replace("ws://", "http://")


@asynccontextmanager
async def honest(address: str, api: Api) -> AsyncIterator[None]:
    """Somebody asks and follows meanwhile: all is answered, and nothing is lost."""
    shop = await api.caller(Role.INTEGRATOR)
    stopping = asyncio.Event()
    answers = 0

    async def ask(http: httpx2.AsyncClient) -> None:
        nonlocal answers
        headers = {"authorization": f"Bearer {shop.token}"}
        while not stopping.is_set():
            answer = await http.post(web(address), json={"query": ME}, headers=headers)
            assert answer.json() == {"data": {"me": {"id": shop.global_id}}}
            answers += 1

    async with httpx2.AsyncClient(timeout=120) as http, opened(address, shop.token) as client:
        assert (await told(client))["type"] == "connection_ack"
        await client.send(subscribe("1", "subscription { alerts { type } }"))
        asking = asyncio.create_task(ask(http))
        try:
            await until(lambda: answers > 0 or asking.done())
            yield
            before = answers
            await until(lambda: answers > before or asking.done())
            stopping.set()
            await asking
        finally:
            asking.cancel()
        await add_block(api.stores, "webhook.disabled")
        assert (await told(client))["payload"] == {"data": {"alerts": {"type": "webhook.disabled"}}}


def bomb() -> str:
    """Each fragment spreads the next twelve times: 12 to the power of 30 fields."""
    spread = [f"fragment F{n} on Query {{ {f'...F{n + 1} ' * 12}}}" for n in range(30)]
    return "\n".join(["{ ...F0 }", *spread, "fragment F30 on Query { me { id } }"])


@pytest.mark.parametrize(
    "query",
    [
        bomb(),
        "{ " + " ".join(f"a{n}: me {{ id }}" for n in range(160)) + " }",
        "{ " + " ".join(f"a{n}: campaigns(first: 100) {{ {PAGE} }}" for n in range(15)) + " }",
        "{ " + "me { id } " * 240 + "}",
        "{ me " + "@skip(if: false) " * 120 + "{ id } }",
    ],
    ids=["fragment bomb", "alias storm", "pages", "the same", "directives"],
)
async def test_documents_that_would_be_too_much_are_refused(
    query: str, address: str, api: Api
) -> None:
    async with honest(address, api), httpx2.AsyncClient(timeout=120) as http:
        for _ in range(20):
            answer = await http.post(web(address), json={"query": query})
            assert answer.json()["errors"][0]["extensions"]["code"] == "QUERY_TOO_COMPLEX"


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_of_twenty_megabytes_is_refused(
    declared: bool, address: str, api: Api
) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(20 * 16):
            yield b" " * 65_536

    headers = {"content-type": "application/json"}
    content: Any = parts()
    if declared:
        content = b" " * 20 * 1024 * 1024
    async with honest(address, api), httpx2.AsyncClient(timeout=120) as http:
        answer = await http.post(web(address), content=content, headers=headers)

    assert answer.status_code == 413
    assert answer.json()["errors"][0]["extensions"]["code"] == "BODY_TOO_LARGE"


def too_many(answers: list[Any], first: int) -> bool:
    """Whether these are refusals of operations that are numbered from the first on."""
    codes = {answer["payload"][0]["extensions"]["code"] for answer in answers}
    return codes == {"TOO_MANY_SUBSCRIPTIONS"} and [
        (answer["type"], answer["id"]) for answer in answers
    ] == [("error", str(number)) for number in range(first, first + len(answers))]


async def test_ten_thousand_subscriptions_end_their_socket(address: str, api: Api) -> None:
    shop = await api.caller(Role.INTEGRATOR)
    async with honest(address, api), opened(address, shop.token) as client:
        await told(client)

        async def ask() -> None:
            with suppress(ConnectionClosed):
                for number in range(10_000):
                    await client.send(subscribe(str(number), "subscription { feed { cursor } }"))

        asking = asyncio.create_task(ask())
        refused = [await told(client) for _ in range(REFUSALS)]
        assert await closed(client) == 4429
        await asking

        assert too_many(refused, 20)


async def test_a_subscription_too_many_is_refused_until_another_ends(
    address: str, api: Api
) -> None:
    shop = await api.caller(Role.INTEGRATOR)
    async with opened(address, shop.token) as client:
        await told(client)
        for number in range(20):
            await client.send(subscribe(str(number), "subscription { feed { cursor } }"))
        for _ in range(2):  # a refusal that was heeded does not count any more
            for number in range(REFUSALS):
                await client.send(subscribe(str(number + 20), ME))
            assert too_many([await told(client) for _ in range(REFUSALS)], 20)
            # Room is made by ending one.
            await client.send(orjson.dumps({"id": "7", "type": "complete"}).decode())
            await client.send(subscribe("7", "subscription { feed { cursor } }"))
        await client.send(orjson.dumps({"id": "7", "type": "complete"}).decode())
        await client.send(subscribe("a", ME))
        assert (await told(client))["type"] == "next"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait half a second for those who take nothing, not thirty."""
    monkeypatch.setattr(sockets, "PATIENCE", 0.5)
    monkeypatch.setattr(server_events, "PATIENCE", 0.5)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait half a second for those who do not say who they are, not ten; honest ones, too."""
    monkeypatch.setattr("app.view.INIT", 0.5)


async def test_sockets_that_never_say_who_they_are_are_closed(
    hurried: None, address: str, api: Api
) -> None:
    async def silent() -> int | None:
        async with connect(address, subprotocols=[PROTOCOL]) as client:
            return await closed(client)

    codes = await asyncio.gather(*(silent() for _ in range(50)))

    assert set(codes) == {4408}


async def test_messages_that_are_none_end_their_socket_alone(
    address: str, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    ann = await api.caller(Role.CUSTOMER)
    ends: dict[Any, int | None] = {}
    async with opened(address, ann.token) as other:
        await told(other)
        for message in NONSENSE:
            async with opened(address, ann.token) as client:
                await told(client)
                await client.send(message)
                ends[message] = await closed(client)
        await other.send(subscribe("1", ME))
        assert (await told(other))["type"] == "next"

    assert ends == dict.fromkeys(NONSENSE, 4400) | {NONSENSE[0]: 1009}
    assert "Traceback" not in caplog.text


async def test_of_thirty_connections_at_one_moment_ten_stay(address: str, api: Api) -> None:
    ann = await api.caller(Role.CUSTOMER)
    stop = asyncio.Event()
    codes: Counter[Any] = Counter()

    async def one() -> None:
        async with opened(address, ann.token) as client:
            try:
                await told(client)
                await client.send(subscribe("1", ME))
                codes[(await told(client))["type"]] += 1
                await stop.wait()
            except ConnectionClosed:
                codes[client.close_code] += 1

    async with honest(address, api), asyncio.TaskGroup() as group:
        for _ in range(30):
            group.create_task(one())
        await until(lambda: codes.total() == 30)
        stop.set()

    assert codes == {"next": 10, 4429: 20}


def narrow(address: str) -> socket.socket:
    """Return a connection that takes next to nothing unless it is read."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    url = urlsplit(address)
    made.connect((url.hostname, url.port))
    return made


async def fill(api: Api) -> Caller:
    """Have ten megabytes to tell; returns who may hear them."""
    for _ in range(10):
        await add_block(api.stores, *["order.placed"] * 10, data={"text": "x" * 100_000})
    return await api.caller(Role.INTEGRATOR)


async def test_a_socket_that_takes_nothing_is_closed(
    impatient: None, address: str, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    shop = await fill(api)
    options: dict[str, Any] = {"sock": narrow(address), "max_queue": 1, "max_size": None}
    async with opened(address, shop.token, **options) as client:
        await told(client)
        async with honest(address, api):
            await client.send(subscribe("1", FEED))
            await until(lambda: "has taken nothing" in caplog.text)

        assert await read_to_the_end(client) == 4408


async def read_to_the_end(client: ClientConnection) -> int | None:
    async with asyncio.timeout(60):
        try:
            while True:
                await client.recv()
        except ConnectionClosed:
            return client.close_code


async def test_a_stream_that_takes_nothing_is_closed(
    impatient: None, address: str, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    shop = await fill(api)
    body = orjson.dumps({"query": FEED})
    head = (
        f"POST /graphql HTTP/1.1\r\nhost: shop\r\nauthorization: Bearer {shop.token}\r\n"
        "accept: text/event-stream\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    with narrow(address) as client:
        client.sendall(head.encode() + body)
        async with honest(address, api):
            await until(lambda: "has taken nothing" in caplog.text)

        client.settimeout(60)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        while await asyncio.to_thread(client.recv, 65_536):
            pass
