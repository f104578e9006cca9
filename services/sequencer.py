"""Gives everything in the outbox its place in the feed.

One leader at a time, by a lease; but the lease only saves work. What keeps the feed gapless and
free of doubles is the order of steps: read which block is last, read what waits, leave out what the
feed knows, write the next block. If that write succeeds no other block came between, so what was
left out is exact; if someone else wrote that number first it fails, and we begin again. An entry
leaves the outbox only after its block is written: if we are killed in between, the next leader
finds that it is known.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.errors import Unavailable
from models.feed import Block
from models.lease import Lease
from models.store import Stores
from services import alarms, outbox, publications

log = logging.getLogger(__name__)

BLOCK = 500
PAUSE = 0.1  # seconds between two looks at an empty outbox
LEASE = 5.0
CARE = 1.0  # seconds between two rounds of finishing what others left half done
RETENTION = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Head:
    """The last block and the last place in it."""

    number: int = 0
    seq: int = 0


async def read_head(*, stores: Stores) -> Head:
    """Return where the feed ends."""
    last = await stores.feed.find_last()
    return Head(last.number, last.last_seq) if last else Head()


async def step(head: Head, *, stores: Stores, wall: datetime) -> tuple[Head, int]:
    """Move up to one block of entries from the outbox to the feed; return how many waited.

    `head` must have been read before. If another has written since, this does nothing but read it
    again. Safe to repeat and to kill at any point.
    """
    waiting = await stores.outbox.waiting(BLOCK)
    if not waiting:
        return head, 0
    ids = [entry.id for entry in waiting]
    known = await stores.feed.known(ids)
    fresh = tuple(entry for entry in waiting if entry.id not in known)
    if fresh:
        block = Block(head.number + 1, head.seq + 1, fresh, wall)
        if not await stores.feed.append(block):
            return await read_head(stores=stores), len(waiting)
        head = Head(block.number, block.last_seq)
    await stores.outbox.remove(ids)
    return head, len(waiting)


async def after(seq: int, *, stores: Stores, limit: int) -> Sequence[Block]:
    """Return blocks with what comes after a place, or, if that is gone, from where there are."""
    containing = await stores.feed.find_containing(seq + 1)
    if containing is None:
        first = await stores.feed.find_first()
        number = first.number if first else 1
    else:
        number = containing.number
    blocks = await stores.feed.from_number(number, limit=limit)
    return [block for block in blocks if block.last_seq > seq]


async def care(*, stores: Stores, wall: datetime) -> None:
    """Finish what a killed process left half done: publications not settled, what is not told."""
    await publications.settle(stores=stores)
    await outbox.tell_rest(stores=stores)
    await alarms.tell_rest(stores=stores, wall=wall)


async def run(*, stores: Stores, wall: Callable[[], datetime], stopping: asyncio.Event) -> None:
    """Lead whenever nobody else does, until told to stop. Any number of processes may run this."""
    while not stopping.is_set():
        try:
            lease = await stores.leases.acquire("sequencer", seconds=LEASE)
            if lease is not None:
                await _lead(lease, stores, wall, stopping)
        except Unavailable as error:
            log.warning("the sequencer waits: %s", error.message)
        except Exception:
            log.exception("the sequencer failed and begins again")
        await _sleep(CARE, stopping)


async def _lead(
    lease: Lease, stores: Stores, wall: Callable[[], datetime], stopping: asyncio.Event
) -> None:
    renewing = asyncio.create_task(_renew(lease, stores))
    caring = asyncio.create_task(_care_for(stores, wall))
    try:
        head = await read_head(stores=stores)
        while not stopping.is_set() and not renewing.done():
            head, waiting = await step(head, stores=stores, wall=wall())
            if waiting < BLOCK:
                await _sleep(PAUSE, stopping)
    finally:
        for task in (renewing, caring):
            task.cancel()
        await asyncio.gather(renewing, caring, return_exceptions=True)
        with suppress(Unavailable):
            await stores.leases.release(lease)


async def _renew(lease: Lease, stores: Stores) -> None:
    """Keep the lease; return when it is lost."""
    kept: Lease | None = lease
    while kept is not None:
        await asyncio.sleep(LEASE / 3)
        kept = await stores.leases.renew(kept, seconds=LEASE)


async def _care_for(stores: Stores, wall: Callable[[], datetime]) -> None:
    pruned: datetime | None = None
    while True:
        try:
            await care(stores=stores, wall=wall())
            if pruned is None or wall() - pruned > timedelta(hours=1):
                pruned = wall()
                await stores.feed.prune(pruned - RETENTION)
        except Unavailable as error:
            log.warning("the feed's care waits: %s", error.message)
        except Exception:
            # One broken document must not end the care for all others.
            log.exception("the feed's care failed")
        await asyncio.sleep(CARE)


async def _sleep(seconds: float, stopping: asyncio.Event) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
