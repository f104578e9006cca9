"""What kills its worker on its way out is set aside at the fifth death; neighbours leave once."""

import asyncio
import json
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from channels.social import Social
from channels.webhook import Webhook as Outlet
from devserver.process import spawn, stop
from models.audience import Audience
from models.delivery import Delivery
from models.effect import Effect, EffectKind, EffectState
from models.feed import FeedEntry
from models.letter import Letter, Purpose
from models.store import Stores
from models.user import Consent
from schema.told import as_told
from services import audiences, deliveries, letters, messages, sweeper, webhooks
from services.audiences import Platforms
from services.deliveries import Couriers
from services.jobs import Job
from services.letters import Post
from services.seals import Seals
from services.sweeper import Watch
from tests.machine import HANGS
from tests.shop import Shop
from workers.bells import DramatiqJobs

PEOPLE = ("ann", "bob", "doom", "eve", "fay")
NEIGHBOURS = sorted(name for name in PEOPLE if name != "doom")


class Real:
    """The time that workers go by."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    wall = now


def effect(kind: EffectKind, user: str, now: datetime) -> Effect:
    mail = kind is EffectKind.MESSAGE
    return Effect(
        id=f"run-{user}:step",
        kind=kind,
        user_id=user,
        run_id=f"run-{user}",
        trigger="t",
        step="step",
        campaign_id=None,
        publication=1,
        at=now,
        state=EffectState.PENDING,
        channel="email" if mail else "webhook",
        template="greet" if mail else "crm",
        transactional=not mail,
        data={"who": user},
    )


async def leave(shop: Shop, kind: str, now: datetime, url: str) -> None:
    """Have one thing of a kind wait to leave for each person."""
    stores = shop.stores
    match kind:
        case "message" | "call":
            await stores.effects.add(
                [effect(EffectKind(kind), user, now) for user in PEOPLE], wall=now
            )
        case "letter":
            for user in PEOPLE:
                letter = Letter(
                    id=user,
                    purpose=Purpose.RESET,
                    email=f"{user}@example.test",
                    user_id=user,
                    made_at=now,
                    expires_at=now + timedelta(hours=1),
                )
                await stores.letters.add(letter)
        case "audience":
            for user in PEOPLE:
                await stores.audiences.add(
                    Audience(
                        name=user,
                        segment="everybody",
                        url=url,
                        token="t",
                        created_at=now,
                        next_at=now,
                    )
                )
        case _:
            await stores.deliveries.add(
                Delivery(
                    id=f"crm|{number:012}",
                    webhook="crm",
                    seq=number,
                    entry=FeedEntry(f"e{number}", "run.started", now, None, user),
                    made_at=now,
                    next_at=now,
                )
                for number, user in enumerate(PEOPLE, 1)
            )


async def worked_off(shop: Shop, environment: dict[str, str], folder: Path) -> int:
    """Start a worker again and again until nothing waits; return how often it died."""
    deaths, process, stores = 0, None, shop.stores
    jobs = DramatiqJobs(environment["FANFARE_REDIS_URL"])
    waits = {"next_at": {"$exists": True}}
    untold = {"enabled": True, "synced_at": None}
    waiting = [(store, waits) for store in (stores.effects, stores.letters, stores.deliveries)]
    waiting.append((stores.audiences, untold))
    try:
        async with asyncio.timeout(HANGS):
            while any([await store.documents.count_documents(those) for store, those in waiting]):
                if process is None or process.poll() is not None:
                    deaths += process is not None
                    process = spawn(
                        [Path(sys.executable), "-m", "tests.faults.poisoned"],
                        log=folder / f"worker-{deaths}.log",
                        environment=os.environ | environment,
                        death_signal=signal.SIGKILL,
                    )
                wall = datetime.now(UTC)
                await sweeper.sweep(Watch(), stores=stores, jobs=jobs, clock=Real())
                await letters.sweep(stores=stores, jobs=jobs, wall=wall)
                await audiences.ring_due(stores=stores, jobs=jobs, wall=wall)
                await jobs.ring(Job.SERVE_WEBHOOK, await stores.deliveries.due(["crm"], wall))
                await asyncio.sleep(0.5)
    finally:
        jobs.close()
        if process is not None:
            stop(process)
    return deaths


@pytest.mark.faults
@pytest.mark.parametrize("kind", ["message", "call", "letter", "delivery", "audience"])
async def test_what_kills_its_worker_on_its_way_out_is_set_aside_after_five_deaths(
    database, mongodb_uri, redis, redis_url, smtp, web, tmp_path, kind
):
    shop, now = Shop(Stores.over(database), smtp.url), datetime.now(UTC) - timedelta(seconds=10)
    await shop.publish("event seen { }  segment everybody { user.email is known }")
    for name in PEOPLE:
        await shop.person(name, consent=Consent(email=True, social=name == "ann"))
    await shop.fill()
    await shop.template("greet", subject="Hello {{ who }}")
    await webhooks.create("crm", web.url, stores=shop.stores, now=now, private=True)
    await leave(shop, kind, now, web.url)
    log = tmp_path / "poison.log"
    environment = {
        "FANFARE_MONGODB_URI": mongodb_uri,
        "FANFARE_REDIS_URL": redis_url,
        "FANFARE_DATABASE": database.name,
        "FANFARE_SMTP_URL": smtp.url,
        "FANFARE_SECRET": "a secret for tests, long enough to sign",
        "FANFARE_PRIVATE_TARGETS": "true",
        "POISON_LOG": str(log),
    }

    deaths = await worked_off(shop, environment, tmp_path)

    assert log.read_text().split() == ["doom"] * 5
    assert deaths == 5
    assert sorted(arrived(kind, smtp, web)) == NEIGHBOURS
    told = [entry for entry in await shop.stores.outbox.waiting(500) if "set_aside" in entry.type]
    assert [entry.type for entry in told] == [f"alert.{kind}_set_aside"]
    await redrive(kind, told[0].data[kind], shop)
    assert sorted(arrived(kind, smtp, web)) == sorted([*NEIGHBOURS, "doom"])


def arrived(kind: str, smtp, web) -> list[str]:
    if kind in ("message", "letter"):
        return [str(mail["To"]).rpartition("<")[2].partition("@")[0] for mail in smtp.messages]
    bodies = [json.loads(received.body) for received in web.received]
    if kind == "audience":
        # One that was told and not yet noted is told again alike: a repeat changes nothing.
        return list({body["id"]: body["audience"] for body in bodies}.values())
    if kind == "call":
        return [body["data"]["who"] for body in bodies]
    return [PEOPLE[int(body["cursor"]) - 1] for body in bodies]


async def redrive(kind: str, key: str, shop: Shop) -> None:
    """Have what was set aside leave after all, now that what was wrong is put right."""
    shop.clock.real = shop.clock.business = datetime.now(UTC)
    wall = shop.clock.wall()
    stores, bells = shop.stores, shop.bells
    if kind in ("message", "call"):
        await messages.retry(key, stores=stores, jobs=bells, wall=wall)
        await shop.deliver()
    elif kind == "audience":
        await audiences.enable(key, stores=stores, clock=shop.clock)
        platforms = Platforms(stores=stores, clock=shop.clock, social=Social(shop.client))
        await audiences.sync(key, platforms)
    elif kind == "letter":
        assert await letters.redrive([key], stores=stores, jobs=bells, wall=wall) == 1
        assert await letters.redrive([key], stores=stores, jobs=bells, wall=wall) == 0
        for letter in bells.take(Job.SEND_LETTERS):
            await letters.deliver(letter, Post(mail=shop.mail, seals=Seals("a secret for tests")))
    else:
        await deliveries.redeliver(key, stores=stores, jobs=bells, wall=wall)
        async with Couriers(stores, shop.clock, Outlet(shop.client), as_told) as couriers:
            couriers.serve("crm")
            await couriers.idle()
    await shop.client.close()
