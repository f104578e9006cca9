"""Servers that never answer, answer a byte a second, redirect, fail, or hang up after the content:
what goes elsewhere leaves as fast as ever, with the real timeouts.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from channels.mail import Email
from channels.roads import Roads
from channels.web import Client
from channels.webhook import Webhook
from devserver.web import Manner, running
from models.store import Stores
from services import webhooks
from services.composing import message_id
from services.dispatch import Dispatch
from tests.machine import watched
from tests.services.test_dispatch import calls, leave
from tests.shop import NOW, Shop
from tests.waiting import until

log = logging.getLogger(__name__)
pytestmark = pytest.mark.faults
COUNT = 100
GAP = 0.04  # seconds from one call to the next


@pytest.fixture
async def busy(database, smtp, web):
    """A shop that delivers with the timeouts of production."""
    shop = Shop(Stores.over(database), smtp.url, gateway=web.url)
    client = Client(private=True)
    shop.mail.channels["webhook"] = Webhook(client)
    # As fast as can be: a pace would hide what slows it down.
    shop.mail = replace(shop.mail, roads=Roads(per_second=100_000))
    shop.clock.wall = wall
    await shop.template("greet")
    await shop.publish("event cart_updated { total: money USD }")
    await shop.person()
    await webhooks.create("good", web.url, stores=shop.stores, now=NOW, private=True)
    yield shop
    await client.close()
    await shop.client.close()


def wall():
    """Real time, as it passes: this is about how long things take."""
    return NOW + timedelta(seconds=time.monotonic())


@asynccontextmanager
async def mail_server(*, hangs_up: bool) -> AsyncIterator[str]:
    """A mail server that says nothing at all, or hangs up after the content of each message.

    Leaving it waits for its connections, which its clients have closed by then.
    """
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Whoever gives up in the middle, as a slow machine may, leaves something incomplete.
        with closing(writer), suppress(asyncio.IncompleteReadError, ConnectionError):
            if not hangs_up:
                await reader.read()
            writer.write(b"220 hello\r\n")
            while line := await reader.readline():
                if line.startswith(b"DATA"):
                    writer.write(b"354 go on\r\n")
                    await reader.readuntil(b"\r\n.\r\n")
                    break
                writer.write(b"250 ok\r\n")

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        serving.add(task)
        task.add_done_callback(serving.discard)

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    async with server:
        yield f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    await until(lambda: not serving)


async def measured(dispatch: Dispatch, busy: Shop, web, prefix: str) -> float:
    """Return the 95th percentile of the seconds that calls of a good endpoint take.

    They come at a steady rate, below what can be done: it is waiting that is measured.
    """
    web.received.clear()
    begun = {}
    for effect_id in await calls(busy, "good", COUNT, prefix=prefix):
        begun[message_id(await busy.stores.effects.find(effect_id))] = time.monotonic()
        await dispatch.take([effect_id])
        await asyncio.sleep(GAP)
    await until(lambda: len(web.received) == COUNT)
    times = [each.at - begun[each.headers["webhook-id"]] for each in web.received]
    return sorted(times)[int(COUNT * 0.95)]


@pytest.mark.parametrize(
    ("manner", "status"),
    [
        (Manner.SILENT, 200),
        (Manner.SLOW, 200),
        (Manner.HANGS_UP, 200),
        (Manner.PLAIN, 302),
        (Manner.PLAIN, 500),
    ],
)
async def test_a_webhook_that_misbehaves_does_not_slow_others(busy, web, manner, status):
    with running() as bad:
        bad.manner, bad.status = manner, status
        await webhooks.create("bad", bad.url, stores=busy.stores, now=NOW, private=True)
        async with Dispatch(busy.mail) as dispatch:
            await measured(dispatch, busy, web, "warm")
            before = await measured(dispatch, busy, web, "before")
            await dispatch.take(await calls(busy, "bad", 200))
            async with watched() as machine:
                beside = await measured(dispatch, busy, web, "beside")
            bad.closing.set()

    log.info("%s %d: p95 %.3f s alone, %.3f s beside it", manner, status, before, beside)
    assert beside <= (2 * before + 0.05) * machine.worst


@pytest.mark.parametrize("hangs_up", [False, True])
async def test_a_mail_server_that_misbehaves_does_not_slow_webhooks(busy, web, hangs_up):
    async with mail_server(hangs_up=hangs_up) as url, Dispatch(busy.mail) as dispatch:
        busy.mail.channels["email"] = Email(url, "shop@example.test")
        await measured(dispatch, busy, web, "warm")
        before = await measured(dispatch, busy, web, "before")
        await dispatch.take(await leave(busy, 200, prefix="mail"))
        async with watched() as machine:
            beside = await measured(dispatch, busy, web, "beside")

    log.info("mail, %s: p95 %.3f s alone, %.3f s beside it", hangs_up, before, beside)
    assert beside <= (2 * before + 0.05) * machine.worst
    ends = {e["state"] for e in await busy.effects() if e["run"] == "mail"}
    # What may have left is not sent again; what certainly has not waits.
    assert ends <= ({"unknown", "pending"} if hangs_up else {"pending"})
