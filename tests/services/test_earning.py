"""Points for events: by their own time, whatever the order in which they come, and back again."""

from datetime import timedelta
from itertools import permutations
from random import Random

import pytest

from tests.shop import NOW, event
from tests.staging import once

CLUB = """
event review_posted { stars: number  text: text }
loyalty club {
  earn 1 point per 2 USD of order_placed.total
  earn 50 points on review_posted where stars >= 4 and text is known
  tier silver at 50 points in 30 days
  points expire after 60 days
}
"""


@pytest.fixture
@once
async def club(shop):
    await shop.publish(CLUB)
    await shop.person("ann")
    return shop


def order(id, total, at=None, user="ann", pieces=()):
    items = [{"sku": "A", "quantity": 1, "amount": each} for each in pieces]
    return event("order_placed", id, user, at, order_id=id, total=total, items=items)


def cancelled(id, at=None):
    return event("order_cancelled", f"c-{id}", "ann", at, order_id=id)


def returned(key, id, amount, at=None):
    items = [{"sku": "A", "quantity": 1, "amount": amount}]
    return event("items_returned", key, "ann", at, order_id=id, items=items)


async def balance(shop, user="ann"):
    person = await shop.stores.users.get(user)
    return person.points, person.tier


async def ledger(shop, user="ann"):
    found = (await shop.stores.points.of_users([user]))[user]
    return {each.id: each.points for each in found if each.points}


async def take(shop, *incoming):
    await shop.tell(*incoming)
    await shop.work()


async def test_points_are_earned_for_full_multiples_and_for_what_happened(club):
    await take(club, order("o1", "25.99"), event("review_posted", "r", stars=5, text="Good"))
    await take(club, event("review_posted", "r2", stars=3, text="Well"))

    assert await ledger(club) == {"earn:order_placed|o1:0": 12, "earn:api|r:1": 50}
    assert await balance(club) == (62, "silver")


async def test_an_event_earns_once_however_often_it_is_worked_on(club):
    await take(club, order("o1", "20.00"))
    await club.stores.events.documents.update_many({}, {"$set": {"pending": True}})
    await take(club, order("o1", "20.00"))

    assert await balance(club) == (10, None)


async def test_the_rules_that_an_event_was_received_under_decide(club):
    await club.tell(order("o1", "20.00"))
    await club.publish(CLUB.replace("1 point per", "3 points per"))
    await take(club, order("o2", "20.00"))

    assert await ledger(club) == {"earn:order_placed|o1:0": 10, "earn:order_placed|o2:0": 30}


async def test_nothing_is_earned_in_a_campaign_that_is_paused_or_not_yet_on(shop):
    await shop.publish("campaign later { active from 2026-03-03 }" + CLUB)
    await shop.person("ann")

    await take(shop, order("early", "20.00"))
    shop.clock.turn(days=1)
    await take(shop, order("o1", "20.00"))

    assert await ledger(shop) == {"earn:order_placed|o1:0": 10}


async def test_what_an_order_earned_is_taken_back_with_it_bit_by_bit(club):
    await take(club, order("o1", "100.00"))
    await take(club, returned("r1", "o1", "33.00"))
    assert await balance(club) == (34, None)

    await take(club, cancelled("o1"))

    assert await ledger(club) == {
        "earn:order_placed|o1:0": 50,
        "take:earn:order_placed|o1:0": -16,
        "take:earn:order_placed|o1:0#2": -34,
    }
    assert await balance(club) == (0, None)


async def test_what_comes_back_counts_by_pieces_where_no_money_is_told(club):
    two = [{"sku": "A", "quantity": 2}]
    bought = event("review_posted", "r", stars=5, text="Good")
    await club.publish(
        CLUB.replace("1 point per 2 USD of order_placed.total", "8 points on order_placed")
    )
    await take(club, bought, event("order_placed", "o1", order_id="o1", items=two))
    await take(
        club, event("items_returned", "r1", order_id="o1", items=[{"sku": "A", "quantity": 1}])
    )

    assert (await balance(club))[0] == 54


@pytest.mark.parametrize("places", list(permutations(range(4)))[::3])
async def test_an_order_and_what_came_of_it_may_be_told_in_any_order(club, places):
    story = [
        order("o1", "100.00", NOW - timedelta(days=9)),
        returned("r1", "o1", "30.00", NOW - timedelta(days=5)),
        order("o2", "60.00", NOW - timedelta(days=70)),
        returned("r2", "o1", "20.00", NOW - timedelta(days=3)),
    ]
    for place in places:
        await take(club, story[place])

    assert await balance(club) == (25, None)


@pytest.mark.parametrize("seed", range(3))
async def test_late_permuted_and_repeated_events_come_to_the_same(club, seed):
    chance = Random(seed)
    story = []
    for number in range(8):
        at = NOW - timedelta(days=chance.uniform(0, 90))
        story.append(order(f"o{number}", f"{chance.randrange(10, 90)}.00", at))
        if chance.random() < 0.4:
            story.append(returned(f"r{number}", f"o{number}", "7.00", at + timedelta(hours=1)))
        if chance.random() < 0.3:
            story.append(cancelled(f"o{number}", at + timedelta(hours=2)))
    await take(club, *story)
    expected = await balance(club), await totals(club)
    await begin_again(club)
    again = [*story, *chance.sample(story, 5)]
    chance.shuffle(again)
    while again:
        part, again = again[:4], again[4:]
        await take(club, *part)

    assert (await balance(club), await totals(club)) == expected


async def begin_again(shop):
    for store in (shop.stores.points, shop.stores.accounts, shop.stores.events):
        await store.documents.delete_many({})
    await shop.stores.users.documents.update_many(
        {}, {"$set": {"points": 0}, "$unset": {"tier": "", "points_version": ""}}
    )


async def totals(shop):
    """Return how many points moved for each reason."""
    found: dict[str, int] = {}
    for each in (await shop.stores.points.of_users(["ann"]))["ann"]:
        found[each.reason] = found.get(each.reason, 0) + each.points
    return {reason: points for reason, points in found.items() if points}
