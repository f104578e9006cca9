"""A process that makes changes and continues the audit log's chain beside others that do so."""

import asyncio
import itertools
from datetime import UTC, datetime

from models.audit import Actor, Credential, SealKeys
from models.store import Stores, connect
from services import chaining
from services.audit import Recorder

AT_ONCE = 10
KEYS = SealKeys.of("a secret for tests, long enough to sign")
OFTEN = "joinGroup"


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def change_until_killed(uri: str, database: str, name: str) -> None:
    """Change something as often as possible, many at once, and note it."""

    async def act() -> None:
        stores = Stores.over(connect(uri, database, patience_ms=60_000))
        recorder, changed = Recorder(stores, now), stores.audit.database["changed"]
        numbers = itertools.count()

        async def change() -> None:
            while True:
                what = f"{name}-{next(numbers)}"
                async with recorder.record(OFTEN, Actor(Credential.COMMAND), [f"Thing:{what}"]):
                    await changed.insert_one({"_id": what})

        await asyncio.gather(*(change() for _ in range(AT_ONCE)))

    asyncio.run(act())


def record(uri: str, database: str, name: str, changes: int) -> None:
    """Note `changes` changes, and continue the chain after every few of them."""

    async def act() -> None:
        stores = Stores.over(connect(uri, database, patience_ms=60_000))
        recorder = Recorder(stores, now)

        async def change(number: int) -> None:
            async with recorder.record(f"{name}{number}", Actor(Credential.COMMAND)):
                pass

        for first in range(0, changes, AT_ONCE):
            await asyncio.gather(*(change(first + place) for place in range(AT_ONCE)))
            await chaining.link(stores=stores, wall=now(), keys=KEYS)

    asyncio.run(act())
