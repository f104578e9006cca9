"""Processes killed in the midst of placing orders: every order once, nothing taken for none."""

import asyncio
import random
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from models.store import Stores
from services import settling
from services.verify import verify
from tests.faults.placing import PEOPLE
from tests.shop import Shop

ROOT = Path(__file__).parents[2]
ORDERS = 120
RULES = """
promotion first { take 1 USD off cart  limit 100 total  limit 2 per user }
promotion second { take 10% off cart  budget 150 USD }
flash_sale night { active from 2020-01-01  sku "A" at 6 USD stock 50  hold 2 hours }
"""


async def start(uri: str, database: str, part: int, orders: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.faults.placing",
        uri,
        database,
        str(part * orders),
        str((part + 1) * orders),
        cwd=ROOT,
    )


async def survives(database, uri: str, *, orders: int, kills: int) -> None:
    shop = Shop(Stores.over(database), "smtp://127.0.0.1:1")
    shop.clock.business = shop.clock.real = datetime.now(UTC)
    await shop.publish(RULES)
    await asyncio.gather(*(shop.person(f"p{n}") for n in range(PEOPLE)))
    dice = random.Random(5)
    processes = [await start(uri, database.name, part, orders) for part in range(2)]
    for _ in range(kills):
        await asyncio.sleep(dice.uniform(1.2, 1.8))
        part = dice.randrange(2)
        if processes[part].returncode is None:
            processes[part].kill()
            await processes[part].wait()
        processes[part] = await start(uri, database.name, part, orders)
    for process in processes:
        assert await process.wait() == 0
    shop.clock.real += timedelta(minutes=2)
    while await settling.sweep(
        stores=shop.stores, rulebook=shop.rulebook, jobs=shop.bells, clock=shop.clock
    ):
        pass

    await holds(shop, 2 * orders)


async def holds(shop: Shop, placed: int) -> None:
    """Check what must be true of the store, whatever has happened."""
    stores = shop.stores
    uses, spent, own = Counter(), Counter(), Counter()
    events = await stores.events.documents.distinct("data.order_id", {"name": "order_placed"})
    found = await stores.orders.documents.find({"state": "placed"}).to_list()
    assert len(found) == placed
    assert await stores.events.documents.count_documents({"name": "order_placed"}) == placed
    assert set(events) == {order["_id"] for order in found}
    for order in found:
        for verdict in order["quote"]["verdicts"]:
            uses[verdict["name"]] += 1
            spent[verdict["name"]] += verdict["saved"]
            own[verdict["name"], order["user"]] += 1
    counts = await stores.counters.read(["first", "second"], None)
    assert {name: count.uses for name, count in counts.items()} == dict(uses)
    assert {name: count.money for name, count in counts.items()} == dict(spent)
    assert uses["first"] <= 100
    assert max(n for (name, _), n in own.items() if name == "first") <= 2
    assert spent["second"] <= 15_000
    async for finding in verify(stores=stores, now=shop.clock.now(), wall=shop.clock.wall()):
        if finding.id in ("I1", "I2"):
            assert finding.problems == []
    sold = [order for order in found if order["reserved"]]
    assert 0 < len(sold) <= 50
    assert await stores.claims.documents.count_documents({"state": "sold"}) == len(sold)
    assert await stores.claims.documents.count_documents({"unsettled": True}) == 0
    # All that there was has been taken: nothing was lost with the killed.
    assert uses["first"] == min(100, 2 * PEOPLE)
    assert spent["second"] > 15_000 - 200
    assert await stores.redemptions.documents.count_documents({}) == 0
    for (name, user), times in own.items():
        if name == "first":
            kept = (await stores.counters.read([name], user))[name]
            assert len(kept.times) == times


async def test_a_short_round(database, mongodb_uri):
    await survives(database, mongodb_uri, orders=ORDERS, kills=3)


@pytest.mark.faults
async def test_a_long_round(database, mongodb_uri):
    await survives(database, mongodb_uri, orders=1_000, kills=20)
