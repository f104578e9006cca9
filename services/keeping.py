"""Keeping leases as long as work goes on: who lost one by being slow would be taken for dead."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from models.errors import Unavailable
from models.lease import Lease
from models.store import Stores

log = logging.getLogger(__name__)


@asynccontextmanager
async def kept(lease: Lease, *, seconds: float, stores: Stores) -> AsyncIterator[asyncio.Event]:
    """Renew a lease inside, again and again; yields what is set once somebody else has it.

    A process whose event loop stands still loses it all the same. Letting go is left to the caller.
    """
    lost = asyncio.Event()
    renewing = asyncio.create_task(_renew(lease, lost, seconds, stores))
    try:
        yield lost
    finally:
        renewing.cancel()


async def _renew(lease: Lease, lost: asyncio.Event, seconds: float, stores: Stores) -> None:
    while not lost.is_set():
        await asyncio.sleep(seconds / 3)
        try:
            if await stores.leases.renew(lease, seconds=seconds) is None:
                log.warning("%s was lost to another worker", lease.name)
                lost.set()
        except Unavailable as error:
            log.warning("%s is renewed later: %s", lease.name, error.message)
