"""What waits to be delivered is kept apart: nobody waits for someone else's server."""

import asyncio
import time
from datetime import timedelta

import pytest

from devserver.web import Manner, running
from models.effect import Effect, EffectKind, EffectState
from services import webhooks
from services.dispatch import Dispatch
from tests.shop import NOW


@pytest.fixture
async def busy(shop, web):
    """A shop whose rules are of no account here: its messages and calls are there already."""
    shop.clock.wall = wall
    await shop.template("greet")
    await shop.publish("event cart_updated { total: money USD }")
    await shop.person()
    await webhooks.create("good", web.url, stores=shop.stores, now=NOW, private=True)
    return shop


def wall():
    """Real time, as it passes: this is about how long things take."""
    return NOW + timedelta(seconds=time.monotonic())


async def leave(shop, count: int, *, prefix: str, **fields) -> list[str]:
    """Leave as many effects to be delivered, and return their ids."""
    effects = [
        Effect(
            id=f"{prefix}:{number}",
            **{
                "kind": EffectKind.MESSAGE,
                "user_id": "ann",
                "run_id": prefix,
                "trigger": "t",
                "step": str(number),
                "campaign_id": None,
                "publication": 1,
                "at": NOW,
                "state": EffectState.PENDING,
                "channel": "email",
                "template": "greet",
            }
            | fields,
        )
        for number in range(count)
    ]
    await shop.stores.effects.add(effects, wall=wall())
    return [effect.id for effect in effects]


async def calls(shop, webhook: str, count: int, *, prefix: str = "") -> list[str]:
    return await leave(
        shop,
        count,
        prefix=prefix or webhook,
        kind=EffectKind.CALL,
        channel="webhook",
        template=webhook,
        transactional=True,
    )


async def arrivals(received: list, count: int) -> list[float]:
    """Wait until so many have arrived; return after how many seconds each did."""
    began, times = time.monotonic(), []
    async with asyncio.timeout(10):
        while len(times) < count:
            times += [time.monotonic() - began] * (len(received) - len(times))
            await asyncio.sleep(0.005)
    return times


def p95(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


async def test_everything_left_arrives_once_however_often_it_is_rung_for(busy, smtp):
    ids = await leave(busy, 50, prefix="bulk")
    async with Dispatch(busy.mail) as dispatch:
        for _ in range(3):
            await dispatch.take(ids)
        await dispatch.idle()

    assert len(smtp.messages) == 50
    assert {effect["state"] for effect in await busy.effects()} == {"sent"}


async def test_an_endpoint_that_never_answers_holds_up_only_itself(busy, web, smtp):
    async def measure(prefix: str) -> tuple[float, float]:
        web.received.clear()
        smtp.messages.clear()
        mails = await leave(busy, 40, prefix=f"{prefix}-mail")
        others = await calls(busy, "good", 40, prefix=f"{prefix}-good")
        await dispatch.take(mails + others)
        took = await asyncio.gather(arrivals(smtp.messages, 40), arrivals(web.received, 40))
        return p95(took[0]), p95(took[1])

    with running() as dead:
        dead.manner = Manner.SILENT
        await webhooks.create("dead", dead.url, stores=busy.stores, now=NOW, private=True)
        async with Dispatch(busy.mail) as dispatch:
            baseline = await measure("before")
            await dispatch.take(await calls(busy, "dead", 100))
            beside = await measure("beside")

    # Twice as long as without; 50 ms for a machine that others use, too.
    for before, after in zip(baseline, beside, strict=True):
        assert after <= 2 * before + 0.05
    states = [e["state"] for e in await busy.effects() if e["run"] == "dead"]
    assert states == ["pending"] * 100


@pytest.mark.parametrize(("manner", "status"), [(Manner.SILENT, 200), (Manner.PLAIN, 500)])
async def test_a_dead_endpoint_is_soon_left_alone(busy, manner, status):
    with running() as dead:
        dead.manner, dead.status = manner, status
        await webhooks.create("dead", dead.url, stores=busy.stores, now=NOW, private=True)
        async with Dispatch(busy.mail) as dispatch:
            await dispatch.take(await calls(busy, "dead", 100))
            await dispatch.idle()
        tried = len(dead.received)

    assert 3 <= tried <= 6
    counted = sorted(effect["claims"] for effect in await busy.effects())
    assert counted[:90] == [0] * 90


async def test_a_password_reset_does_not_wait_for_bulk(busy, smtp):
    smtp.delay = 0.03
    async with Dispatch(busy.mail) as dispatch:
        await dispatch.take(await leave(busy, 60, prefix="bulk"))
        await asyncio.sleep(0.1)
        await dispatch.take(await leave(busy, 1, prefix="urgent", transactional=True))
        await arrivals(smtp.messages, 10)
        sent = {e["_id"] for e in await busy.effects() if e["state"] == "sent"}
        early = len(sent)
        await dispatch.idle()

    assert "urgent:0" in sent
    assert early < 40


async def test_stopping_finishes_what_is_under_way_and_leaves_the_rest(busy, smtp):
    smtp.delay = 0.02
    async with Dispatch(busy.mail) as dispatch:
        await dispatch.take(await leave(busy, 200, prefix="bulk"))
        await asyncio.sleep(0.05)

    states = [effect["state"] for effect in await busy.effects()]
    assert states.count("sent") == len(smtp.messages)
    assert set(states) == {"sent", "pending"}
