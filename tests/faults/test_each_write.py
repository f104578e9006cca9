"""A process is killed before and after each write of what it does: one effect, or none at all.

Between the process and MongoDB stands a proxy that knows writes. Asked again, the answer is what it
would have been, and stays so. Not asked again, nothing half done is left after half a minute. The
same where the process lives, and only the connection is cut or the reply to a write is lost.
"""

import asyncio
import multiprocessing
import random
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from app.asgi import PATIENCE
from devserver.process import free_port
from models.ids import new_id
from models.principal import Role
from models.store import Stores
from models.user import User
from services import sessions
from services.counting import counting_over
from services.tokens import Tokens
from services.verify import verify
from tests.client import NO_REDIS, SECRET, serving
from tests.faults import acting
from tests.faults.acts import ACTS, RULES, Act, Answer, settle
from tests.shop import Shop
from tests.wire import Wire, between

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(["tests.faults.acting"])


@dataclass
class Ground:
    """Where all this happens: an empty database and the proxy before it."""

    uri: str
    database: Any
    wire: Wire
    smtp_url: str

    async def shop(self) -> tuple[Shop, str]:
        """Return a new shop on an empty database, and a token of its back end."""
        names = await self.database.list_collection_names(filter={"type": "collection"})
        for name in set(names) - {"migrations"}:
            await self.database[name].delete_many({})
        shop = Shop(Stores.over(self.database), self.smtp_url)
        shop.clock.business = shop.clock.real = now = datetime.now(UTC)
        await shop.publish(RULES)
        for name in ("ann", "bob"):
            await shop.person(name)
        staff = User(id=new_id(), created_at=now, roles=frozenset({Role.INTEGRATOR, Role.MARKETER}))
        await shop.stores.users.add(staff)
        pair = await sessions.open_session(
            staff, stores=shop.stores, tokens=Tokens(SECRET), wall=now
        )
        return shop, pair.access_token

    def settings(self, uri: str) -> dict[str, Any]:
        return {
            "mongodb_uri": uri,
            "database": self.database.name,
            "redis_url": NO_REDIS,
            "secret": SECRET,
        }


@pytest.fixture
async def ground(database, mongodb_uri, smtp):
    async with between(urlsplit(mongodb_uri).port) as wire:
        yield Ground(mongodb_uri, database, wire, smtp.url)


async def post(http: httpx2.AsyncClient, act: Act, asked: Answer, token: str) -> httpx2.Response:
    return await http.post(
        "/graphql",
        json={"query": act.query, "variables": {"input": asked}},
        headers={"authorization": f"Bearer {token}"},
    )


async def ask(http: httpx2.AsyncClient, act: Act, asked: Answer, token: str) -> Answer:
    """Ask until there is an answer: 503 says that there is none, and when to come back."""
    while (response := await post(http, act, asked, token)).status_code == 503:
        assert response.headers["retry-after"]
        await asyncio.sleep(0.1)
    assert response.status_code == 200, response.text
    body = response.json()
    assert "errors" not in body, body
    (payload,) = body["data"].values()
    return payload


async def killed_at(
    ground: Ground, act: Act, write: int, *, before: bool, again: bool
) -> str | None:
    """Kill an API at a write of an act, look at what is left; None if there are fewer writes."""
    shop, token = await ground.shop()
    asked = await act.prepare(shop)
    port = free_port()
    process = FORKED.Process(
        target=acting.serve,
        args=(ground.settings(ground.wire.uri) | {"port": port},),
        daemon=True,
    )
    process.start()
    try:
        await listening(port)
        ground.wire.arm(write, before=before, strike=process.kill)
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            try:
                first = await ask(http, act, asked, token)
            except httpx2.TransportError:
                first = None
        if act.name == "enter" and first is not None and not ground.wire.struck:
            await work(ground)
        # What follows the answer may be written after it.
        for _ in range(20):
            if ground.wire.struck or first is None:
                break
            await asyncio.sleep(0.01)
    finally:
        process.kill()
        process.join()
    if not ground.wire.struck:
        assert first is not None
        return None
    where = f"{act.name}, {'before' if before else 'after'} {ground.wire.seen[write - 1]}"
    if again:
        await answers_alike(ground, act, asked, token, first, where)
    await settle(shop)
    left = await act.done(shop)
    # One effect, whole; or none, if nobody asked again.
    wholes = ({1},) if again or first is not None else ({1}, {0})
    assert set(left) in wholes, (where, left)
    now, wall = shop.clock.now(), shop.clock.wall()
    async for finding in verify(stores=shop.stores, now=now, wall=wall):
        assert not finding.problems, (where, finding)
    return where


async def answers_alike(
    ground: Ground, act: Act, asked: Answer, token: str, first: Answer | None, where: str
) -> None:
    """Ask a process that lives, twice."""
    settings = ground.settings(ground.uri)
    del settings["secret"]
    async with serving(**settings) as api:
        second = await ask(api.http, act, asked, token)
        third = await ask(api.http, act, asked, token)
    assert second["userErrors"] == [], (where, second)
    if act.name != "enter":
        assert third == second, where
        assert first in (None, second), where


async def work(ground: Ground) -> None:
    """Have a worker apply what was told; it is the one to be killed, as the API was not."""
    worker = FORKED.Process(
        target=acting.work, args=(ground.settings(ground.wire.uri),), daemon=True
    )
    ground.wire.strike = worker.kill
    worker.start()
    await asyncio.to_thread(worker.join)


async def listening(port: int) -> None:
    async with asyncio.timeout(120):
        while True:
            with socket.socket() as probe:
                probe.setblocking(False)
                try:
                    await asyncio.get_running_loop().sock_connect(probe, ("127.0.0.1", port))
                    return
                except OSError:
                    await asyncio.sleep(0.02)


async def cut_at(ground: Ground, act: Act, write: int, *, before: bool) -> bool:
    """Cut the connection at a write of an act; whether there was such a write."""
    shop, token = await ground.shop()
    asked = await act.prepare(shop)
    settings = ground.settings(ground.wire.uri)
    del settings["secret"]
    async with serving(patience=PATIENCE, **settings) as api:
        await api.http.get("/readyz")
        ground.wire.arm(write, before=before, strike=lambda: None)
        payload = await ask(api.http, act, asked, token)
        struck = ground.wire.struck
        assert payload["userErrors"] == [], ground.wire.seen
        if act.name != "enter":
            assert await ask(api.http, act, asked, token) == payload
        await counting_over(api.stores).settled()
    await settle(shop)
    left = await act.done(shop)
    assert set(left) == {1}, (ground.wire.seen, left)
    async for finding in verify(stores=shop.stores, now=shop.clock.now(), wall=shop.clock.wall()):
        assert not finding.problems, (ground.wire.seen, finding)
    return struck


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
async def test_a_lost_reply_is_no_second_effect(ground, act):
    assert await cut_at(ground, act, 1, before=False)


@pytest.mark.faults
@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
async def test_every_reply_may_be_lost(ground, act):
    for before in (True, False):
        write = 1
        while await cut_at(ground, act, write, before=before):
            write += 1
        assert write > 1


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
async def test_a_short_round(ground, act):
    dice = random.Random(act.name)
    wheres = [
        await killed_at(ground, act, write, before=dice.random() < 0.5, again=dice.random() < 0.5)
        for write in (1, dice.randint(1, 3))
    ]
    assert any(wheres)


@pytest.mark.faults
@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
async def test_every_write(ground, act):
    for again in (True, False):
        for before in (True, False):
            write = 1
            while await killed_at(ground, act, write, before=before, again=again):
                write += 1
            assert write > 1
