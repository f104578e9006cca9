"""APIs are killed, mongod restarted and Redis emptied while clients buy what runs out, over HTTP.

Whatever was answered stays so, the same key has the same answer, and limits are met exactly.
"""

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from services import codes
from tests.faults.scene import Scene, clean, problems, ready, scene, token
from tests.faults.shopping import INGEST, JOIN, Front
from tests.machine import HANGS
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


async def survives(folder, redis, redis_url, smtp, *, people: int, faults: int, pause: float):
    stock, discounts = people // 3, people // 4
    async with scene(folder, redis_url, smtp.url) as (playing, shop):
        await shop.publish(RULES % {"stock": stock, "discounts": discounts})
        names = [f"p{n}" for n in range(people)]
        await asyncio.gather(*(shop.person(name) for name in names))
        batch = await codes.generate(
            "own", people // 5, stores=shop.stores, rulebook=shop.rulebook, now=shop.clock.now()
        )
        own = [code.code async for code in shop.stores.codes.every("own", batch)]
        playing.begin()
        async with httpx2.AsyncClient(timeout=10) as http:
            front = Front(playing.urls, await token(shop), http, random.Random(3))
            await ready(playing, http)
            shopping = asyncio.create_task(shop_around(front, names, own))
            await strike(playing, redis, faults=faults, pause=pause, meanwhile=shopping)
            await shopping
            await clean(shop, within=HANGS)
            await exact(shop, front, people=people, stock=stock, discounts=discounts, own=own)
            await same_again(front)
            assert await problems(shop) == []
    return front.refusals


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
