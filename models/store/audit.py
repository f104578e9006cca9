"""The audit log as documents: drafts of what is under way, and the chain, numbered without a gap.

A draft is of one change, or of many that began at one moment. A number is an entry's `_id` and an
entry has one place: of two processes that continue the chain one is refused, and what it had left
to write is left out. So the chain never forks.
"""

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import datetime

from pymongo import DESCENDING, IndexModel, InsertOne, UpdateOne, WriteConcern
from pymongo.errors import BulkWriteError, DuplicateKeyError

from models.audit import (
    BEFORE_THE_FIRST,
    Actor,
    AuditEntry,
    Credential,
    Link,
    Mark,
    Result,
    SealKeys,
    digest,
)
from models.errors import Invalid
from models.paging import Page, Window
from models.store.database import Collection, Database, Document, Store, duplicates
from models.store.keyset import LATEST_ID, page_of

# Not awaited on disk: a change that is written after it cannot be there without it.
_QUICK = WriteConcern(w=1, j=False)


class AuditDrafts(Store):
    NAME = "audit_drafts"

    def __init__(self, database: Database, *, patience: float | None = None) -> None:
        super().__init__(database, patience=patience)
        self._quick: Collection = self.documents.with_options(write_concern=_QUICK)

    async def add(self, entries: Sequence[AuditEntry]) -> None:
        """Write entries down; those without an end as UNKNOWN, which a later end replaces."""
        try:
            await self._quick.bulk_write(
                [InsertOne(_draft(entry)) for entry in entries], ordered=False
            )
        except BulkWriteError as error:
            duplicates(error)

    async def begin(self, batch: str, entries: Sequence[AuditEntry]) -> None:
        """Write down in one document what is about to be changed."""
        drafts = [_draft(entry) for entry in entries]
        at = min(draft["at"] for draft in drafts)
        await self._quick.insert_one({"_id": batch, "at": at, "entries": drafts})

    async def left(self, *, before: datetime, limit: int) -> list[tuple[str, Sequence[AuditEntry]]]:
        """Return such documents by their ids that nobody will delete any more."""
        query = {"entries": {"$exists": True}, "at": {"$lt": before}}
        cursor = self.documents.find(query).sort("_id").limit(limit)
        return [
            (document["_id"], [_entry(draft, draft["_id"]) for draft in document["entries"]])
            async for document in cursor
        ]

    async def end(self, entries: Sequence[AuditEntry]) -> None:
        """Note how changes went. One that has found its place meanwhile stays UNKNOWN."""
        await self._quick.bulk_write(
            [UpdateOne({"_id": entry.id}, {"$set": _outcome(entry)}) for entry in entries],
            ordered=False,
        )

    async def forget(self, ids: Sequence[str]) -> None:
        """Forget drafts that came to nothing, or have found their place."""
        await self.documents.delete_many({"_id": {"$in": list(ids)}})

    async def ended(self, *, before: datetime, limit: int) -> list[AuditEntry]:
        """Return those that have ended, or that began before and nobody will end any more."""
        over = [{"result": {"$ne": Result.UNKNOWN.value}}, {"at": {"$lt": before}}]
        query = {"entries": {"$exists": False}, "$or": over}
        cursor = self.documents.find(query).sort("_id").limit(limit)
        return [_entry(document, document["_id"]) async for document in cursor]


