"""Redis cannot be reached, says nothing, is killed or emptied: events are taken in all the same.

Journeys go on once it is back, with nothing lost and nothing twice.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx2
import pytest
from redis import Redis

from devserver import valkey
from models.store import Stores
from tests.faults.relay import Line, relaying
from tests.faults.rescue import drained, fast_clock, open_shop, rescued
from tests.faults.scene import Scene, problems, ready, token
from tests.faults.sending import TOGETHER, Sender, kept
from tests.machine import HANGS, watched
from tests.shop import Shop

log = logging.getLogger(__name__)
SIGN_IN = """mutation { signIn(input: { email: "eve@example.test", password: "wrong horse" }) {
  session { accessToken } } }"""


@pytest.fixture
async def begin(database, mongodb_uri, smtp, tmp_path):
    """Return what starts all processes, with Redis at some port."""

    @asynccontextmanager
    async def begin(port: int):
        url = f"redis://127.0.0.1:{port}/0"
        playing = Scene(
            tmp_path, mongodb_uri, url, smtp.url, database=database.name, clock=fast_clock(), apis=1
        )
        playing.begin()
        try:
            async with httpx2.AsyncClient(timeout=60) as http:
                await ready(playing, http)
                yield playing, http
        finally:
            playing.processes.stop()

    return begin


async def exact(shop: Shop, playing: Scene, smtp, sender: Sender, people: int) -> None:
    await kept(shop, sender)
    assert await rescued(shop, smtp, people) == 0
    assert await problems(shop, playing.now()) == []


async def test_events_are_taken_while_redis_is_silent_and_while_it_is_gone(
    begin, database, redis_url, smtp
):
    shop = Shop(Stores.over(database), smtp.url)
    names = await open_shop(shop, 30)
    async with relaying(urlsplit(redis_url).port) as relay, begin(relay.port) as (playing, http):
        sender = Sender(playing.urls, await token(shop), http)
        for line, some in ((Line.OPEN, names[:10]), (Line.SILENT, names[10:20])):
            relay.become(line)
            await sender.send_all(some, pause=0)
        relay.become(Line.CUT)
        await sender.send_all(names[20:], pause=0)
        relay.become(Line.OPEN)
        await drained(shop, within=HANGS)
        await exact(shop, playing, smtp, sender, 30)


@pytest.mark.faults
@pytest.mark.parametrize("line", [Line.SILENT, Line.CUT])
async def test_half_a_minute_without_redis_is_felt_by_nobody(
    begin, database, redis_url, smtp, line
):
    shop = Shop(Stores.over(database), smtp.url)
    names = await open_shop(shop, 400)
    async with relaying(urlsplit(redis_url).port) as relay, begin(relay.port) as (playing, http):
        sender = Sender(playing.urls, await token(shop), http)
        pause = 30 / 200 * TOGETHER
        await sender.send_all(names[:200], pause=pause)
        normal = p99(sender)
        relay.become(line)
        async with watched() as then:
            await sender.send_all(names[200:], pause=pause)
        meanwhile = p99(sender)
        relay.become(Line.OPEN)
        async with watched() as later:
            took = await timed(drained(shop, within=HANGS))
        await exact(shop, playing, smtp, sender, 400)
    log.info("%s: p99 %.3f s, before %.3f s; drained in %.1f s", line, meanwhile, normal, took)
    assert set(sender.answers) == {200}
    assert meanwhile <= (2 * normal + 0.1) * then.worst
    assert took <= 30 * later.slower


async def timed(work: Awaitable[None]) -> float:
    """Return the seconds that something takes."""
    began = time.monotonic()
    await work
    return time.monotonic() - began


def p99(sender: Sender) -> float:
    """Return what nearly all answers took since this was last asked."""
    took = sorted(sender.took)
    sender.took.clear()
    return took[len(took) * 99 // 100]


@pytest.mark.faults
async def test_a_redis_killed_or_emptied_every_five_seconds_loses_nothing(
    begin, database, smtp, tmp_path
):
    shop = Shop(Stores.over(database), smtp.url)
    names = await open_shop(shop, 400)
    server = valkey.start(tmp_path / "valkey")
    async with begin(server.port) as (playing, http):
        sender = Sender(playing.urls, await token(shop), http)
        sending = asyncio.create_task(sender.send_all(names, pause=60 / 400 * TOGETHER))
        for _ in range(5):
            assert await sign_in(playing, http) == 200
        for turn in range(12):
            await asyncio.sleep(5)
            if turn % 2:
                with Redis(port=server.port) as client:
                    client.flushall()
            else:
                server.process.kill()
                server.process.wait()
                server = await asyncio.to_thread(
                    valkey.start, tmp_path / "valkey", port=server.port
                )
            assert await sign_in(playing, http) == 429
        await sending
        async with watched() as machine:
            took = await timed(drained(shop, within=HANGS))
        await exact(shop, playing, smtp, sender, 400)
    server.stop()
    log.info("drained in %.1f s", took)
    assert set(sender.answers) == {200}
    assert took <= 30 * machine.slower


async def sign_in(playing: Scene, http: httpx2.AsyncClient) -> int:
    """Try to sign in with a wrong password; return the status of the answer."""
    answer = await http.post(f"{playing.urls[0]}/graphql", json={"query": SIGN_IN})
    return answer.status_code
