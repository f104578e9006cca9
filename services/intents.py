"""What is changed very often, written down before it is: one document for all of one moment.

    begin: a document that names all changes ─► the changes ─► an entry for each that was made
           the last of them to end has the document deleted

So what many do at once costs one write more, and not one each; what is refused leaves nothing.
Whoever is killed leaves the document: those in it that have no entry are UNKNOWN, see
`chaining.link`.
"""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from models.audit import AuditEntry
from models.errors import Unavailable
from models.ids import new_id
from models.store import Stores
from services.together import Together

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Batch:
    """Changes of one moment, and how many of them are under way."""

    id: str
    under_way: int


class Intents:
    """Those of one process."""

    def __init__(self, stores: Stores) -> None:
        self._drafts = stores.audit_drafts
        self._begin: Together[AuditEntry, Batch] = Together(self._begun)
        self._end: Together[AuditEntry, None] = Together(self._ended)
        self._over: list[str] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self, entry: AuditEntry) -> Batch:
        """Write down that something is about to be changed. Raises Unavailable."""
        begun = asyncio.ensure_future(self._begin(entry))
        try:
            return await asyncio.shield(begun)
        except asyncio.CancelledError:
            # Whoever leaves before it has changed nothing, and must not keep the others' document.
            begun.add_done_callback(self._abandoned)
            raise

    async def end(self, batch: Batch, entry: AuditEntry | None) -> None:
        """Note how a change went; None if nothing is to be said of it. Raises Unavailable."""
        if entry is not None:
            await self._end(entry)
        self._settle(batch)

    async def settled(self) -> None:
        """Wait until what follows from what has ended is written."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def leave(self, batch: Batch, entry: AuditEntry) -> None:
        """Note, later, that nobody knows how a change went."""
        self._spawn(self._left(batch, entry))

    async def _begun(self, entries: Sequence[AuditEntry]) -> Sequence[Batch]:
        batch = Batch(new_id(), len(entries))
        await self._drafts.begin(batch.id, entries)
        return [batch] * len(entries)

    async def _ended(self, entries: Sequence[AuditEntry]) -> Sequence[None]:
        await self._drafts.add(entries)
        return [None] * len(entries)

    async def _left(self, batch: Batch, entry: AuditEntry) -> None:
        try:
            await self.end(batch, entry)
        except Unavailable as error:
            log.warning("that %s was cut off is not noted: %s", entry.operation, error.message)

    def _abandoned(self, begun: asyncio.Future[Batch]) -> None:
        if not begun.cancelled() and begun.exception() is None:
            self._settle(begun.result())

    def _settle(self, batch: Batch) -> None:
        batch.under_way -= 1
        if batch.under_way == 0:
            self._over.append(batch.id)
            if len(self._over) == 1:
                self._spawn(self._forget())

    async def _forget(self) -> None:
        """Delete the documents of which nothing is under way, while there are any."""
        while self._over:
            gone = list(self._over)
            try:
                await self._drafts.forget(gone)
            except Unavailable:
                log.warning("changes that have ended are still written down as under way")
            finally:
                self._over = [each for each in self._over if each not in gone]

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
