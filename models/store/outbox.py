"""What has happened and waits for its place in the feed."""

from collections.abc import Iterable, Sequence
from typing import Any

from pymongo import ASCENDING, IndexModel

from models.feed import FeedEntry
from models.ids import new_id
from models.store.database import WHOLE_PAGE, Document, Store

# What a block holds is one document, which MongoDB limits to 16 MiB, and readers keep many of them.
LARGEST = 2 * 1024 * 1024


class Outbox(Store):
    NAME = "outbox"
    INDEXES = (IndexModel([("order", ASCENDING)], name="order"),)

    async def add(self, entries: Iterable[FeedEntry]) -> None:
        """Queue entries for the feed, in this order. An entry that is there already stays as it is.

        Repeating an entry that the feed has got meanwhile is harmless, too: the sequencer
        recognises its id.
        """
        batch = new_id()
        await self._insert_missing(
            entry_document(entry) | {"order": f"{batch}{place:06}"}
            for place, entry in enumerate(entries)
        )

    async def waiting(self, limit: int, *, size: int = LARGEST) -> list[FeedEntry]:
        """Return the entries that have waited longest, as many as fit into `size` bytes."""
        cursor = self.documents.aggregate(
            [
                {"$sort": {"order": ASCENDING}},
                {"$limit": limit},
                {"$set": {"size": {"$bsonSize": "$$ROOT"}}},
            ],
            batchSize=WHOLE_PAGE,
        )
        waiting: list[FeedEntry] = []
        async for document in cursor:
            size -= document["size"]
            if waiting and size < 0:
                break
            waiting.append(entry_of(document))
        return waiting

    async def known(self, ids: Sequence[str]) -> frozenset[str]:
        """Return those of these entries that wait."""
        cursor = self.documents.find({"_id": {"$in": list(ids)}}, {"_id": 1})
        return frozenset([document["_id"] async for document in cursor])

    async def remove(self, ids: Sequence[str]) -> None:
        """Forget entries that have found their place in the feed."""
        if ids:
            await self.forgettable.delete_many({"_id": {"$in": list(ids)}})

    async def depth(self) -> int:
        """Return how many entries wait."""
        return await self.documents.estimated_document_count()


def entry_document(entry: FeedEntry) -> Document:
    """Return the stored form of an entry."""
    document: dict[str, Any] = {"_id": entry.id, "type": entry.type, "at": entry.at}
    if entry.campaign_id is not None:
        document["campaign"] = entry.campaign_id
    if entry.user_id is not None:
        document["user"] = entry.user_id
    if entry.data:
        document["data"] = dict(entry.data)
    return document


def entry_of(document: Document) -> FeedEntry:
    """Return the entry that was stored as `document`."""
    return FeedEntry(
        id=document["_id"],
        type=document["type"],
        at=document["at"],
        campaign_id=document.get("campaign"),
        user_id=document.get("user"),
        data=document.get("data", {}),
    )
