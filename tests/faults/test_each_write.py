"""A process is killed before and after each write of what it does: one effect, or none at all.

Between the process and MongoDB stands a proxy that knows writes. Asked again, the answer is what it
would have been, and stays so. Not asked again, nothing half done is left after half a minute.
"""

import asyncio
import multiprocessing
import random
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from devserver.process import free_port
from models.ids import new_id
from models.principal import Role
from models.store import Stores
from models.user import User
from schema.ids import to_global
from services import (
    buying,
    campaigns,
    codes,
    draws,
    points,
    redeeming,
    sequencer,
    sessions,
    settling,
    stocks,
)
from services.claims import Claims
from services.groups import Groups
from services.tokens import Tokens
from services.verify import verify
from tests.client import SECRET, serving
from tests.faults import acting, shopping
from tests.shop import Shop
from tests.wire import Wire, between

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(["tests.faults.acting"])
NO_REDIS = "redis://127.0.0.1:1/0"
RULES = """
event visited { page: text }
promotion first_come { code "SALE"  take 3 USD off cart  limit 5 total  limit 1 per user
  budget 50 USD }
promotion own { codes unique  take 1 USD off cart }
promotion thanks { grant own for 14 days }
promotion bonus { code "BONUS"  award 30 points }
loyalty club { earn 5 points on visited  redeem 100 points for 1 USD }
flash_sale midnight { active from 2026-03-01  sku "A" at 99 USD stock 2  limit 1 per user }
group_buy pack { active from 2026-03-01  sku "B" at 79 USD for 2 people within 1 days stock 4 }
lottery lucky { active from 2026-03-01  enter on visited  enter for 100 points
  limit 1 entries per user
  draw at 2100-01-01T12:00  prize "Phone" quantity 1 }
"""
PUBLISH = """mutation ($input: PublishCampaignInput!) { publishCampaign(input: $input) {
  campaign { id status livePublication liveSource } userErrors { code message } } }"""
BUY = """mutation ($input: BuyDrawEntryInput!) { buyDrawEntry(input: $input) {
  receipt { ticket source } pointsLeft userErrors { code message } } }"""

Answer = dict[str, Any]


@dataclass
class Act:
    """Something to ask, made ready in `prepare`, and how often it is found done in the store."""

    name: str
    query: str
    prepare: Callable[[Shop], Awaitable[Answer]]
    done: Callable[[Shop], Awaitable[list[int]]]


def user(name: str) -> str:
    return to_global("User", name)


async def count(store: Any, **query: Any) -> int:
    return await store.documents.count_documents(query)


async def an_order(shop: Shop) -> Answer:
    batch = await codes.generate(
        "own", 1, stores=shop.stores, rulebook=shop.rulebook, now=shop.clock.now()
    )
    (code,) = [code.code async for code in shop.stores.codes.every("own", batch)]
    line = {"sku": "A", "price": "10.00", "quantity": 2}
    cart = {"currency": "USD", "lines": [line], "codes": ["SALE", code]}
    return {"key": "o1", "userId": user("ann"), "cart": cart, "total": "16.00"}


async def ordered(shop: Shop) -> list[int]:
    counted = await shop.stores.counters.read(["first_come"], "ann")
    return [
        await count(shop.stores.orders, state="placed"),
        counted["first_come"].uses if counted else 0,
        counted["first_come"].money // 300 if counted else 0,
        len(counted["first_come"].times) if counted else 0,
        await count(shop.stores.codes, order={"$exists": True}),
        await count(shop.stores.codes, user="ann"),
        await count(shop.stores.events, name="order_placed"),
    ]


async def a_claim(shop: Shop) -> Answer:
    return {"sale": "midnight", "idempotencyKey": "k", "userId": user("ann")}


async def claimed(shop: Shop) -> list[int]:
    return [await count(shop.stores.claims)]


async def a_confirmation(shop: Shop) -> Answer:
    claim = await Claims(shop.stores, shop.rulebook).claim(
        "midnight", "k", user_id="ann", now=shop.clock.now()
    )
    return {"claimId": to_global("Claim", claim.id), "order": "o1"}


async def confirmed(shop: Shop) -> list[int]:
    return [await count(shop.stores.claims, state="sold", order="o1")]


async def an_opening(shop: Shop) -> Answer:
    return {"groupBuy": "pack", "idempotencyKey": "k", "userId": user("ann")}


async def opened(shop: Shop) -> list[int]:
    return [await count(shop.stores.groups)]


async def a_joining(shop: Shop) -> Answer:
    group = await Groups(shop.stores, shop.rulebook).open(
        "pack", "k", user_id="ann", now=shop.clock.now()
    )
    return {"groupId": to_global("Group", group.id), "userId": user("bob")}


async def joined(shop: Shop) -> list[int]:
    return [await count(shop.stores.groups, state="completed")]


async def a_visit(shop: Shop) -> Answer:
    return {"events": [{"id": "v1", "name": "visited", "user": "ann", "data": {"page": "home"}}]}


