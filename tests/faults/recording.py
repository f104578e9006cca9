"""A process that makes changes and continues the audit log's chain beside others that do so."""

import asyncio
from datetime import UTC, datetime

from models.audit import Actor, Credential
from models.store import Stores, connect
from services import audit
from services.audit import Recorder

AT_ONCE = 10


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


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
            await audit.link(stores=stores, wall=now())

    asyncio.run(act())
