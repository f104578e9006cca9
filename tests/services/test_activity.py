"""Following the feed: replay and live join without a seam."""

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime

import pytest

from models.errors import Conflict, Invalid
from models.feed import Block, FeedEntry
from models.store import Stores
from services.activity import Activity, Wanted
from tests.waiting import until

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
def stores(database) -> Stores:
    return Stores.over(database)


@pytest.fixture
def activity(stores) -> Activity:
    return Activity(stores, poll=0.01)


async def tell(stores: Stores, number: int, size: int = 3, campaign: str = "c1") -> None:
    last = await stores.feed.find_last()
    first = last.last_seq + 1 if last else 1
    told = tuple(
        FeedEntry(f"e{seq}", "run.started", NOW, campaign) for seq in range(first, first + size)
    )
    assert await stores.feed.append(Block(number, first, told, NOW))


async def read(activity: Activity, count: int, after: int | None = None, **which) -> list[int]:
    seen: list[int] = []
    async with asyncio.timeout(60), aclosing(activity.follow(after, Wanted(**which))) as following:
        async for numbered in following:
            assert numbered.entry.id == f"e{numbered.seq}"
            seen.append(numbered.seq)
            if len(seen) == count:
                break
    return seen


async def test_a_reader_gets_what_came_after_its_cursor(stores, activity):
    for number in (1, 2, 3):
        await tell(stores, number)

    assert await read(activity, 5, after=4) == [5, 6, 7, 8, 9]
    assert await read(activity, 9, after=0) == list(range(1, 10))


async def test_replay_and_live_join_without_gap_or_double(stores, activity):
    await tell(stores, 1)
    readers = [asyncio.create_task(read(activity, 90, after=0)) for _ in range(5)]
    for number in range(2, 31):
        await tell(stores, number)
        await asyncio.sleep(0.003)

    for seen in await asyncio.gather(*readers):
        assert seen == list(range(1, 91))


async def test_without_a_cursor_only_news_is_read(stores, activity):
    await tell(stores, 1)
    reader = asyncio.create_task(read(activity, 3))
    number = 1
    while not reader.done():  # nobody says from when on it follows
        number += 1
        await tell(stores, number)
        await asyncio.wait({reader}, timeout=0.1)

    first, *rest = await reader
    assert first > 3
    assert rest == [first + 1, first + 2]


async def test_a_reader_can_follow_one_campaign(stores, activity):
    await tell(stores, 1, campaign="c1")
    await tell(stores, 2, campaign="c2")

    assert await read(activity, 3, after=0, campaign_id="c2") == [4, 5, 6]


async def test_a_cursor_older_than_what_is_kept_is_refused(stores, activity):
    for number in (1, 2, 3):
        await tell(stores, number)
    await stores.feed.documents.delete_one({"_id": 1})

    with pytest.raises(Invalid) as refusal:
        await read(activity, 1, after=1)

    assert refusal.value.code == "CURSOR_EXPIRED"
    assert await read(activity, 1, after=3) == [4]


@pytest.mark.parametrize("after", [-1, 4])
async def test_a_cursor_from_nowhere_is_refused(stores, activity, after):
    await tell(stores, 1)

    with pytest.raises(Invalid) as refusal:
        await read(activity, 1, after=after)

    assert refusal.value.code == "CURSOR_UNKNOWN"


async def test_a_reader_that_falls_behind_is_told_and_can_go_on(stores):
    activity = Activity(stores, poll=0.01, recent=4)
    await tell(stores, 1)
    other = asyncio.create_task(read(activity, 18, after=3))
    # The other one reads live; so does whoever begins with what is kept for it.
    await until(lambda: activity.watches)
    await tell(stores, 2)
    await until(lambda: activity.kept == 2)
    async with aclosing(activity.pages(3)) as reading:
        page = await anext(reading)
        for number in range(3, 8):
            await tell(stores, number)
            await until(lambda kept=number: activity.kept == kept)  # the other one keeps up

        with pytest.raises(Conflict) as refusal:
            await anext(reading)

    assert (page.seq, refusal.value.code) == (6, "LAGGED")
    # Catching up is done at one's own pace, however far behind one is.
    assert await read(activity, 3, after=page.seq) == [7, 8, 9]
    assert await other == list(range(4, 22))


async def test_pages_hold_as_much_as_there_is(stores, activity):
    for number in (1, 2, 3):
        await tell(stores, number)

    async with aclosing(activity.pages(1, most=3)) as reading:
        pages = [await anext(reading) for _ in range(3)]

    assert [[n.seq for n in page.entries] for page in pages] == [[2, 3, 4], [5, 6, 7], [8, 9]]
    assert [page.seq for page in pages] == [4, 7, 9]


async def test_who_wants_nothing_of_much_hears_how_far_it_has_come(stores, activity, monkeypatch):
    monkeypatch.setattr("services.activity._QUIET", 9)
    for number in (1, 2, 3):
        await tell(stores, number)

    async with aclosing(activity.pages(0, Wanted(("order.*",)))) as reading:
        page = await anext(reading)

    assert (page.entries, page.seq) == ((), 9)
