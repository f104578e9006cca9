"""Keeping leases as long as work goes on: who lost one by being slow would be taken for dead."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from models.errors import Unavailable
from models.lease import Lease
from models.store import Stores

log = logging.getLogger(__name__)


@asynccontextmanager
async def kept(
    leases: Sequence[Lease], *, seconds: float, stores: Stores
) -> AsyncIterator[asyncio.Event]:
    """Renew leases inside, again and again; yields what is set once somebody else has any of them.

    A process whose event loop stands still loses them all the same. Letting go is left to the
    caller.
    """
    lost = asyncio.Event()
    renewing = asyncio.create_task(_renew(leases, lost, seconds, stores))
    try:
        yield lost
    finally:
        renewing.cancel()


async def _renew(
    leases: Sequence[Lease], lost: asyncio.Event, seconds: float, stores: Stores
) -> None:
    names = ", ".join(lease.name for lease in leases)
    while not lost.is_set():
        await asyncio.sleep(seconds / 3)
        try:
            if not await stores.leases.renew_all(leases, seconds=seconds):
                log.warning("lost to another worker: %s", names)
                lost.set()
        except Unavailable as error:
            log.warning("renewed later, %s: %s", error.message, names)
