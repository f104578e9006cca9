"""APIs are killed, mongod restarted and Redis emptied while clients buy what runs out, over HTTP.

Whatever was answered stays so, the same key has the same answer, and limits are met exactly.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from devserver.mongod import Mongod, Profile, start
from devserver.process import free_port
from models.ids import new_id
from models.principal import Role
from models.store import Stores, connect, prepare
from models.user import User
from services import codes, sessions
from services.tokens import Tokens
from services.verify import verify
from tests.client import SECRET
from tests.faults.processes import Processes
from tests.faults.shopping import INGEST, JOIN, Front
from tests.shop import Shop

TODAY = datetime.now(UTC)
GROUPS = 8
RULES = f"""
event visited {{ page: text }}
promotion first_come {{ code "SALE"  take 3 USD off cart  limit %(discounts)d total }}
promotion own {{ codes unique  take 5 USD off cart }}
flash_sale midnight {{ active from 2026-03-01  sku "A" at 99 USD stock %(stock)d  limit 1 per user
  hold 30 minutes }}
group_buy pack {{ active from 2026-03-01  sku "B" at 79 USD for 3 people within 1 days
  stock {3 * GROUPS} }}
lottery lucky {{ active from 2026-03-01 to {TODAY + timedelta(days=2):%Y-%m-%d}
  enter on visited  limit 2 entries per user
  draw at {TODAY + timedelta(days=3):%Y-%m-%d}T12:00  prize "Phone" quantity 1 }}
"""


class Scene:
    """A mongod of its own, two APIs, a worker and a scheduler."""

    def __init__(self, mongod: Mongod, folder: Path, redis_url: str) -> None:
        self.mongod = mongod
        self.folder = folder
        self.ports = [str(free_port()) for _ in range(2)]
        environment = {
            "FANFARE_MONGODB_URI": mongod.uri,
            "FANFARE_REDIS_URL": redis_url,
            "FANFARE_SECRET": SECRET,
        }
        self.processes = Processes(environment, folder)

    @property
    def urls(self) -> list[str]:
        return [f"http://127.0.0.1:{port}" for port in self.ports]

    def serve(self, place: int) -> None:
        self.processes.start(f"api-{place}", "serve", FANFARE_PORT=self.ports[place])

    async def restart_mongod(self) -> None:
        self.mongod.process.kill()
        self.mongod.process.wait()
        self.mongod = await asyncio.to_thread(
            start, self.folder / "db", Profile.DURABLE, port=self.mongod.port, patience=10
        )


@asynccontextmanager
async def scene(folder: Path, redis_url: str, smtp_url: str) -> AsyncIterator[tuple[Scene, Shop]]:
    mongod = start(folder / "db", Profile.DURABLE)
    playing = Scene(mongod, folder, redis_url)
    database = connect(mongod.uri, "fanfare", patience_ms=10_000)
    try:
        await prepare(database)
        shop = Shop(Stores.over(database), smtp_url)
        shop.clock.business = shop.clock.real = datetime.now(UTC)
        yield playing, shop
    finally:
        playing.processes.stop()
        database.client.close()
        playing.mongod.stop()


async def token(shop: Shop) -> str:
    """Return an access token of the shop's back end."""
    now = datetime.now(UTC)
    user = User(id=new_id(), created_at=now, roles=frozenset({Role.INTEGRATOR}))
    await shop.stores.users.add(user)
    tokens = Tokens(SECRET)
    pair = await sessions.open_session(user, stores=shop.stores, tokens=tokens, wall=now)
    return pair.access_token


async def survives(
    folder, redis, redis_url, smtp, *, people: int, faults: int, pause: float, within: float = 120
):
    stock, discounts = people // 3, people // 4
    async with scene(folder, redis_url, smtp.url) as (playing, shop):
        await shop.publish(RULES % {"stock": stock, "discounts": discounts})
        names = [f"p{n}" for n in range(people)]
        await asyncio.gather(*(shop.person(name) for name in names))
        batch = await codes.generate(
            "own", people // 5, stores=shop.stores, rulebook=shop.rulebook, now=shop.clock.now()
        )
        own = [code.code async for code in shop.stores.codes.every("own", batch)]
        for place in range(2):
            playing.serve(place)
        playing.processes.start("worker", "worker")
        playing.processes.start("scheduler", "scheduler")
        async with httpx2.AsyncClient(timeout=10) as http:
            front = Front(playing.urls, await token(shop), http, random.Random(3))
            await ready(playing, http)
            shopping = asyncio.create_task(shop_around(front, names, own))
            await strike(playing, redis, faults=faults, pause=pause, meanwhile=shopping)
            await shopping
            await clean(shop, within=within)
            await exact(shop, front, people=people, stock=stock, discounts=discounts, own=own)
            await same_again(front)
            assert await problems(shop) == []
    return front.refusals


