"""mongod is killed again and again under events and the journeys that they start.

Whoever sends is answered yes or 503; what was answered yes is there, and its letters leave once.
"""

import asyncio
import logging
import time
from collections import Counter

import httpx2
import pytest

from tests.faults.rescue import drained, fast_clock, open_shop, rescued
from tests.faults.scene import problems, ready, scene, token
from tests.faults.sending import TOGETHER, Sender, kept
from tests.machine import HANGS, watched

log = logging.getLogger(__name__)
pytestmark = pytest.mark.faults  # in short, mongod is restarted in test_api_killed


async def survives(folder, redis_url, smtp, *, people: int, kills: int, pause: float) -> Sender:
    async with scene(folder, redis_url, smtp.url, clock=fast_clock()) as (playing, shop):
        names = await open_shop(shop, people)
        playing.begin()
        async with httpx2.AsyncClient(timeout=60) as http:
            sender = Sender(playing.urls, await token(shop), http)
            await ready(playing, http)
            calls = people / TOGETHER
            sending = asyncio.create_task(sender.send_all(names, pause=kills * pause / calls))
            for _ in range(kills):
                until = time.monotonic() + pause
                await playing.restart_mongod()
                await asyncio.sleep(max(0, until - time.monotonic()))
            await sending
        await drained(shop, within=HANGS)
        await kept(shop, sender)
        unknown = await rescued(shop, smtp, people)
        assert await problems(shop, playing.now()) == []
    log.info("%d unknown, answers %s", unknown, dict(sender.answers))
    return sender


async def test_a_long_round(tmp_path, redis, redis_url, smtp):
    async with watched() as machine:
        sender = await survives(tmp_path, redis_url, smtp, people=800, kills=12, pause=5)

    assert len(sender.acknowledged) == 800
    assert max(sender.took) <= 5 * machine.worst, Counter(int(each) for each in sender.took)
