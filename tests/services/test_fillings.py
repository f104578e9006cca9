"""Filling segments: all at once, in the background, however it is cut short; nothing is lost."""

import asyncio

import pytest

from services import fillings
from tests.shop import event, undisputed
from tests.staging import once

ORDERS = "event order_placed { order_id: text  total: money USD }\n"
DECLARED = ORDERS + "attributes user { size: number }\n"
FAMILIES = DECLARED + "segment families { user.size >= %d }\n"


def order(key, user):
    return event("order_placed", key, user, total="5", order_id=key, items=[])


@pytest.fixture
@once
async def crowd(shop):
    """People p0 to p9, of sizes 0 to 9."""
    await asyncio.gather(*(shop.person(f"p{n}", attributes={"size": n}) for n in range(10)))
    return shop


async def filled(shop):
    return {
        e.data["segment"]: e.data
        for e in await shop.stores.outbox.waiting(1000)
        if e.type == "segment.filled"
    }


async def test_publishing_fills_a_segment_and_tells_of_it_in_one_entry(crowd):
    await crowd.publish(FAMILIES % 7)

    await crowd.fill()

    assert await crowd.members("families") == dict.fromkeys(("p7", "p8", "p9"), "publication 1")
    assert await filled(crowd) == {
        "families": {"segment": "families", "publication": 1, "members": 3, "entered": 3, "left": 0}
    }


async def test_who_stays_in_a_changed_segment_has_been_in_it_all_along(crowd):
    await crowd.publish(FAMILIES % 7)
    await crowd.fill()
    await crowd.publish(FAMILIES % 8 + "segment small { user.size < 1 }")

    await crowd.fill()

    assert await crowd.members("families") == dict.fromkeys(("p8", "p9"), "publication 1")
    assert await crowd.members("small") == {"p0": "publication 2"}
    await crowd.publish(FAMILIES % 6 + "segment small { user.size < 1 }")
    await crowd.fill()
    assert (await crowd.members("families"))["p6"] == "publication 3"
    assert (await crowd.members("families"))["p9"] == "publication 1"


async def test_what_stays_as_it_was_is_not_filled_again(crowd):
    await crowd.publish(FAMILIES % 7)
    await crowd.fill()
    before = await crowd.stores.standings.get()
    await crowd.publish("# a comment\n" + FAMILIES % 7 + "promotion p { take 1% off cart }")

    await crowd.fill()

    after = await crowd.stores.standings.get()
    assert (after.live, after.publication) == (before.live, 2)


async def test_a_segment_changes_with_one_that_it_refers_to(crowd):
    text = FAMILIES + "segment others { user not in segment families }"
    await crowd.publish(text % 7)
    await crowd.fill()
    await crowd.publish(text % 9)

    await crowd.fill()

    assert len(await crowd.members("others")) == 9


async def test_what_is_no_longer_published_is_dropped_with_its_members(crowd):
    await crowd.publish(FAMILIES % 7)
    await crowd.fill()
    await crowd.publish(DECLARED)

    await crowd.fill()

    assert await crowd.members("families") == {}
    assert await crowd.stores.memberships.documents.count_documents({}) == 0


async def test_the_old_members_count_until_the_switch(crowd, monkeypatch):
    monkeypatch.setattr(fillings, "PAGE", 3)
    await crowd.publish(FAMILIES % 7)
    await crowd.fill()
    await crowd.publish(FAMILIES % 5)

    sizes = set()
    while await fillings.step(
        undisputed, stores=crowd.stores, rulebook=crowd.rulebook, now=crowd.clock.now()
    ):
        sizes.add(len(await crowd.members("families")))

    assert sizes == {3, 5}


async def test_another_goes_on_where_a_killed_filler_was(crowd, monkeypatch):
    monkeypatch.setattr(fillings, "PAGE", 4)
    await crowd.publish(FAMILIES % 2 + 'segment odd { lower(user.name) ends with "1" }')
    steps = 0

    async def step():
        return await fillings.step(
            undisputed, stores=crowd.stores, rulebook=crowd.rulebook, now=crowd.clock.now()
        )

    while True:
        standing = await crowd.stores.standings.get()
        more = await step()
        if not more:
            break
        if steps % 2 and standing.filling is not None:
            # The page was stored, but not that it was.
            await crowd.stores.standings.documents.replace_one({}, document(standing))
        steps += 1
        assert steps < 50

    assert len(await crowd.members("families")) == 8
    assert await crowd.members("odd") == {"p1": "publication 1"}
    assert (await filled(crowd))["families"]["members"] == 8


