"""A shop of real processes over HTTP: a mongod of its own, APIs, workers and a scheduler."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from app.clock import Clock
from devserver.mongod import Mongod, Profile, start
from devserver.process import free_port
from models.api_key import Scope
from models.principal import Principal, Role
from models.store import Stores, connect, prepare
from services import api_keys
from services.tokens import Tokens
from services.verify import verify
from tests.client import SECRET
from tests.faults.processes import Processes
from tests.shop import Shop


@dataclass
class Scene:
    """Processes that share a database and a Redis. `mongod` is there to be killed if it is ours.

    With `clock`, business time is as it says; mail goes to `smtp`. `worker` may be a module of
    tests.
    """

    folder: Path
    uri: str
    redis_url: str
    smtp_url: str
    database: str = "fanfare"
    clock: str = ""
    apis: int = 2
    worker: str = "worker"
    mongod: Mongod | None = None

    def __post_init__(self) -> None:
        self.ports = [str(free_port()) for _ in range(self.apis)]
        environment = {
            "FANFARE_MONGODB_URI": self.uri,
            "FANFARE_REDIS_URL": self.redis_url,
            "FANFARE_DATABASE": self.database,
            "FANFARE_SMTP_URL": self.smtp_url,
            "FANFARE_SECRET": SECRET,
            "FANFARE_CLOCK": self.clock,
        }
        self.processes = Processes(environment, self.folder)

    @property
    def urls(self) -> list[str]:
        return [f"http://127.0.0.1:{port}" for port in self.ports]

    def serve(self, place: int) -> None:
        self.processes.start(f"api-{place}", "serve", FANFARE_PORT=self.ports[place])

    def begin(self) -> None:
        """Start everything."""
        for place in range(self.apis):
            self.serve(place)
        self.start_worker()
        self.processes.start("scheduler", "scheduler")

    def start_worker(self) -> None:
        self.processes.start("worker", self.worker)

    def kill_mongod(self) -> None:
        self.mongod.process.kill()
        self.mongod.process.wait()

    async def start_mongod(self) -> None:
        self.mongod = await asyncio.to_thread(
            start, self.folder / "db", Profile.DURABLE, port=self.mongod.port, patience=10
        )

    async def restart_mongod(self) -> None:
        self.kill_mongod()
        await self.start_mongod()

    def now(self) -> datetime:
        """Return business time, as the processes know it."""
        return Clock.parse(self.clock).now()


@asynccontextmanager
async def scene(
    folder: Path, redis_url: str, smtp_url: str, **more: Any
) -> AsyncIterator[tuple[Scene, Shop]]:
    """Have a mongod of its own, whose writes are journalled."""
    mongod = start(folder / "db", Profile.DURABLE)
    playing = Scene(folder, mongod.uri, redis_url, smtp_url, mongod=mongod, **more)
    database = connect(mongod.uri, "fanfare", patience_ms=10_000)
    try:
        await prepare(database)
        shop = Shop(Stores.over(database), smtp_url)
        shop.clock.business = shop.clock.real = datetime.now(UTC)
        yield playing, shop
    finally:
        playing.processes.stop()
        database.client.close()
        playing.mongod.stop()


async def token(shop: Shop) -> str:
    """Return a key of the shop's back end: it lasts, however slow the machine is."""
    back_end = Principal("back end", frozenset({Role.ADMIN}), "tests")
    _, key = await api_keys.create(
        "back end",
        list(Scope),
        caller=back_end,
        stores=shop.stores,
        tokens=Tokens(SECRET),
        now=datetime.now(UTC),
    )
    return key


async def ready(playing: Scene, http: httpx2.AsyncClient) -> None:
    async with asyncio.timeout(120):
        for url in playing.urls:
            while True:
                try:
                    if (await http.get(f"{url}/readyz")).status_code == 200:
                        break
                except httpx2.TransportError:
                    await asyncio.sleep(0.05)


async def problems(shop: Shop, now: datetime | None = None) -> list[str]:
    """Return what `fanfare verify` would say, as of a business time."""
    wall = datetime.now(UTC)
    return [
        f"{finding.id}: {problem}"
        async for finding in verify(stores=shop.stores, now=now or wall, wall=wall)
        for problem in finding.problems
    ]


async def clean(shop: Shop, *, within: float) -> None:
    """Wait until all work is done and everything adds up."""
    began = time.monotonic()
    while True:
        left = await shop.stores.events.count_pending()
        left += await shop.stores.outbox.depth()
        found = await problems(shop)
        if not left and not found:
            return
        assert time.monotonic() - began < within, (left, found)
        await asyncio.sleep(0.2)