async def visited(shop: Shop) -> list[int]:
    return [
        await count(shop.stores.events),
        await count(shop.stores.entries),
        await count(shop.stores.points, reason="earned"),
        int(await balance(shop) == 5),
    ]


async def balance(shop: Shop) -> int:
    return (await shop.stores.users.get("ann")).points


async def give(shop: Shop, amount: int) -> None:
    rules, now = await shop.rulebook.current(), shop.clock.now()
    award = points.Award(key="gift", user_id="ann", points=amount, at=now, rules=rules)
    await points.award(award, stores=shop.stores, current=rules, now=now)


async def an_order_with_points(shop: Shop) -> Answer:
    await give(shop, 300)
    line = {"sku": "A", "price": "10.00", "quantity": 2}
    cart = {"currency": "USD", "lines": [line], "codes": ["BONUS"]}
    return {
        "key": "o1",
        "userId": user("ann"),
        "cart": cart,
        "redeemPoints": 300,
        "total": "17.00",
    }


async def paid(shop: Shop) -> list[int]:
    return [
        await count(shop.stores.orders, state="placed"),
        await count(shop.stores.points, reason="redeemed"),
        await count(shop.stores.points, reason="promotion"),
        int(await balance(shop) == 30),
    ]


async def an_entry(shop: Shop) -> Answer:
    await give(shop, 150)
    now, wall = shop.clock.now(), shop.clock.wall()
    current = await shop.rulebook.current()
    await draws.look_after(current, stores=shop.stores, now=now, wall=wall)
    return {"lottery": "lucky", "idempotencyKey": "k", "userId": user("ann")}


async def bought(shop: Shop) -> list[int]:
    return [
        await count(shop.stores.entries),
        await count(shop.stores.points, reason="entered"),
        int(await balance(shop) == 50),
    ]


async def a_publication(shop: Shop) -> Answer:
    ann, bob = [campaigns.Act(name, shop.clock.now()) for name in ("ann", "bob")]
    source = "promotion spring { take 10% off cart }"
    made = await campaigns.create("Spring", source, ann, stores=shop.stores)
    await campaigns.submit(made.id, ann, stores=shop.stores)
    await campaigns.approve(made.id, bob, stores=shop.stores)
    return {"id": to_global("Campaign", made.id)}


async def published(shop: Shop) -> list[int]:
    await shop.rulebook.refresh()
    current = await shop.rulebook.current()
    return [
        int("spring" in current.program.promotions),
        await count(shop.stores.campaigns, status="running", title="Spring"),
        await count(shop.stores.publications, confirmed=True, _id={"$gt": 1}),
    ]


ACTS = (
    Act("redeem", shopping.PLACE, an_order, ordered),
    Act("claim", shopping.CLAIM, a_claim, claimed),
    Act("confirm", shopping.CONFIRM, a_confirmation, confirmed),
    Act("open", shopping.OPEN, an_opening, opened),
    Act("join", shopping.JOIN, a_joining, joined),
    Act("enter", shopping.INGEST, a_visit, visited),
    Act("pay", shopping.PLACE, an_order_with_points, paid),
    Act("buy", BUY, an_entry, bought),
    Act("publish", PUBLISH, a_publication, published),
)


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


async def ask(http: httpx2.AsyncClient, act: Act, asked: Answer, token: str) -> Answer:
    response = await http.post(
        "/graphql",
        json={"query": act.query, "variables": {"input": asked}},
        headers={"authorization": f"Bearer {token}"},
    )
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
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
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


async def settle(shop: Shop) -> None:
    """Let half a minute pass, and do what the scheduler and workers do meanwhile."""
    shop.clock.turn(seconds=35)
    # Leases are measured by the server's clock, which cannot be turned.
    await shop.stores.leases.documents.update_many(
        {}, {"$set": {"until": datetime(2000, 1, 1, tzinfo=UTC)}}
    )
    for _ in range(2):
        await settling.sweep(
            stores=shop.stores, rulebook=shop.rulebook, jobs=shop.bells, clock=shop.clock
        )
        await sequencer.care(stores=shop.stores)
        await shop.rulebook.refresh()
        await shop.work()
        now, wall = shop.clock.now(), shop.clock.wall()
        await stocks.look_after(now, stores=shop.stores)
        current = await shop.rulebook.current()
        await points.look_after(stores=shop.stores, current=current, now=now)
        await buying.sweep(stores=shop.stores, current=current, now=now, wall=wall)
        await redeeming.sweep(stores=shop.stores, current=current, now=now, wall=wall)
    head, waiting = await sequencer.read_head(stores=shop.stores), 1
    while waiting:
        head, waiting = await sequencer.step(head, stores=shop.stores, wall=shop.clock.real)


async def listening(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            with socket.socket() as probe:
                probe.setblocking(False)
                try:
                    await asyncio.get_running_loop().sock_connect(probe, ("127.0.0.1", port))
                    return
                except OSError:
                    await asyncio.sleep(0.02)


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
async def test_a_short_round(ground, act):
    dice = random.Random()
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
