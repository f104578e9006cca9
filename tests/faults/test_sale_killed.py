"""API processes are killed, Redis emptied and mongod restarted in the middle of scarce things."""

import asyncio
import multiprocessing
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devserver.mongod import Profile, start
from models.audit import Actor, Asked, Credential, SealKeys
from models.claim import ClaimState
from models.errors import DomainError
from models.ids import new_id
from models.store import Stores, connect, prepare
from services import chaining, sequencer, stocks
from services.claims import Claims
from services.groups import Groups
from services.rulebook import Rulebook
from services.selling import confirm
from services.verify import verify
from tests.machine import HANGS
from tests.shop import NOW, Shop
from tests.waiting import until

pytestmark = pytest.mark.faults

USERS = 400
STOCK = 150
RULES = f"""
flash_sale midnight {{ active from 2026-03-01  sku "A" at 99 USD stock {STOCK}  limit 1 per user
  hold 10 minutes }}
group_buy pack {{ active from 2026-03-01  sku "B" at 79 USD for 3 people within 1 days stock 60 }}
"""


def buy(uri: str, seed: int) -> None:
    """Claim, confirm, open and join without end, in a process of its own, until it is killed."""

    async def work() -> None:
        stores = Stores.over(connect(uri, "sale"), patience=3)
        rulebook = Rulebook(stores)
        claims, groups = Claims(stores, rulebook), Groups(stores, rulebook)
        chance = random.Random(seed)

        async def shopper() -> None:
            while True:
                user = f"u{chance.randrange(USERS)}"
                try:
                    if chance.random() < 0.3:
                        await join(groups, user, chance)
                        continue
                    asked = Asked(new_id(), NOW, Actor(Credential.API_KEY, f"key{seed}"))
                    claim = await claims.claim("midnight", "k", user_id=user, now=NOW, asked=asked)
                    if chance.random() < 0.5:
                        await confirm(
                            claim.id,
                            f"order of {user}",
                            user_id=user,
                            stores=stores,
                            rulebook=rulebook,
                            now=NOW,
                        )
                except DomainError:
                    await asyncio.sleep(0.01)

        await asyncio.gather(*(shopper() for _ in range(20)))

    asyncio.run(work())


async def join(groups: Groups, user: str, chance: random.Random) -> None:
    group = await groups.open("pack", "k", user_id=f"u{chance.randrange(30)}", now=NOW)
    await groups.join(group.id, user_id=user, now=NOW)


async def is_sold_out(stores: Stores) -> bool:
    """Whether all units are held or sold, and some are sold."""
    counts = [
        await stores.claims.counts(each["id"])
        for each in await stores.stocks.all()
        if each["kind"] == "flash_sale"
    ]
    return any(sum(each.values()) == STOCK and each.get(ClaimState.SOLD) for each in counts)


async def noted(stores: Stores) -> Counter[str]:
    """Return which claims the audit log knows of, and how often."""
    await stocks.look_after(NOW, stores=stores)
    keys = SealKeys.of("a secret for tests, long enough to sign")
    while await chaining.link(stores=stores, wall=NOW, keys=keys):
        pass
    entries = stores.audit.documents.find({"operation": "claimStock"})
    return Counter([entry["about"][1].partition(":")[2] async for entry in entries])


async def claimed(stores: Stores) -> Counter[str]:
    return Counter([claim["_id"] async for claim in stores.claims.documents.find({}, {"_id": 1})])


async def tell(stores: Stores) -> None:
    """Have the feed tell all that it is yet to tell: nobody else does so here."""
    head, waiting = await sequencer.read_head(stores=stores), 1
    while waiting:
        head, waiting = await sequencer.step(head, stores=stores, wall=datetime.now(UTC))


async def problems(stores: Stores, now: datetime) -> list[str]:
    return [
        problem
        async for finding in verify(stores=stores, now=now, wall=datetime.now(UTC))
        for problem in finding.problems
    ]


@pytest.mark.parametrize("mongod_dies", [False, True])
async def test_all_adds_up_whoever_is_killed(tmp_path: Path, smtp, redis, mongod_dies: bool):
    spawned = multiprocessing.get_context("spawn")
    chance = random.Random(4)
    mongod = start(tmp_path, Profile.DURABLE)
    database = connect(mongod.uri, "sale", patience_ms=10_000)
    await prepare(database)
    stores = Stores.over(database)
    await Shop(stores, smtp.url).publish(RULES)
    processes = [spawned.Process(target=buy, args=(mongod.uri, n)) for n in range(3)]
    try:
        for process in processes:
            process.start()
        # Starting takes longer than a round of kills.
        await until(stores.stocks.all, within=HANGS)
        for turn in range(8):
            await asyncio.sleep(0.7)
            place = chance.randrange(len(processes))
            processes[place].kill()
            processes[place].join()
            processes[place] = spawned.Process(target=buy, args=(mongod.uri, 10 + turn))
            processes[place].start()
            redis.flushall()
            if mongod_dies and turn in (2, 5):
                mongod.process.kill()
                mongod.process.wait()
                mongod = await asyncio.to_thread(
                    start, tmp_path, Profile.DURABLE, port=mongod.port, patience=10
                )
        await until(lambda: is_sold_out(stores), within=HANGS)
        for process in processes:
            process.kill()
            process.join()
        await tell(stores)
        assert await problems(stores, NOW) == []
        (sale,) = [each for each in await stores.stocks.all() if each["kind"] == "flash_sale"]
        counts = await stores.claims.counts(sale["id"])
        assert sum(counts.values()) == STOCK
        assert counts[ClaimState.SOLD] > 0

        assert await noted(stores) == await claimed(stores)

        # When all holds have ended nobody holds anything, and what was sold stays sold.
        later = NOW + timedelta(days=2)
        await stocks.look_after(later, stores=stores)
        after = await stores.claims.counts(sale["id"])
        assert after == {ClaimState.SOLD: counts[ClaimState.SOLD]}
        await tell(stores)
        assert await problems(stores, later) == []
    finally:
        for process in processes:
            process.kill()
        database.client.close()
        mongod.stop()
