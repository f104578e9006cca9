"""No file of mongod's may grow further: it ends in the midst of a write, as it does on a full disk.

What it had no room for was never answered yes; with room again everything goes on.
"""

import asyncio
import logging
import resource
import signal
import time

import httpx2
import pytest

from devserver.mongod import Mongod
from tests.faults.rescue import drained, fast_clock, open_shop, rescued
from tests.faults.scene import Scene, problems, ready, scene, token
from tests.faults.sending import TOGETHER, Sender, kept
from tests.machine import HANGS, watched
from tests.shop import Shop
from tests.waiting import until

log = logging.getLogger(__name__)


def fill_disk(mongod: Mongod, limit: int) -> None:
    """Let no file grow beyond so many bytes from now on."""
    resource.prlimit(mongod.process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


async def journalled(shop: Shop) -> int:
    """Return how many bytes of the journal are written; its file has its full length at once."""
    status = await shop.stores.events.documents.database.command("serverStatus")
    return status["wiredTiger"]["log"]["log bytes written"]


async def ends(playing: Scene) -> None:
    """Wait until mongod has met the limit."""
    await until(lambda: playing.mongod.process.poll() is not None, within=300)
    assert playing.mongod.process.returncode == -signal.SIGXFSZ


async def refuses(sender: Sender) -> None:
    """See that nothing but refusals is answered by now."""
    refused, taken = sender.answers[503], sender.answers[200]
    await until(lambda: sender.answers[503] > refused + 2)
    assert sender.answers[200] == taken


async def test_nothing_is_acknowledged_that_there_is_no_room_for(tmp_path, redis_url, smtp):
    async with scene(tmp_path, redis_url, smtp.url, clock=fast_clock(), apis=1) as (playing, shop):
        names = await open_shop(shop, 40)
        playing.serve(0)
        async with httpx2.AsyncClient(timeout=60) as http:
            sender = Sender(playing.urls, await token(shop), http)
            await ready(playing, http)
            await sender.send_all(names[:20], pause=0)
            fill_disk(playing.mongod, 0)
            sending = asyncio.create_task(sender.send_all(names[20:], pause=0))
            await ends(playing)
            await refuses(sender)
            assert len(sender.acknowledged) == 20
            await playing.start_mongod()
            await sending
        await kept(shop, sender)
        assert len(sender.acknowledged) == 40


@pytest.mark.faults
async def test_all_is_done_within_a_minute_of_there_being_room(tmp_path, redis, redis_url, smtp):
    people = 1_000
    async with (
        scene(tmp_path, redis_url, smtp.url, clock=fast_clock()) as (playing, shop),
        watched() as machine,
    ):
        names = await open_shop(shop, people)
        playing.begin()
        async with httpx2.AsyncClient(timeout=60) as http:
            sender = Sender(playing.urls, await token(shop), http)
            await ready(playing, http)
            fill_disk(playing.mongod, await journalled(shop) + 1024 * 1024)
            pause = 30 / people * TOGETHER
            sending = asyncio.create_task(sender.send_all(names, pause=pause))
            await ends(playing)
            await asyncio.sleep(1)  # for what had its yes just before
            await refuses(sender)
            before = len(sender.acknowledged)
            await playing.start_mongod()
            began = time.monotonic()
            await sending
        await drained(shop, within=HANGS)
        took = time.monotonic() - began
        await kept(shop, sender)
        unknown = await rescued(shop, smtp, people)
        assert await problems(shop, playing.now()) == []
    log.info(
        "%d were taken before the disk was full; drained in %.1f s, %d unknown, answers %s",
        before,
        took,
        unknown,
        dict(sender.answers),
    )
    assert max(sender.took) <= 5 * machine.worst
    assert took <= 60 * machine.slower
