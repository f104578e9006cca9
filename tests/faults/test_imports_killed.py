"""APIs and workers are killed while files come in: each row is there once, or refused once."""

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime

import httpx2
import pytest

from models.api_key import Scope
from models.paging import Window
from models.principal import Principal, Role
from services import api_keys
from services.tokens import Tokens
from tests.faults.importing import RULES, File, files, is_wrong, send
from tests.faults.scene import Scene, clean, ready, scene
from tests.machine import HANGS
from tests.shop import Shop
from tests.waiting import until


async def survives(
    folder, redis_url, smtp, *, count: int, kills: int, uploads: dict[str, int]
) -> None:
    """Import a file of each kind, killing the worker at work and the API so often in uploads."""
    all_of_them = files(count)
    async with scene(folder, redis_url, smtp.url, apis=1, worker="tests.faults.hasty") as (
        playing,
        shop,
    ):
        await shop.publish(RULES)
        await shop.fill()
        staff = await shop.stores.users.documents.count_documents({})
        playing.begin()
        async with httpx2.AsyncClient(timeout=30) as http:
            await ready(playing, http)
            sender = Sender(playing, await key(shop), http)
            dice, struck = random.Random(11), 0
            # The others are about people, who have to be there.
            for stage in (["users"], ["products", "events", "orders"]):
                for kind in stage:
                    await sender.send(all_of_them[kind], kills=uploads.get(kind, 0))
                stage_files = [all_of_them[kind] for kind in stage]
                struck += await strike(playing, shop, stage_files, kills, dice)
            assert struck, "nothing was under way that could be killed"
            for file in all_of_them.values():
                await all_told(file, sender, shop)
        await clean(shop, within=HANGS)
        await exact(shop, count, staff=staff)


async def key(shop: Shop) -> str:
    """Return an API key: an access token may expire before all is imported."""
    _, made = await api_keys.create(
        "t",
        [Scope.IMPORTS],
        caller=Principal("admin", frozenset({Role.ADMIN}), "s"),
        stores=shop.stores,
        tokens=Tokens("a key that tests make keys from"),
        now=datetime.now(UTC),
    )
    return made


class Sender:
    """Sends files, each again until it is taken."""

    def __init__(self, playing: Scene, bearer: str, http: httpx2.AsyncClient) -> None:
        self._playing, self._token, self._http = playing, bearer, http

    async def send(self, file: File, *, kills: int) -> None:
        """Send a file; in the first tries the API is killed halfway."""
        (url,) = self._playing.urls
        for _ in range(kills):
            assert not await send(file, url, self._token, self._http, self._kill)
            self._playing.serve(0)
            await ready(self._playing, self._http)
        assert await send(file, url, self._token, self._http, None)

    async def shown(self, file: File) -> dict:
        (url,) = self._playing.urls
        headers = {"authorization": f"Bearer {self._token}"}
        answer = await self._http.get(f"{url}{file.url}/{file.key}", headers=headers)
        return answer.json()

    def _kill(self) -> None:
        self._playing.processes.kill("api-0")


async def strike(
    playing: Scene, shop: Shop, files: list[File], kills: int, dice: random.Random
) -> int:
    """Kill the worker now and then as all of them come on; return how often.

    Whichever did not come on between five kills would be given up, and rightly so.
    """
    read: dict[str, int] = {}  # when it was last killed
    latest = dict[str, int]()
    killed = 0
    at_work = True
    while at_work:

        async def come_on(first: bool = killed == 0) -> bool:
            nonlocal at_work, read
            jobs = [await shop.stores.imports.get(file.key) for file in files]
            now = {job.id: job.tally.read for job in jobs}
            for job in jobs:
                assert latest.get(job.id, 0) <= now[job.id] <= job.rows, "progress goes one way"
            latest.update(now)
            under_way = [job.id for job in jobs if not job.state.is_over]
            at_work = bool(under_way)
            if not first and any(now[each] == read.get(each, 0) for each in under_way):
                return False
            read = now
            return True

        await until(come_on, within=HANGS)
        if at_work and killed < kills:
            await asyncio.sleep(dice.uniform(0, 0.4))
            playing.processes.kill("worker")
            killed += 1
            playing.start_worker()
    return killed


async def all_told(file: File, sender: Sender, shop: Shop) -> None:
    """Check what an import says of itself: every row once, taken or refused."""
    shown = await sender.shown(file)
    assert shown["state"] == "done", shown
    assert (shown["rows"], shown["read"]) == (file.rows, file.rows)
    assert (shown["created"], shown["refused"]) == (
        file.rows - len(file.wrong),
        len(file.wrong),
    )
    page = await shop.stores.import_errors.page(file.key, Window(limit=10_000))
    assert Counter(error.row for error in page.items) == Counter(file.wrong)
    assert await shop.stores.import_pages.documents.count_documents({}) == 0


async def exact(shop: Shop, count: int, *, staff: int) -> None:
    """Check that there is exactly what the files say."""
    stores = shop.stores
    right = [n for n in range(count) if not is_wrong(n)]
    assert await stores.users.documents.count_documents({}) == len(right) + staff
    known = await stores.identities.find_external([str(n) for n in range(count)])
    assert len(known) == len(set(known.values())) == len(right)
    assert await stores.products.documents.count_documents({}) == len(right)
    told = Counter([e["name"] async for e in stores.events.documents.find({}, {"name": 1})])
    assert told == {"rated": len(right), "order_placed": len(right)}
    placed = [order async for order in stores.orders.documents.find()]
    assert {order["_id"] for order in placed} == {f"o{n}" for n in right}
    assert all(len(order["quote"]["lines"]) == 2 for order in placed)
    orders_of = Counter(order["user"] for order in placed)
    accounts = await stores.accounts.find_many(sorted(orders_of))
    assert {user: accounts[user].balance for user in orders_of} == {
        user: 12 * orders for user, orders in orders_of.items()
    }


async def test_a_short_round(tmp_path, redis, redis_url, smtp):
    # Of what people do and what they are, one each: each upload is taken alike.
    uploads = {"users": 1, "orders": 1}
    await survives(tmp_path, redis_url, smtp, count=1_200, kills=1, uploads=uploads)


@pytest.mark.faults
async def test_a_long_round(tmp_path, redis, redis_url, smtp):
    uploads = dict.fromkeys(["users", "products", "events", "orders"], 2)
    await survives(tmp_path, redis_url, smtp, count=12_000, kills=15, uploads=uploads)
