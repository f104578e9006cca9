"""One code that everybody wants: 20,000 redemptions of a limit of 10,000, by 64 callers at once.

Two processes of 32 callers each, against a mongod whose majority writes are journalled: one by one
with a guarded find_one_and_update, and through services.counting, whose callers of one moment share
an update. Exactly 10,000 must succeed in both.

Run: python benchmarks/redemptions.py
"""

import asyncio
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pymongo import ReturnDocument

from devserver.mongod import Profile, running
from models.redemption import Taking
from models.store import Stores, connect, prepare
from services.counting import Counting

WANTED = 20_000
LIMIT = 10_000
PROCESSES = 2
CALLERS = 32
NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
TAKING = Taking(name="spring", promotions=("spring",), most=LIMIT)
Redeem = Callable[[str], Awaitable[bool]]


def one_by_one(stores: Stores) -> Redeem:
    documents = stores.counters.documents

    async def redeem(_: str) -> bool:
        found = await documents.find_one_and_update(
            {"_id": "one by one", "uses": {"$lt": LIMIT}},
            {"$inc": {"uses": 1}},
            return_document=ReturnDocument.AFTER,
        )
        return found is not None

    return redeem


def together(stores: Stores) -> Redeem:
    counting = Counting(stores.counters)

    async def redeem(holder: str) -> bool:
        granted = await counting.take(TAKING, holder, user_id=None, at=NOW)
        if granted:
            counting.settle(TAKING, holder)
        return granted

    return redeem


WAYS = {"one by one": one_by_one, "together": together}


def run(way: str, uri: str, process: int, begin: float) -> tuple[int, float, list[float]]:
    """Redeem this process's part; return how many succeeded, when it ended, how long each took."""

    async def work() -> tuple[int, float, list[float]]:
        stores = Stores.over(connect(uri, "bench"))
        redeem = WAYS[way](stores)
        await stores.counters.documents.find_one({})  # connect
        numbers = iter(range(WANTED // PROCESSES))
        took: list[float] = []
        succeeded = 0

        async def caller() -> None:
            nonlocal succeeded
            for number in numbers:
                started = time.perf_counter()
                granted = await redeem(f"{process}-{number}")
                succeeded += granted
                took.append(time.perf_counter() - started)

        await asyncio.sleep(begin - time.time())
        await asyncio.gather(*(caller() for _ in range(CALLERS)))
        return succeeded, time.time(), took

    return asyncio.run(work())


async def set_up(uri: str) -> None:
    database = connect(uri, "bench")
    await prepare(database)
    await database["counters"].insert_one({"_id": "one by one", "uses": 0})


def main() -> None:
    rates: dict[str, float] = {}
    spawned = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder), Profile.DURABLE) as mongod,
        ProcessPoolExecutor(PROCESSES, mp_context=spawned) as pool,
    ):
        asyncio.run(set_up(mongod.uri))
        for way in WAYS:
            begin = time.time() + 3
            parts = [pool.submit(run, way, mongod.uri, n, begin) for n in range(PROCESSES)]
            results = [part.result() for part in parts]
            seconds = max(end for _, end, _ in results) - begin
            took = sorted(each for _, _, part in results for each in part)
            succeeded = sum(count for count, _, _ in results)
            rates[way] = WANTED / seconds
            print(
                f"{way:10}: {succeeded:,} of {WANTED:,} succeeded, {rates[way]:8,.0f}/s,"
                f" p50 {took[len(took) // 2] * 1000:.1f} ms,"
                f" p99 {took[len(took) * 99 // 100] * 1000:.1f} ms"
            )
            assert succeeded == LIMIT
    print(f"together is {rates['together'] / rates['one by one']:.1f} x as fast")


if __name__ == "__main__":
    main()
