"""What waits to be delivered is kept apart: nobody waits for someone else's server."""

import asyncio

import pytest

from channels.web import Client
from channels.webhook import Webhook
from devserver.web import Manner, running
from models.effect import Effect, EffectKind, EffectState
from services import webhooks
from services.dispatch import AT_ONCE, PAGE, Dispatch
from tests.shop import NOW
from tests.staging import once
from tests.waiting import until


@pytest.fixture
@once
async def busy(shop, web):
    """A shop whose rules are of no account here: its messages and calls are there already."""
    await shop.template("greet")
    await shop.publish("event cart_updated { total: money USD }")
    await shop.person()
    await webhooks.create("good", web.url, stores=shop.stores, now=NOW, private=True)
    return shop


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
    await shop.stores.effects.add(effects, wall=shop.clock.wall())
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


async def states(shop, run: str) -> list[str]:
    return [effect["state"] for effect in await shop.effects() if effect["run"] == run]


async def all_sent(shop, run: str) -> bool:
    return set(await states(shop, run)) == {"sent"}


async def test_everything_left_arrives_once_however_often_it_is_rung_for(busy, smtp):
    ids = await leave(busy, 50, prefix="bulk")
    async with Dispatch(busy.mail) as dispatch:

        async def delivered() -> bool:
            for _ in range(3):
                await dispatch.take(ids)
            await dispatch.idle()
            return await all_sent(busy, "bulk")

        # At once, unless the machine is so slow that leases run out.
        await until(delivered)

    assert len(smtp.messages) == 50


async def test_an_endpoint_that_never_answers_holds_up_only_itself(busy, web, smtp):
    with running() as dead:
        dead.manner = Manner.SILENT
        await webhooks.create("dead", dead.url, stores=busy.stores, now=NOW, private=True)
        async with Dispatch(busy.mail) as dispatch:
            await dispatch.take(await calls(busy, "dead", 100))
            await until(lambda: len(dead.received) == AT_ONCE)
            mails = await leave(busy, 10, prefix="mail")
            others = await calls(busy, "good", 10)
            await dispatch.take(mails + others)
            for run in ("mail", "good"):
                await until(lambda run=run: all_sent(busy, run))
            # Everyone there still waits for the first answer.
            assert len(dead.received) == AT_ONCE
            dead.closing.set()

    assert (len(smtp.messages), len(web.received)) == (10, 10)
    assert await states(busy, "dead") == ["pending"] * 100


@pytest.mark.parametrize(
    ("manner", "status", "patience"), [(Manner.SILENT, 200, 0.5), (Manner.PLAIN, 500, 60)]
)
async def test_a_dead_endpoint_is_soon_left_alone(busy, manner, status, patience):
    client = Client(private=True, total=patience)
    busy.mail.channels["webhook"] = Webhook(client)
    with running() as dead:
        dead.manner, dead.status = manner, status
        await webhooks.create("dead", dead.url, stores=busy.stores, now=NOW, private=True)
        async with Dispatch(busy.mail) as dispatch:
            await dispatch.take(await calls(busy, "dead", 100))
            await dispatch.idle()
    await client.close()

    tried = [effect["claims"] for effect in await busy.effects() if effect["claims"]]
    # Nobody knows before the third failure, and then each of the others has one under way.
    assert 3 <= len(tried) <= 3 + AT_ONCE - 1
    assert set(tried) == {1}


async def test_a_password_reset_does_not_wait_for_bulk(busy, smtp):
    await busy.person("zoe")
    smtp.held.add("ann@example.test")
    async with Dispatch(busy.mail) as dispatch:
        await dispatch.take(await leave(busy, 60, prefix="bulk"))
        await until(lambda: smtp.waiting == AT_ONCE - 1)
        await dispatch.take(
            await leave(busy, 1, prefix="urgent", user_id="zoe", transactional=True)
        )
        await until(lambda: all_sent(busy, "urgent"))
        while_bulk_waited = await states(busy, "bulk")
        smtp.held.clear()

    assert "sent" not in while_bulk_waited


async def test_stopping_finishes_what_is_under_way_and_leaves_the_rest(busy, smtp):
    smtp.held.add("ann@example.test")
    async with Dispatch(busy.mail) as dispatch:
        await dispatch.take(await leave(busy, 200, prefix="bulk"))
        await until(lambda: smtp.waiting == AT_ONCE - 1)
        # Not before this block has been left, and with that the stopping has begun.
        asyncio.get_running_loop().call_soon(smtp.held.clear)

    found = await states(busy, "bulk")
    assert found.count("sent") == len(smtp.messages) >= AT_ONCE - 1
    assert found.count("pending") == 200 - len(smtp.messages) >= 200 - PAGE * (AT_ONCE - 1)
