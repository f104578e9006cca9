"""Following the feed: what has been told since a cursor, then whatever comes, without a seam.

Nothing is queued for anybody: a reader takes the next blocks when it has got rid of the last ones.
Who lags behind what is kept in memory for those who read live is told so, and can go on from its
cursor; while it catches up it reads from the database at its own pace.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import islice

from models.delivery import wants
from models.errors import Conflict, Invalid, Unavailable
from models.feed import Block, FeedEntry, Numbered
from models.store import Stores

log = logging.getLogger(__name__)

POLL = 0.1
_RECENT = 64  # blocks kept in memory for those who follow live
_PAGE = 20
_QUIET = 10_000  # places without anything wanted, after which a reader hears how far it has come


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries a reader wants: those of these types (`order.placed`, `order.*` or `*`).

    With `campaign_id` or `segment` only those about it.
    """

    types: tuple[str, ...] = ("*",)
    campaign_id: str | None = None
    segment: str | None = None

    def __contains__(self, entry: FeedEntry) -> bool:
        return (
            (self.types == ("*",) or wants(self.types, entry.type))
            and (self.campaign_id is None or entry.campaign_id == self.campaign_id)
            and (self.segment is None or entry.data.get("segment") == self.segment)
        )


@dataclass(frozen=True, slots=True)
class Page:
    """Wanted entries, and the place up to which there are no others: the cursor to go on from."""

    entries: Sequence[Numbered]
    seq: int


EVERYTHING = Wanted()


class Activity:
    """One per process: everyone who follows live shares one poller and its recent blocks."""

    def __init__(self, stores: Stores, *, poll: float = POLL, recent: int = _RECENT) -> None:
        self._stores = stores
        self._poll = poll
        self._recent: deque[Block] = deque(maxlen=recent)
        # The number of the first block that was, or will be, kept.
        self._first: int | None = None
        self._news = asyncio.Event()
        self._followers = 0
        self._poller: asyncio.Task[None] | None = None

    @property
    def watches(self) -> bool:
        """Whether what comes from now on is kept for those who read live."""
        return self._first is not None

    @property
    def kept(self) -> int:
        """Return the number of the newest block that is kept for those who read live; or 0."""
        return self._recent[-1].number if self._recent else 0

    async def follow(
        self, after: int | None = None, wanted: Wanted = EVERYTHING
    ) -> AsyncGenerator[Numbered, None]:
        """Yield what comes after the place `after`, or from now on if that is None; never ends.

        Raises what `pages` does.
        """
        async with aclosing(self.pages(after, wanted)) as pages:
            async for page in pages:
                for numbered in page.entries:
                    yield numbered

    async def pages(
        self, after: int | None = None, wanted: Wanted = EVERYTHING, *, most: int = 500
    ) -> AsyncGenerator[Page, None]:
        """Yield the same, up to `most` entries at once: as many as there are, never waiting.

        Raises Invalid with code CURSOR_EXPIRED if what follows `after` is no longer kept, and with
        code CURSOR_UNKNOWN if the feed has not come that far; Conflict with code LAGGED when a
        reader that had caught up takes so long that it no longer reads what is live.
        """
        async with self._following():
            number, seq = await self._start(after)
            shown, live = seq, False
            while True:
                news = self._news
                if live and not self._reads_live(number):
                    raise _lagged()
                live = self._reads_live(number)
                blocks = await self._from(number)
                if not blocks:
                    await news.wait()
                    continue
                found = [n for block in blocks for n in block.after(seq)]
                if wanted != EVERYTHING:
                    found = [n for n in found if n.entry in wanted]
                number, seq = blocks[-1].number + 1, blocks[-1].last_seq
                for start in range(0, len(found), most):
                    part = found[start : start + most]
                    shown = part[-1].seq if start + most < len(found) else seq
                    yield Page(part, shown)
                if seq - shown >= _QUIET:
                    shown = seq
                    yield Page((), seq)

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

    def _reads_live(self, number: int) -> bool:
        first = self._recent[0].number if self._recent else self._first
        return first is not None and number >= first

    async def _from(self, number: int) -> Sequence[Block]:
        if self._recent and self._recent[0].number <= number:
            skip = number - self._recent[0].number
            return list(islice(self._recent, skip, skip + _PAGE))
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
                self._first = None
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
                    self._first = number = last.number + 1 if last else 1
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


def _lagged() -> Conflict:
    return Conflict(
        "You read too slowly to follow live; subscribe again after your last cursor.",
        code="LAGGED",
    )


def _expired() -> Invalid:
    return Invalid(
        "What follows this cursor is no longer kept; start again without one.",
        code="CURSOR_EXPIRED",
        field=("after",),
    )