class Audit(Store):
    NAME = "audit"
    INDEXES = (
        IndexModel([("entry", DESCENDING)], name="entry", unique=True),
        IndexModel([("about", DESCENDING), ("_id", DESCENDING)], name="about"),
        IndexModel([("by.id", DESCENDING)], name="by", sparse=True),
    )

    async def head(self) -> tuple[int, str]:
        """Return the number and the hash of the last entry."""
        last = await self.documents.find_one({}, {"hash": 1}, sort=[("_id", DESCENDING)])
        return (0, BEFORE_THE_FIRST) if last is None else (int(last["_id"]), str(last["hash"]))

    async def known(self, ids: Sequence[str]) -> frozenset[str]:
        """Return those of these entries that have their place."""
        cursor = self.documents.find({"entry": {"$in": list(ids)}}, {"entry": 1})
        return frozenset([document["entry"] async for document in cursor])

    async def append(
        self, head: tuple[int, str], entries: Sequence[AuditEntry], keys: SealKeys
    ) -> int:
        """Continue the chain from its head as it was read; return how many entries found a place.

        All of them, unless someone else has continued it from there.
        """
        documents: list[Document] = []
        number, previous = head
        for entry in entries:
            number += 1
            place = {"_id": number, "entry": entry.id, "previous": previous, "key": keys.name}
            document = _draft(entry) | place
            previous = document["hash"] = digest(document, keys.key)
            documents.append(document)
        try:
            await self.documents.insert_many(documents, ordered=True)
        except BulkWriteError as error:
            return min(duplicates(error))
        return len(documents)

    async def raw(self) -> AsyncIterator[Document]:
        """Yield all entries in order, just as they are kept."""
        async for document in self.documents.find({}).sort("_id"):
            yield document

    async def older(self, than: datetime, *, limit: int) -> list[Mark]:
        """Return the first entries as long as they are older, but never the last of the log."""
        cursor = self.documents.find({}, {"at": 1, "hash": 1}).sort("_id").limit(limit + 1)
        first = [document async for document in cursor]
        old = itertools.takewhile(lambda document: document["at"] < than, first[:-1])
        return [Mark(document["_id"], document["hash"]) for document in old]

    async def prune(self, number: int) -> int:
        """Delete the entries up to this one; return how many there were."""
        return (await self.documents.delete_many({"_id": {"$lte": number}})).deleted_count

    async def page(self, window: Window, *, about: str | None = None) -> Page[Link]:
        """Return a window on the log, the latest first; only what is about something, if given."""
        query: Document = {} if about is None else {"about": {"$eq": about}}
        return await page_of(
            self.documents, query, window, read=_link, sorting=LATEST_ID, key=_number
        )

    async def count(self, *, about: str | None = None) -> int:
        """Return how long the log, or what of it is about something, is."""
        if about is None:
            return await self.documents.estimated_document_count()
        return await self.documents.count_documents({"about": {"$eq": about}})


class AuditMarks(Store):
    """Where the chain begins and how far it has come: what is missing at its ends is missed."""

    NAME = "audit_marks"

    async def reach(self, name: str, mark: Mark, keys: SealKeys) -> None:
        """Note that a mark is at least that far. Safe to repeat."""
        document = {"number": mark.number, "last": mark.hash, "key": keys.name}
        document["hash"] = digest({"_id": name} | document, keys.key)
        with suppress(DuplicateKeyError):  # it is further
            await self.documents.replace_one(
                {"_id": name, "number": {"$lt": mark.number}}, document, upsert=True
            )

    async def raw(self, name: str) -> Document | None:
        """Return a mark just as it is kept."""
        return await self.documents.find_one({"_id": name})


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise Invalid("This is not a cursor of this list.") from None


def _draft(entry: AuditEntry) -> Document:
    return {
        "_id": entry.id,
        # As MongoDB will give it back: what is hashed has to stay the same.
        "at": entry.at.replace(microsecond=entry.at.microsecond // 1000 * 1000),
        "by": {"credential": entry.by.credential.value, "id": entry.by.id},
        "operation": entry.operation,
        **_outcome(entry),
    }


def _outcome(entry: AuditEntry) -> Document:
    outcome = {"result": entry.result.value, "code": entry.code, "about": list(entry.about)}
    list_ = {"rows": entry.rows, "personal": entry.personal}
    return outcome | {name: said for name, said in list_.items() if said is not None}


def _entry(document: Document, entry_id: str) -> AuditEntry:
    return AuditEntry(
        id=entry_id,
        at=document["at"],
        by=Actor(Credential(document["by"]["credential"]), document["by"]["id"]),
        operation=document["operation"],
        result=Result(document["result"]),
        code=document["code"],
        about=tuple(document["about"]),
        rows=document.get("rows"),
        personal=document.get("personal"),
    )


def _link(document: Document) -> Link:
    entry = _entry(document, document["entry"])
    return Link(document["_id"], entry, document["previous"], document["hash"])
