"""Following the feed: what has been told since a cursor, then whatever comes, without a seam."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress

from models.errors import Invalid, Unavailable
from models.feed import Block, Numbered
from models.store import Stores

log = logging.getLogger(__name__)

POLL = 0.1
_RECENT = 64  # blocks kept in memory for those who follow live
_PAGE = 20


class Activity:
    """One per process: everyone who follows live shares one poller and its recent blocks."""

    def __init__(self, stores: Stores, *, poll: float = POLL) -> None:
        self._stores = stores
        self._poll = poll
        self._recent: deque[Block] = deque(maxlen=_RECENT)
        self._news = asyncio.Event()
        self._followers = 0
        self._poller: asyncio.Task[None] | None = None

    async def follow(
        self,
        after: int | None = None,
        *,
        campaign_id: str | None = None,
        types: Collection[str] | None = None,
    ) -> AsyncGenerator[Numbered, None]:
        """Yield what comes after the place `after`, or from now on if that is None; never ends.

        Raises Invalid with code CURSOR_EXPIRED if what follows `after` is no longer kept, and with
        code CURSOR_UNKNOWN if the feed has not come that far.
        """
        async with self._following():
            number, seq = await self._start(after)
            while True:
                news = self._news
                blocks = await self._from(number)
                for block in blocks:
                    for numbered in block.after(seq):
                        if _wanted(numbered, campaign_id, types):
                            yield numbered
                    number, seq = block.number + 1, block.last_seq
                if not blocks:
                    await news.wait()

    async def _start(self, after: int | None) -> tuple[int, int]:
        """Return the block to read first, and the last place in it not to show again."""
        last = await self._stores.feed.find_last()
        if after is None:
            return (last.number + 1, last.last_seq) if last else (1, 0)
        if after < 0 or after > (last.last_seq if last else 0):
            raise Invalid(
                "This cursor is not one of this feed.", code="CURSOR_UNKNOWN", field=("after",)
            )
        if last is None or after == last.last_seq:
            return (last.number + 1 if last else 1), after
        block = await self._stores.feed.find_containing(after + 1)
        if block is None:
            raise _expired()
        return block.number, after

    async def _from(self, number: int) -> list[Block]:
        if self._recent and self._recent[0].number <= number:
            return [block for block in self._recent if block.number >= number]
        blocks = await self._stores.feed.from_number(number, limit=_PAGE)
        if blocks and blocks[0].number != number:
            raise _expired()
        return blocks

    @asynccontextmanager
    async def _following(self) -> AsyncIterator[None]:
        self._followers += 1
        if self._poller is None:
            self._poller = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            self._followers -= 1
            if self._followers == 0 and self._poller is not None:
                poller, self._poller = self._poller, None
                self._recent.clear()
                poller.cancel()
                with suppress(asyncio.CancelledError):
                    await poller

    async def _watch(self) -> None:
        """Read each new block once, for everyone who follows."""
        number: int | None = None
        while True:
            try:
                if number is None:
                    last = await self._stores.feed.find_last()
                    number = last.number + 1 if last else 1
                    self._ring()
                blocks = await self._stores.feed.from_number(number, limit=_PAGE)
                if blocks:
                    number = blocks[-1].number + 1
                    self._recent.extend(blocks)
                    self._ring()
                    continue
            except Unavailable:
                log.warning("followers of the feed wait for the database")
                await asyncio.sleep(1)
            except Exception:
                # Everyone who follows hangs on this one task: it must not end.
                log.exception("the feed could not be read")
                await asyncio.sleep(1)
            await asyncio.sleep(self._poll)

    def _ring(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


def _wanted(numbered: Numbered, campaign_id: str | None, types: Collection[str] | None) -> bool:
    entry = numbered.entry
    return (campaign_id is None or entry.campaign_id == campaign_id) and (
        types is None or entry.type in types
    )


def _expired() -> Invalid:
    return Invalid(
        "What follows this cursor is no longer kept; start again without one.",
        code="CURSOR_EXPIRED",
        field=("after",),
    )