async def ready(playing: Scene, http: httpx2.AsyncClient) -> None:
    async with asyncio.timeout(120):
        for url in playing.urls:
            while True:
                try:
                    if (await http.get(f"{url}/readyz")).status_code == 200:
                        break
                except httpx2.TransportError:
                    await asyncio.sleep(0.05)


async def shop_around(front: Front, names: list[str], own: list[str]) -> None:
    """Have everyone want everything, twenty at a time."""
    places = asyncio.Semaphore(20)

    async def wish(wanted) -> None:
        async with places:
            await wanted

    # Three orders for each single-use code, and a common code for all the others.
    wishes = [
        front.order(f"own {code} {n}", names[(place + n) % len(names)], [code], "15.00")
        for place, code in enumerate(own)
        for n in range(3)
    ]
    wishes += [front.order(f"sale {name}", name, ["SALE"], "17.00") for name in names]
    wishes += [front.claim(name, confirm=n % 2 == 0) for n, name in enumerate(names)]
    wishes += [
        front.group(n, [f"p{(n + step) % len(names)}" for step in range(1, 6)])
        for n in range(GROUPS)
    ]
    wishes += [front.visit(n, names[n % len(names)]) for n in range(3 * len(names))]
    front.chance.shuffle(wishes)
    await asyncio.gather(*(wish(wanted) for wanted in wishes))


async def strike(playing: Scene, redis, *, faults: int, pause: float, meanwhile) -> None:
    """Kill an API, empty Redis, restart mongod, in turn, as long as there is shopping."""
    for turn in range(faults):
        await asyncio.sleep(pause)
        if meanwhile.done():
            return
        match turn % 3:
            case 0:
                await playing.restart_mongod()
            case 1 | 2:
                place = turn % 2
                playing.processes.kill(f"api-{place}")
                redis.flushall()
                playing.serve(place)


async def problems(shop: Shop) -> list[str]:
    now = datetime.now(UTC)
    return [
        f"{finding.id}: {problem}"
        async for finding in verify(stores=shop.stores, now=now, wall=now)
        for problem in finding.problems
    ]


async def clean(shop: Shop, *, within: float) -> None:
    """Wait until all work is done and everything adds up."""
    began = time.monotonic()
    while True:
        left = await shop.stores.events.count_pending()
        left += await shop.stores.outbox.depth()
        found = await problems(shop)
        if not left and not found:
            return
        assert time.monotonic() - began < within, (left, found)
        await asyncio.sleep(0.2)


async def exact(
    shop: Shop, front: Front, *, people: int, stock: int, discounts: int, own: list[str]
) -> None:
    """Compare what was answered with what is stored, and both with what there was."""
    answered = {what: answer for what, (_, _, answer) in front.answers.items()}
    orders = {what: each["order"] for what, each in answered.items() if what.startswith("order ")}
    used = Counter(
        promotion["name"] for each in orders.values() for promotion in each["quote"]["promotions"]
    )
    assert used == {"first_come": discounts, "own": len(own)}
    stored = await shop.stores.orders.documents.count_documents({"state": "placed"})
    assert stored == len(orders) == people + 3 * len(own)

    claims = [each["claim"] for what, each in answered.items() if what.startswith("claim ")]
    assert len({claim["id"] for claim in claims if claim}) == stock
    assert claims.count(None) == people - stock
    sold = [each for what, each in answered.items() if what.startswith("confirm ")]
    assert {each["claim"]["state"] for each in sold} == {"SOLD"}
    assert await shop.stores.claims.documents.count_documents({"state": "sold"}) == len(sold)

    joined = Counter(
        what.split()[1]
        for what, each in answered.items()
        if what.startswith("join ") and each["group"]
    )
    assert joined == {str(n): 2 for n in range(GROUPS)}
    assert await shop.stores.groups.documents.count_documents({"state": "completed"}) == GROUPS

    assert await shop.stores.events.documents.count_documents({"name": "visited"}) == 3 * people
    # Everybody came three times, and may enter twice.
    assert await shop.stores.entries.documents.count_documents({}) == 2 * people


async def same_again(front: Front) -> None:
    """Ask for everything again: what was answered is answered."""
    for what, (query, asked, answer) in list(front.answers.items()):
        again = await front.asked(query, asked)
        if query == INGEST:
            assert [each["outcome"] for each in again["verdicts"]] == ["DUPLICATE"], what
        elif query == JOIN and answer["group"] is None:
            assert again["userErrors"] == ["GROUP_FULL"], what
        else:
            assert again == answer, what


async def test_a_short_round(tmp_path, redis, redis_url, smtp):
    refusals = await survives(tmp_path, redis, redis_url, smtp, people=24, faults=2, pause=0.1)
    assert sum(refusals.values()) > 0


@pytest.mark.faults
async def test_a_long_round(tmp_path, redis, redis_url, smtp):
    refusals = await survives(tmp_path, redis, redis_url, smtp, people=900, faults=30, pause=1.5)
    # Whether a mongod that comes back soon is missed by anyone is a matter of luck.
    assert refusals["no answer"] > 0
