"""Counters that many want at once: never more than there is, never less than could be had."""

import asyncio
import random

import pytest

from models.redemption import PerUser, Taking
from models.store.counters import Count, Counters
from services.counting import Counting
from tests.shop import NOW


@pytest.fixture
def counting(shop):
    return Counting(shop.stores.counters)


def taking(**bounds):
    return Taking(name="spring", promotions=("spring",), **bounds)


async def count(shop, user=None):
    return (await shop.stores.counters.read(["spring"], user)).get("spring", Count())


async def test_no_more_are_granted_than_the_limit(shop, counting):
    other = Counting(shop.stores.counters)  # as another process would

    granted = await asyncio.gather(
        *(
            (counting, other)[n % 2].take(taking(most=50), f"h{n}", user_id=None, at=NOW)
            for n in range(300)
        )
    )

    assert sum(granted) == 50
    assert (await count(shop)).uses == 50


async def test_a_budget_is_never_overspent_and_small_wishes_still_fit(shop, counting):
    dice = random.Random(7)
    wishes = [dice.randint(1, 100) for _ in range(100)]

    granted = await asyncio.gather(
        *(
            counting.take(taking(budget=1_000, money=wish), f"h{n}", user_id=None, at=NOW)
            for n, wish in enumerate(wishes)
        )
    )

    spent = sum(wish for wish, had in zip(wishes, granted, strict=True) if had)
    assert (await count(shop)).money == spent
    left = 1_000 - spent
    assert all(wish > left for wish, had in zip(wishes, granted, strict=True) if not had)


async def test_whoever_asks_again_is_counted_once(shop, counting):
    assert await counting.take(taking(most=1), "h", user_id=None, at=NOW)

    assert await counting.take(taking(most=1), "h", user_id=None, at=NOW)
    assert not await counting.take(taking(most=1), "other", user_id=None, at=NOW)


async def test_what_is_released_is_there_for_others(shop, counting):
    await counting.take(taking(most=1, money=5), "h", user_id=None, at=NOW)

    for _ in range(2):
        await counting.release(taking(most=1), "h", user_id=None)

    assert await count(shop) == Count()
    assert await counting.take(taking(most=1), "other", user_id=None, at=NOW)


async def test_what_is_settled_cannot_be_released_but_given_back_once(shop, counting):
    await counting.take(taking(most=1, money=5), "h", user_id=None, at=NOW)
    counting.settle(taking(most=1), "h")
    await counting.settled()

    await counting.release(taking(most=1), "h", user_id=None)
    assert (await count(shop)).uses == 1
    for _ in range(2):
        await shop.stores.counters.give_back("spring", "order#cancelled", uses=1, money=5)

    assert await count(shop) == Count()


async def test_a_limit_per_user_is_kept_however_many_ask_at_once(shop, counting):
    own = taking(per_user=(PerUser(3),))

    granted = await asyncio.gather(
        *(counting.take(own, f"h{n}", user_id=f"u{n % 2}", at=NOW) for n in range(20))
    )

    assert sum(granted) == 6
    assert len((await count(shop, "u0")).times) == 3


async def test_a_use_counts_within_its_time_only(shop, counting):
    own = taking(per_user=(PerUser(1, (7, "day")),))

    async def take(holder):
        return await counting.take(own, holder, user_id="ann", at=shop.clock.now())

    assert await take("first")
    shop.clock.turn(days=6, hours=23)
    assert not await take("second")
    shop.clock.turn(hours=1)
    assert await take("third")


class Counted(Counters):
    """Counters that remember how often they were written."""

    draws = 0

    async def draw(self, *args, **more):
        self.draws += 1
        return await super().draw(*args, **more)


async def test_callers_who_come_again_and_again_still_share_their_updates(shop):
    counters = Counted(shop.stores.counters.database)
    counting = Counting(counters)

    async def caller(name):
        for n in range(10):
            assert await counting.take(taking(most=500), f"{name}-{n}", user_id=None, at=NOW)
            counting.settle(taking(most=500), f"{name}-{n}")

    await asyncio.gather(*(caller(f"c{n}") for n in range(30)))
    await counting.settled()

    assert counters.draws <= 15
    assert (await count(shop)).uses == 300
    assert await shop.stores.counters.documents.count_documents({"held.0": {"$exists": True}}) == 0


async def test_uses_of_many_buyers_are_noted_in_one_write_and_each_is_kept_to_their_own(
    shop, counting
):
    own = taking(per_user=(PerUser(2),))

    granted = await asyncio.gather(
        *(
            counting.take(own, f"{user}-{n}", user_id=user, at=NOW)
            for user in ("ann", "bob", "cid")
            for n in range(4)
        )
    )

    assert [sum(granted[at : at + 4]) for at in (0, 4, 8)] == [2, 2, 2]
    assert await counting.take(own, "ann-0", user_id="ann", at=NOW) == granted[0]
    assert len((await count(shop, "ann")).times) == 2
