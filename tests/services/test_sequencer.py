"""The feed has no gap and no double, whoever is killed when."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from models.feed import Block, FeedEntry
from models.store import Stores
from models.store.outbox import LARGEST
from services import sequencer
from services.sequencer import Head
from tests.waiting import until

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
def stores(database) -> Stores:
    return Stores.over(database)


def entries(count: int, start: int = 0) -> list[FeedEntry]:
    return [
        FeedEntry(f"e{place}", "run.started", NOW, "c1", "u1", {"n": place})
        for place in range(start, start + count)
    ]


async def told(stores: Stores) -> list[str]:
    """Every entry in the feed, having checked that blocks and places follow one another."""
    blocks = await stores.feed.from_number(1, limit=1000)
    assert [block.number for block in blocks] == list(range(1, len(blocks) + 1))
    places = [numbered.seq for block in blocks for numbered in block.after(0)]
    assert places == list(range(1, len(places) + 1))
    return [entry.id for block in blocks for entry in block.entries]


async def drain(stores: Stores, head: Head | None = None) -> None:
    head = head or await sequencer.read_head(stores=stores)
    waiting = 1
    while waiting:
        head, waiting = await sequencer.step(head, stores=stores, wall=NOW)


async def test_entries_are_told_in_the_order_they_were_queued(stores):
    await stores.outbox.add(entries(1_200))

    await drain(stores)

    assert await told(stores) == [f"e{place}" for place in range(1_200)]
    assert (await stores.feed.find_last()).number == 3
    assert await stores.outbox.waiting(1) == []


async def test_large_entries_come_in_more_blocks(stores):
    text = "x" * (LARGEST // 2)
    large = [FeedEntry(f"e{place}", "run.started", NOW, data={"t": text}) for place in range(4)]
    await stores.outbox.add(large)

    await drain(stores)

    assert await told(stores) == [entry.id for entry in large]
    assert (await stores.feed.find_last()).number == 4


async def test_killed_before_clearing_the_outbox_nothing_is_told_twice(stores):
    await stores.outbox.add(entries(3))
    await stores.feed.append(Block(1, 1, tuple(entries(3)), NOW))
    await stores.outbox.add(entries(2, start=3))

    await drain(stores)

    assert await told(stores) == ["e0", "e1", "e2", "e3", "e4"]


async def test_an_entry_queued_again_later_is_told_once(stores):
    await stores.outbox.add(entries(3))
    await drain(stores)

    await stores.outbox.add(entries(4))
    await stores.outbox.add(entries(4))
    await drain(stores)

    assert await told(stores) == ["e0", "e1", "e2", "e3"]


async def test_a_leader_that_slept_cannot_write_over_another(stores):
    asleep = await sequencer.read_head(stores=stores)
    await stores.outbox.add(entries(3))
    await drain(stores)
    await stores.outbox.add(entries(2, start=3))

    head, waiting = await sequencer.step(asleep, stores=stores, wall=NOW)

    assert (head, waiting) == (Head(1, 3), 2)
    await drain(stores, head)
    assert await told(stores) == ["e0", "e1", "e2", "e3", "e4"]


async def test_two_leaders_at_once_are_harmless(stores):
    async def queue() -> None:
        for start in range(0, 900, 30):
            await stores.outbox.add(entries(30, start))

    async def lead() -> None:
        head = Head()
        while len(await told(stores)) < 900:
            head, _ = await sequencer.step(head, stores=stores, wall=NOW)

    async with asyncio.timeout(120):
        await asyncio.gather(queue(), lead(), lead(), lead())

    assert sorted(await told(stores)) == sorted(entry.id for entry in entries(900))


async def test_killing_leaders_anywhere_loses_and_doubles_nothing(stores):
    async def queue() -> None:
        for start in range(0, 1_000, 10):
            await stores.outbox.add(entries(10, start))
            await asyncio.sleep(0.005)

    queuing = asyncio.create_task(queue())
    while not queuing.done():
        head = await sequencer.read_head(stores=stores)
        leader = asyncio.create_task(sequencer.step(head, stores=stores, wall=NOW))
        await asyncio.sleep(0.001 + 0.007 * (head.number % 5))
        leader.cancel()
        await asyncio.gather(leader, return_exceptions=True)
    await queuing
    await drain(stores)

    assert await told(stores) == [f"e{place}" for place in range(1_000)]


async def test_old_blocks_go_but_numbering_goes_on(stores):
    for number in (1, 2, 3):
        made = NOW - timedelta(days=40 - number)
        await stores.feed.append(Block(number, number, tuple(entries(1, number)), made))

    assert await stores.feed.prune(NOW - timedelta(days=30)) == 2
    await stores.outbox.add(entries(1, start=9))
    await drain(stores)

    assert [block.number for block in await stores.feed.from_number(1, limit=9)] == [3, 4]


async def test_a_running_sequencer_tells_by_itself_and_stops_when_told(stores):
    stopping = asyncio.Event()
    running = asyncio.create_task(sequencer.run(stores=stores, wall=lambda: NOW, stopping=stopping))
    await stores.outbox.add(entries(5))

    async def all_told() -> bool:
        return len(await told(stores)) == 5

    await until(all_told)
    stopping.set()
    await asyncio.wait_for(running, 60)

    assert await stores.leases.acquire("sequencer", seconds=1) is not None
