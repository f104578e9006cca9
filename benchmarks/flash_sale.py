"""A flash sale of 500 units: 50,000 claims by 200 callers at once, in two processes.

Against a mongod whose majority writes are journalled. A watcher counts what is held all the while:
never more than 500. What a claim costs is measured on a second sale with a unit for everyone, at
the same concurrency; what a refusal costs is measured once the first is sold out.

Run: python benchmarks/flash_sale.py
"""

import asyncio
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from devserver.mongod import Profile, running
from models.campaign import Act
from models.errors import Conflict
from models.store import Stores, connect, prepare
from services.claims import Claims
from services.releases import RulesFile, release
from services.rulebook import Rulebook
from services.verify import verify

UNITS = 500
CLAIMS = 50_000
FOR_ALL = 4_000  # claims of the sale that has a unit for everyone
PROCESSES = 2
CALLERS = 100
NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
SALE = """
flash_sale {name} {{ active from 2026-03-01  sku "A" at 99 USD stock {stock}
  limit 1 per user  hold 10 minutes }}
"""
Part: TypeAlias = tuple[int, float, float, list[float], list[float]]


def run(sale: str, count: int, uri: str, process: int, begin: float) -> Part:
    """Make this process's claims; return how many were held, when it ended, CPU, latencies."""

    async def work() -> Part:
        stores = Stores.over(connect(uri, "bench"))
        claims = Claims(stores, Rulebook(stores))
        await claims.stock(sale)  # connect, and read the rules
        numbers = iter(range(count))
        held, refused = list[float](), list[float]()

        async def caller() -> None:
            for number in numbers:
                started = time.perf_counter()
                try:
                    await claims.claim(sale, "k", user_id=f"{process}-{number}", now=NOW)
                    held.append(time.perf_counter() - started)
                except Conflict:
                    refused.append(time.perf_counter() - started)

        await asyncio.sleep(begin - time.time())
        cpu = time.process_time()
        await asyncio.gather(*(caller() for _ in range(CALLERS)))
        return len(held), time.time(), time.process_time() - cpu, held, refused

    return asyncio.run(work())


async def watch(uri: str, until: Callable[[], bool]) -> int:
    """Return the most that was held at any time."""
    stores = Stores.over(connect(uri, "bench"))
    most = 0
    while not until():
        most = max(most, await stores.claims.documents.count_documents({"name": "rush"}))
        await asyncio.sleep(0.05)
    return most


async def set_up(uri: str) -> None:
    database = connect(uri, "bench")
    await prepare(database)
    rules = "".join(
        SALE.format(name=name, stock=stock) for name, stock in (("rush", UNITS), ("all", FOR_ALL))
    )
    await release(
        [RulesFile("sales", "Sales", rules)], Act("bench", NOW), stores=Stores.over(database)
    )


async def stands(uri: str) -> list[str]:
    stores = Stores.over(connect(uri, "bench"))
    return [
        problem
        async for finding in verify(stores=stores, now=NOW, wall=NOW)
        for problem in finding.problems
    ]


def percentile(took: list[float], part: int) -> float:
    return sorted(took)[len(took) * part // 100] * 1000


def measure(sale: str, count: int, uri: str, pool: ProcessPoolExecutor) -> tuple[list[Part], float]:
    begin = time.time() + 3
    parts = [pool.submit(run, sale, count // PROCESSES, uri, n, begin) for n in range(PROCESSES)]

    def done() -> bool:
        return all(part.done() for part in parts)

    most = asyncio.run(watch(uri, done))
    results = [part.result() for part in parts]
    seconds = max(ended for _, ended, _, _, _ in results) - begin
    if sale == "rush":
        print(f"never more than {most} of {UNITS} held")
        assert most <= UNITS
    return results, seconds


def main() -> None:
    spawned = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder), Profile.DURABLE) as mongod,
        ProcessPoolExecutor(PROCESSES, mp_context=spawned) as pool,
    ):
        asyncio.run(set_up(mongod.uri))
        everyone, seconds = measure("all", FOR_ALL, mongod.uri, pool)
        claim = seconds / sum(held for held, *_ in everyone)
        took = [each for *_, held, _ in everyone for each in held]
        print(
            f"claims   : {1 / claim:9,.0f}/s, p50 {percentile(took, 50):.2f} ms,"
            f" p99 {percentile(took, 99):.2f} ms"
        )
        rush, seconds = measure("rush", CLAIMS, mongod.uri, pool)
        assert sum(held for held, *_ in rush) == UNITS
        print(f"the rush : {CLAIMS / seconds:9,.0f}/s, {UNITS} held of {CLAIMS:,} claims")
        late, seconds = measure("rush", CLAIMS, mongod.uri, pool)
        refused = [each for *_, part in late for each in part]
        refusal = seconds / len(refused)
        print(
            f"refusals : {1 / refusal:9,.0f}/s, p50 {percentile(refused, 50):.2f} ms,"
            f" p99 {percentile(refused, 99):.2f} ms"
        )
        print(f"a refusal after the sell-out is {claim / refusal:.1f} x cheaper than a claim")
        assert not asyncio.run(stands(mongod.uri))


if __name__ == "__main__":
    main()
