"""Points on a real database: given once, expired in time, and what rules see of them."""

import asyncio
from dataclasses import replace

import pytest

from services import points
from services.points import Award
from tests.shop import NOW
from tests.staging import once

CLUB = """
loyalty club {
  earn 1 point per 1 USD of order_placed.total
  tier silver at 50 points in 30 days
  tier gold at 200 points in 30 days
  points expire after 60 days
}
"""


@pytest.fixture
@once
async def club(shop):
    await shop.publish(CLUB)
    for name in ("ann", "bob"):
        await shop.person(name)
    return shop


async def award(shop, key, amount, user="ann", at=None):
    rules = await shop.rulebook.current()
    await points.award(
        Award(key=key, user_id=user, points=amount, at=at or shop.clock.now(), rules=rules),
        stores=shop.stores,
        current=rules,
        now=shop.clock.now(),
    )


async def look(shop):
    return await points.look_after(
        stores=shop.stores, current=await shop.rulebook.current(), now=shop.clock.now()
    )


async def seen(shop, user="ann"):
    person = await shop.stores.users.get(user)
    return person.points, person.tier


async def told(shop, kind):
    return [each async for each in shop.stores.outbox.documents.find({"type": kind})]


async def ledger(shop, user="ann"):
    return (await shop.stores.points.of_users([user]))[user]


async def test_an_award_is_given_once_and_rules_see_it(club):
    for _ in range(2):
        await award(club, "run:step", 60)

    assert await seen(club) == (60, "silver")
    (transfer,) = await ledger(club)
    assert sum(leg.points for leg in transfer.legs) == 0
    assert [each["data"]["to"] for each in await told(club, "tier.changed")] == ["silver"]
    assert [each["data"]["points"] for each in await told(club, "points.awarded")] == [60]


async def test_whoever_is_written_again_as_once_read_keeps_what_the_ledger_says(club):
    read = await club.stores.users.get("ann")
    await award(club, "run:step", 60)

    await club.stores.users.save_many([replace(read, name="Anna")])

    assert (await club.stores.users.get("ann")).name == "Anna"
    assert await seen(club) == (60, "silver")


async def test_whoever_has_no_account_is_written_with_points_and_tier(club):
    read = await club.stores.users.get("ann")

    await club.stores.users.save_many([replace(read, points=7, tier="gold")])

    assert await seen(club) == (7, "gold")


async def test_awards_made_at_once_all_count(club):
    await asyncio.gather(*(award(club, f"run{number}:step", 10) for number in range(20)))

    assert await seen(club) == (200, "gold")


async def test_points_expire_and_tiers_fall_when_their_time_has_come(club):
    await award(club, "a", 200)
    club.clock.turn(days=10)
    await award(club, "b", 60)

    club.clock.turn(days=20)
    assert await look(club) == 1
    assert await seen(club) == (260, "silver")
    club.clock.turn(days=10)
    await look(club)
    assert await seen(club) == (260, None)
    club.clock.turn(days=20)
    await look(club)
    assert await seen(club) == (60, None)
    assert await look(club) == 0
    assert [each["data"]["points"] for each in await told(club, "points.expired")] == [-200]


async def test_new_tiers_count_for_everyone_at_once(club):
    await award(club, "a", 60)
    await award(club, "b", 10, user="bob")

    await club.publish(CLUB.replace("50 points", "5 points"))
    await look(club)

    assert (await seen(club), await seen(club, "bob")) == ((60, "silver"), (10, "silver"))


async def killed(work, place):
    """Let work go on for a while that differs by place, then kill it."""
    task = asyncio.create_task(work)
    await asyncio.sleep(0.0015 * place)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_whoever_is_killed_between_two_writes_leaves_nothing_half_done(club):
    for place in range(15):
        await killed(award(club, f"run{place}:step", 20), place)
        await award(club, f"run{place}:step", 20)

        assert (await seen(club))[0] == 20 * (place + 1)

    assert await seen(club) == (300, "gold")
    assert len(await told(club, "points.awarded")) == 15
    assert [each["data"]["to"] for each in await told(club, "tier.changed")] == ["silver", "gold"]


async def test_expiry_that_was_begun_and_left_is_found_again(club):
    for place in range(15):
        await award(club, f"a{place}", 60)
        club.clock.turn(days=61)
        await killed(look(club), place)
        await look(club)

        assert await seen(club) == (0, None)
        assert len(await ledger(club)) == 2 * (place + 1)


async def test_an_award_that_is_told_late_has_expired_at_once(club):
    await award(club, "old", 60, at=NOW.replace(year=2025))

    assert await seen(club) == (0, None)


async def test_ledgers_come_one_after_the_other_each_whole(club):
    for user, keys in (("bob", "a"), ("ann", "bcd")):
        for key in keys:
            await award(club, key, 10, user)

    found = club.stores.points.ledgers_of(["bob", "nobody", "ann"])

    assert [(owner, len(ledger)) async for owner, ledger in found] == [("ann", 3), ("bob", 1)]
