"""Orders that take of what everybody wants: placed by 64 callers at once, in 2 processes.

A mongod whose majority writes are journalled. Each order of a signed-in buyer applies a promotion
with a limit per user and for all, and one with a budget: two counters of all orders, one of the
buyer. What is printed is orders a second from the call to the answer, and what mongod was asked to
write for each. Afterwards every limit must be kept and no hold be left.

Run: python benchmarks/orders.py [callers in each process]
"""

import asyncio
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from devserver.mongod import Profile, running
from models.campaign import Act
from models.store import Stores, connect, prepare
from models.user import User
from services import orders, settling
from services.jobs import Job
from services.orders import Placing, PriceChanged, Till
from services.releases import RulesFile, release
from services.rulebook import Rulebook

ORDERS = 2_000
PEOPLE = 1_000
PROCESSES = 2
CALLERS = 32
RULES = """
promotion first "A dollar off" { take 1 USD off cart  limit 1000000 total  limit 50 per user }
promotion second { take 10% off cart  budget 1000000 USD }
"""
LINE = {"sku": "A", "price": "10.00", "quantity": 2}
COMMANDS = ("insert", "update", "delete", "findAndModify", "find")


class Now:
    def now(self) -> datetime:
        return datetime.now(UTC)

    wall = now


class Later(Now):
    def wall(self) -> datetime:
        return self.now() + timedelta(minutes=5)


class Silence:
    async def ring(self, job: Job, args: Sequence[str]) -> None:
        """Nobody works here."""


def till(stores: Stores, clock: Now) -> Till:
    return Till(stores=stores, rulebook=Rulebook(stores), jobs=Silence(), clock=clock)


def run(uri: str, process: int, callers: int, begin: float) -> tuple[float, list[float]]:
    """Place this process's part; return when it ended, and how long each order took."""

    async def work() -> tuple[float, list[float]]:
        stores = Stores.over(connect(uri, "bench"))
        own = till(stores, Now())
        await own.rulebook.current()
        numbers = iter(range(process, ORDERS, PROCESSES))
        took: list[float] = []
        await asyncio.sleep(begin - time.time())
        await asyncio.gather(*(caller(numbers, own, took) for _ in range(callers)))
        return time.time(), took

    return asyncio.run(work())


async def caller(numbers: Iterator[int], own: Till, took: list[float]) -> None:
    for number in numbers:
        wanted = Placing(
            key=f"o{number}",
            cart={"currency": "USD", "lines": [LINE]},
            total=Decimal("17.10"),
            user_id=f"p{number % PEOPLE}",
        )
        started = time.perf_counter()
        answer = await orders.place(wanted, own)
        took.append(time.perf_counter() - started)
        assert not isinstance(answer, PriceChanged)


async def set_up(uri: str) -> None:
    database = connect(uri, "bench")
    await prepare(database)
    stores, now = Stores.over(database), datetime.now(UTC)
    await release([RulesFile("bench", "Bench", RULES)], Act("bench", now), stores=stores)
    await asyncio.gather(
        *(stores.users.add(User(id=f"p{n}", created_at=now)) for n in range(PEOPLE))
    )


async def commands(uri: str) -> dict[str, int]:
    """Return how many of each command mongod has served, and how often it synced its journal."""
    status = await connect(uri, "bench").command("serverStatus")
    counted = {name: status["metrics"]["commands"][name]["total"] for name in COMMANDS}
    return counted | {"syncs": status["wiredTiger"]["log"]["log sync operations"]}


async def check(uri: str) -> None:
    """Fail if anything that orders must leave behind is not there, or anything else is."""
    stores = Stores.over(connect(uri, "bench"))
    own = till(stores, Later())
    while await settling.sweep(
        stores=stores, rulebook=own.rulebook, jobs=own.jobs, clock=own.clock
    ):
        pass
    counts = await stores.counters.read(["first", "second"], None)
    assert {name: count.uses for name, count in counts.items()} == dict.fromkeys(counts, ORDERS)
    assert await stores.events.documents.count_documents({"name": "order_placed"}) == ORDERS
    assert await stores.redemptions.documents.count_documents({}) == 0


def main() -> None:
    callers = int(sys.argv[1]) if len(sys.argv) > 1 else CALLERS
    spawned = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder), Profile.DURABLE) as mongod,
        ProcessPoolExecutor(PROCESSES, mp_context=spawned) as pool,
    ):
        asyncio.run(set_up(mongod.uri))
        before = asyncio.run(commands(mongod.uri))
        begin = time.time() + 3
        parts = [pool.submit(run, mongod.uri, n, callers, begin) for n in range(PROCESSES)]
        results = [part.result() for part in parts]
        after = asyncio.run(commands(mongod.uri))
        seconds = max(end for end, _ in results) - begin
        took = sorted(each for _, part in results for each in part)
        asyncio.run(check(mongod.uri))
    each = {name: (after[name] - before[name]) / ORDERS for name in after}
    print(
        f"{PROCESSES * callers} callers: {ORDERS / seconds:,.0f} orders/s,"
        f" p50 {took[len(took) // 2] * 1000:.0f} ms,"
        f" p99 {took[len(took) * 99 // 100] * 1000:.0f} ms"
    )
    print("for each order: " + ", ".join(f"{name} {count:.2f}" for name, count in each.items()))


if __name__ == "__main__":
    main()
