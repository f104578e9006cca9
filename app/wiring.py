"""Everything a process needs, built from its settings: the one place where parts meet."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from app.clock import Clock
from app.settings import Settings
from channels.drand import Drand
from models.store import Database, Stores, connect
from services.activity import Activity
from services.audit import Recorder
from services.claims import Claims
from services.groups import Groups
from services.jobs import Jobs
from services.loaders import Loaders
from services.rulebook import Rulebook
from workers.bells import DramatiqJobs


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What the API, a worker, the scheduler and the commands are made of."""

    settings: Settings
    database: Database
    stores: Stores
    loaders: Loaders
    clock: Clock
    rulebook: Rulebook
    activity: Activity
    claims: Claims
    groups: Groups
    recorder: Recorder
    jobs: Jobs
    beacon: Drand | None
    queue: redis.asyncio.Redis

    async def queue_answers(self) -> bool:
        """Whether the queue's server is there. Work goes on without it, only later."""
        try:
            async with asyncio.timeout(1):
                return bool(await self.queue.ping())
        except (redis.RedisError, OSError, TimeoutError):
            return False


@asynccontextmanager
async def wired(
    settings: Settings, *, patience: float | None = None, retry_writes: bool = True
) -> AsyncIterator[Wiring]:
    """Build everything, and close it in the end. Nothing is connected to before it is used.

    With `patience`, anything asked of the database that takes longer (in seconds) is Unavailable.
    Without `retry_writes`, so is a write whose answer is lost, though it may have been done.
    """
    # Whoever waits for an answer learns within two seconds that there is no database to ask.
    waiting_ms = 2_000 if patience is None else int(patience * 500)
    database = connect(
        settings.mongodb_uri,
        settings.database,
        patience_ms=waiting_ms,
        retry_writes=retry_writes,
    )
    queue = redis.asyncio.Redis.from_url(
        settings.redis_url, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0)
    )
    jobs = DramatiqJobs(settings.redis_url)
    stores = Stores.over(database, patience=patience)
    rulebook = Rulebook(stores)
    clock = Clock.parse(settings.clock)
    recorder = Recorder(stores, clock.wall)
    try:
        yield Wiring(
            settings=settings,
            database=database,
            stores=stores,
            loaders=Loaders(stores),
            clock=clock,
            rulebook=rulebook,
            activity=Activity(stores),
            claims=Claims(stores, rulebook),
            groups=Groups(stores, rulebook),
            recorder=recorder,
            jobs=jobs,
            beacon=None if (chain := settings.chain()) is None else Drand(chain),
            queue=queue,
        )
    finally:
        await recorder.settled()
        jobs.close()
        await queue.aclose()
        database.client.close()
