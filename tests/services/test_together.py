"""Trips that callers share: as few as can be, each answered as if alone."""

import asyncio

import pytest

from models.errors import Unavailable
from services.together import Together
from tests.waiting import until


class Trips:
    """Doubles numbers, and remembers who came along. No trip ends before `released` is set."""

    def __init__(self, away=False):
        self.made = []
        self.away = away
        self.released = asyncio.Event()
        self.released.set()

    async def __call__(self, numbers):
        self.made.append(list(numbers))
        await self.released.wait()
        if self.away:
            raise Unavailable("away")
        if 13 in numbers:
            raise ValueError("13")
        return [2 * number for number in numbers]


async def every(*awaitables):
    return await asyncio.gather(*awaitables, return_exceptions=True)


async def test_callers_of_a_moment_share_a_trip_and_those_who_come_meanwhile_the_next():
    trips = Trips()
    trips.released.clear()
    double = Together(trips)

    first = asyncio.gather(*(double(number) for number in range(3)))
    await until(lambda: trips.made)
    second = asyncio.gather(double(7), double(8))
    asyncio.get_running_loop().call_later(0.01, trips.released.set)

    assert (await first, await second) == ([0, 2, 4], [14, 16])
    assert trips.made == [[0, 1, 2], [7, 8]]
    await asyncio.sleep(0)
    assert double.is_idle


async def test_a_trip_takes_no_more_than_it_may():
    trips = Trips()
    double = Together(trips, most=2)

    assert await every(*(double(number) for number in range(5))) == [0, 2, 4, 6, 8]
    assert [len(trip) for trip in trips.made] == [2, 2, 1]


async def test_nobody_fails_with_their_neighbours():
    double = Together(Trips())

    one, unlucky, two = await every(double(1), double(13), double(2))

    assert (one, two) == (2, 4)
    assert isinstance(unlucky, ValueError)


async def test_where_nothing_can_be_reached_nobody_is_tried_alone():
    trips = Trips(away=True)
    double = Together(trips)

    answers = await every(double(1), double(2))

    assert [type(answer) for answer in answers] == [Unavailable] * 2
    assert len(trips.made) == 1


async def test_whoever_gives_up_waiting_holds_nobody_up():
    trips = Trips()
    trips.released.clear()
    double = Together(trips)
    impatient = asyncio.create_task(double(1))
    patient = asyncio.create_task(double(2))
    await until(lambda: trips.made)

    impatient.cancel()
    trips.released.set()

    assert await patient == 4
    with pytest.raises(asyncio.CancelledError):
        await impatient
