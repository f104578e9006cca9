"""Noting who changes what: a draft before the change, its end after, and a place in the chain.

    record: draft → change → end          chaining.link: what has ended → the chain, under seals

Whoever is killed between draft and end leaves a draft that is linked as UNKNOWN: nothing changes of
which the log does not know that it was asked for. Changes of which there are very many (OFTEN) have
one draft for all of one moment (see `intents`), and no entry if they are refused. What is refused
without asking the database (BY_DOCUMENT) is noted by the document that it makes: see `stocks`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from models.audit import MOST_ABOUT, Actor, Asked, AuditEntry, Credential, Result
from models.errors import DomainError, Unavailable
from models.ids import new_id
from models.store import Stores
from services.chaining import PATIENCE
from services.intents import Batch, Intents
from services.together import Together

log = logging.getLogger(__name__)

OFTEN = frozenset(
    {
        "buyDrawEntry",
        "ingestEvents",
        "joinGroup",
        "openGroup",
        "placeOrder",
        "refreshSession",
    }
)

# Once all is gone, thousands ask and are refused. A claim says itself who asked for it.
BY_DOCUMENT = frozenset({"claimStock"})


@dataclass(slots=True)
class Note:
    """What is known of a change while it is made."""

    about: dict[str, None] = field(default_factory=dict)
    result: Result = Result.DONE
    code: str | None = None
    rows: int | None = None
    personal: bool | None = None

    def concerns(self, things: Iterable[str]) -> None:
        """Add things that the change is about, as "Type:key"."""
        self.about |= dict.fromkeys(things)

    def refused(self, code: str) -> None:
        """It was not made, and why."""
        self.result, self.code = Result.REFUSED, code

    def broke_off(self) -> None:
        """Not all of it was done: whoever wanted it has gone."""
        self.result, self.code = Result.FAILED, "BROKEN_OFF"


class Recorder:
    """Writes drafts and their ends, together for all who change something; one per process."""

    def __init__(self, stores: Stores, wall: Callable[[], datetime]) -> None:
        self._stores, self._wall = stores, wall
        self._add: Together[AuditEntry, None] = Together(self._added)
        self._end: Together[AuditEntry, None] = Together(self._ended)
        self._intents = Intents(stores)

    @asynccontextmanager
    async def record(
        self, operation: str, by: Actor, about: Iterable[str] = ()
    ) -> AsyncIterator[Note]:
        """Note the change that is made inside. Raises Unavailable before it if that cannot be."""
        note = Note()
        note.concerns(about)
        entry = AuditEntry(
            id=new_id(), at=self._wall(), by=by, operation=operation, result=Result.UNKNOWN
        )
        draft = _with(entry, note, Result.UNKNOWN)
        batch = await self._intents.begin(draft) if operation in OFTEN else None
        if batch is None and operation not in BY_DOCUMENT:
            await self._add(draft)
        try:
            yield note
        except asyncio.CancelledError:
            if batch is not None:
                self._intents.leave(batch, draft)
            raise
        except Exception as error:
            expected = isinstance(error, DomainError) and not isinstance(error, Unavailable)
            note.result = Result.REFUSED if expected else Result.FAILED
            note.code = error.code if isinstance(error, DomainError) else "INTERNAL_SERVER_ERROR"
            await self._close(_with(entry, note, note.result), batch)
            raise
        # Whoever is cancelled does not come here either: how it went is then not known.
        await self._close(_with(entry, note, note.result), batch)

    def asked(self, by: Actor) -> Asked:
        """Return who asks now, for a document that has the log know of its change."""
        return Asked(new_id(), self._wall(), by)

    async def settled(self) -> None:
        """Wait until all that has ended is noted."""
        await self._intents.settled()

    async def _close(self, entry: AuditEntry, batch: Batch | None) -> None:
        try:
            if entry.rows is not None and self._wall() - entry.at > PATIENCE / 2:
                # It may have found its place as UNKNOWN meanwhile: how it ended is a second entry.
                await self._add(replace(entry, id=new_id()))
            elif entry.operation in BY_DOCUMENT:
                if entry.result is Result.FAILED:
                    await self._add(entry)
            elif batch is None:
                await self._end(entry)
            else:
                refused = entry.result is Result.REFUSED
                await self._intents.end(batch, None if refused else entry)
        except Unavailable as error:
            # The change is made or is not; its answer is right all the same.
            log.warning("the end of %s is not noted: %s", entry.operation, error.message)

    async def _added(self, entries: Sequence[AuditEntry]) -> Sequence[None]:
        await self._stores.audit_drafts.add(entries)
        return [None] * len(entries)

    async def _ended(self, entries: Sequence[AuditEntry]) -> Sequence[None]:
        drafts = self._stores.audit_drafts
        nothing = [each.id for each in entries if _is_noise(each)]
        if nothing:
            await drafts.forget(nothing)
        if ends := [each for each in entries if not _is_noise(each)]:
            await drafts.end(ends)
        return [None] * len(entries)


def _with(entry: AuditEntry, note: Note, result: Result) -> AuditEntry:
    return replace(
        entry,
        about=tuple(note.about)[:MOST_ABOUT],
        result=result,
        code=note.code,
        rows=note.rows,
        personal=note.personal,
    )


def _is_noise(entry: AuditEntry) -> bool:
    """Whether it is a refusal of a stranger: anyone could fill the log with those."""
    return entry.result is Result.REFUSED and entry.by.credential is Credential.NONE
