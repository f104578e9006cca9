"""Servers that stop answering and come back, as the feed tells of them."""

from dataclasses import replace

import pytest

from channels.roads import Road
from models.store.servers import Servers
from services import outages


async def look(shop, road, stores=None):
    wall = shop.clock.wall()
    await outages.tell("email", road, stores=stores or shop.stores, wall=wall)


def away(road, wall):
    for _ in range(3):
        road.note(False, wall)


async def told(shop):
    return [(each.type, each.data["server"]) for each in await shop.stores.outbox.waiting(100)]


async def test_a_server_that_has_always_answered_is_not_told_of(shop):
    road = Road(100)
    await look(shop, road)
    road.note(False, shop.clock.wall())
    await look(shop, road)

    assert await told(shop) == []


async def test_of_all_processes_that_see_it_go_and_come_back_one_tells(shop):
    roads = [Road(100) for _ in range(4)]
    for _ in range(2):
        for road in roads:
            away(road, shop.clock.wall())
            await look(shop, road)
            await look(shop, road)
        for road in roads:
            road.note(True, shop.clock.wall())
            await look(shop, road)

    assert await told(shop) == [("server.away", "email"), ("server.back", "email")] * 2


async def test_a_process_that_begins_when_it_is_back_says_so_for_one_that_has_died(shop):
    died, begins = Road(100), Road(100)
    away(died, shop.clock.wall())
    await look(shop, died)

    begins.note(True, shop.clock.wall())
    await look(shop, begins)

    assert await told(shop) == [("server.away", "email"), ("server.back", "email")]


class Killed(Exception):
    pass


class Mortal(Servers):
    """Dies before it notes anything."""

    async def turn(self, destination, turns):
        raise Killed


async def test_who_was_killed_after_telling_has_not_told_twice(shop):
    road, next_ = Road(100), Road(100)
    for each in (road, next_):
        away(each, shop.clock.wall())
    mortal = replace(shop.stores, servers=Mortal(shop.stores.servers.database))
    with pytest.raises(Killed):
        await look(shop, road, mortal)

    await look(shop, next_)

    assert await told(shop) == [("server.away", "email")]
