"""The feed as kept: blocks numbered without a gap, each of up to 500 entries.

A block's number is its `_id`: of two sequencers that write the same next block one is refused,
so that unique key is both the fence and the proof that nothing is missing.
"""

from collections.abc import Sequence
from datetime import datetime

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from models.feed import Block
from models.store.database import Document, Store
from models.store.outbox import entry_document, entry_of


class Feed(Store):
    NAME = "feed"
    INDEXES = (
        IndexModel([("entries._id", ASCENDING)], name="entry"),
        IndexModel([("first_seq", ASCENDING)], name="first_seq"),
        IndexModel([("made_at", ASCENDING)], name="made_at"),
        IndexModel([("entries.user", ASCENDING)], name="user", sparse=True),
    )

    async def append(self, block: Block) -> bool:
        """Write the next block; False if there is one of that number already."""
        try:
            await self.documents.insert_one(
                {
                    "_id": block.number,
                    "first_seq": block.first_seq,
                    "made_at": block.made_at,
                    "entries": [entry_document(entry) for entry in block.entries],
                }
            )
        except DuplicateKeyError:
            return False
        return True

    async def find_last(self) -> Block | None:
        """Return the newest block, if any was ever written."""
        document = await self.documents.find_one({}, sort=[("_id", DESCENDING)])
        return _block(document) if document else None

    async def find_first(self) -> Block | None:
        """Return the oldest block still kept."""
        document = await self.documents.find_one({}, sort=[("_id", ASCENDING)])
        return _block(document) if document else None

    async def find_containing(self, seq: int) -> Block | None:
        """Return the newest block that starts at `seq` or before."""
        document = await self.documents.find_one(
            {"first_seq": {"$lte": seq}}, sort=[("first_seq", DESCENDING)]
        )
        return _block(document) if document else None

    async def from_number(self, number: int, *, limit: int) -> list[Block]:
        """Return up to `limit` blocks from this number on, in order."""
        cursor = self.documents.find({"_id": {"$gte": number}}).sort("_id", ASCENDING).limit(limit)
        return [_block(document) async for document in cursor]

    async def known(self, ids: Sequence[str]) -> frozenset[str]:
        """Return those of the entries' ids that the feed has already."""
        wanted = {"entries._id": {"$in": list(ids)}}
        cursor = self.documents.aggregate(
            [
                {"$match": wanted},
                {"$project": {"entries._id": 1}},
                {"$unwind": "$entries"},
                {"$match": wanted},
            ]
        )
        return frozenset([document["entries"]["_id"] async for document in cursor])

    async def telling_since(self, type: str) -> datetime | None:
        """Return the latest time at which something of this type was, in the oldest block of it."""
        document = await self.documents.find_one({"entries.type": type}, sort=[("_id", ASCENDING)])
        if document is None:
            return None
        latest: datetime = max(e["at"] for e in document["entries"] if e["type"] == type)
        return latest

    async def prune(self, before: datetime) -> int:
        """Drop blocks made before a time, but never the newest: numbering goes on from it."""
        last = await self.find_last()
        if last is None:
            return 0
        result = await self.documents.delete_many(
            {"made_at": {"$lt": before}, "_id": {"$lt": last.number}}
        )
        return result.deleted_count


def _block(document: Document) -> Block:
    return Block(
        number=document["_id"],
        first_seq=document["first_seq"],
        entries=tuple(entry_of(entry) for entry in document["entries"]),
        made_at=document["made_at"],
    )
