"""What is known of the way to a server."""

import time
from datetime import UTC, datetime, timedelta

from channels.roads import Road, Roads

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def closed() -> Road:
    road = Road(100)
    for _ in range(3):
        road.note(False, NOW)
    return road


def test_a_few_failures_do_not_close_a_road():
    road = Road(100)
    road.note(False, NOW)
    road.note(False, NOW)

    assert road.admits(NOW)


def test_a_closed_road_opens_for_one_that_finds_out():
    road = closed()
    later = NOW + road.pause

    assert not road.admits(NOW)
    assert [road.admits(later) for _ in range(3)] == [True, False, False]


def test_an_answer_opens_the_road_for_everyone():
    road = closed()
    later = NOW + road.pause
    assert road.admits(later)

    road.note(True, later)

    assert road.admits(later)
    assert road.admits(later)


def test_the_pause_grows_and_has_an_end():
    road = closed()
    first = road.pause
    for _ in range(20):
        road.note(False, NOW)

    assert first < road.pause == timedelta(seconds=60)


async def test_no_more_leave_per_second_than_may():
    road = Roads(per_second=100).to("there")
    began = time.monotonic()

    for _ in range(11):
        await road.pace()

    assert time.monotonic() - began >= 0.099