def document(standing):
    from models.store.standings import _document

    return _document(standing)


RULES = FAMILIES + "segment buyers { count(order_placed, last 30 days) >= 1 and user.size >= %d }\n"


@pytest.mark.parametrize("when", range(5))
async def test_what_happens_while_it_is_filled_is_not_lost(crowd, when, monkeypatch):
    monkeypatch.setattr(fillings, "PAGE", 5)
    await crowd.publish(RULES % (3, 0))
    await crowd.fill()
    await crowd.work()
    await crowd.publish(RULES % (4, 1))

    for place in range(20):
        if place == when:
            await crowd.tell(order("o1", "p1"), order("o9", "p9"))
            await crowd.stores.users.edit("p1", {"attributes.size": 8}, version=1)
            await crowd.work()
        await fillings.step(
            undisputed, stores=crowd.stores, rulebook=crowd.rulebook, now=crowd.clock.now()
        )
    await fillings.look_after(stores=crowd.stores, rulebook=crowd.rulebook, jobs=crowd.bells)
    await crowd.work()

    assert set(await crowd.members("families")) == {"p1", *(f"p{n}" for n in range(4, 10))}
    assert set(await crowd.members("buyers")) == {"p1", "p9"}
    told = [e for e in await crowd.stores.outbox.waiting(1000) if e.type == "segment.entered"]
    assert len({(e.user_id, e.data["segment"]) for e in told}) == len(told)


async def test_the_day_on_which_someone_changes_is_known_from_the_filling(crowd):
    await crowd.tell(order("o1", "p1"))
    await crowd.publish(DECLARED)
    await crowd.tell(order("o1", "p1"))
    await crowd.work()
    await crowd.publish(RULES % (3, 0))
    await crowd.fill()
    await crowd.work()
    assert list(await crowd.members("buyers")) == ["p1"]

    crowd.clock.turn(days=29, hours=12)
    await crowd.work()

    assert await crowd.members("buyers") == {}


async def test_with_another_zone_everything_is_filled_anew(crowd):
    await crowd.publish(FAMILIES % 7)
    await crowd.fill()
    workspace = await crowd.stores.workspace.get()
    await crowd.stores.workspace.edit(version=workspace.version, zone="Asia/Tokyo")
    await crowd.publish("# once more\n" + FAMILIES % 7)
    before = await crowd.stores.standings.get()

    await crowd.fill()

    after = await crowd.stores.standings.get()
    assert after.live["families"] > before.live["families"]
    assert await crowd.members("families") == dict.fromkeys(("p7", "p8", "p9"), "publication 1")


async def test_two_fillers_at_once_do_no_harm(crowd, monkeypatch):
    monkeypatch.setattr(fillings, "PAGE", 2)
    await crowd.publish(FAMILIES % 5)

    async def fill():
        while await fillings.step(
            undisputed, stores=crowd.stores, rulebook=crowd.rulebook, now=crowd.clock.now()
        ):
            pass

    await asyncio.gather(fill(), fill(), fill())

    assert len(await crowd.members("families")) == 5
    told = [e for e in await crowd.stores.outbox.waiting(99) if e.type == "segment.filled"]
    assert [e.data["entered"] for e in told] == [5]


async def test_nobody_is_looked_at_alone_whom_the_first_filling_sees(crowd):
    now = crowd.clock.now()
    await crowd.publish(FAMILIES % 7)
    assert await crowd.stores.looks.due_lanes(now)

    await crowd.fill()

    assert not await crowd.stores.looks.due_lanes(now)
    assert await crowd.members("families") == dict.fromkeys(("p7", "p8", "p9"), "publication 1")


async def test_what_changes_after_its_page_was_read_is_looked_at(crowd, monkeypatch):
    await crowd.publish(FAMILIES % 7)
    read = crowd.stores.looks.run

    async def read_and_change(*page):
        done = await read(*page)
        for user_id, size in (("p0", 9), ("p9", 0)):
            await crowd.stores.users.edit(user_id, {"attributes.size": size}, version=1)
        return done

    monkeypatch.setattr(crowd.stores.looks, "run", read_and_change)
    await crowd.fill()
    await crowd.sweep()
    await crowd.work()

    assert (await crowd.members("families")).keys() == {"p0", "p7", "p8"}
