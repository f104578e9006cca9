"""Erasures as documents, and carrying one out in any collection, by the table of what they hold."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, IndexModel

from models.erasure import Erasure
from models.store.database import Document, Store
from models.store.personal import Fate, Holding


class Erasures(Store):
    NAME = "erasures"
    INDEXES = (IndexModel([("next_at", ASCENDING)], name="due", sparse=True),)

    async def begin(self, user_id: str, *, wall: datetime) -> Erasure:
        """Have a person erased; return how far that is, if it was asked for before."""
        fresh = Erasure(user_id=user_id, asked_at=wall, next_at=wall)
        await self.documents.update_one(
            {"_id": {"$eq": user_id}}, {"$setOnInsert": _fields(fresh)}, upsert=True
        )
        return await self.find(user_id) or fresh

    async def find(self, user_id: str) -> Erasure | None:
        """Return how far a person is erased, if that was asked for."""
        document = await self.documents.find_one({"_id": {"$eq": user_id}})
        return None if document is None else _erasure(document)

    async def due(self, wall: datetime, *, limit: int) -> list[Erasure]:
        """Return those that are to be gone on with, the longest due first."""
        cursor = self.documents.find({"next_at": {"$lte": wall}}).sort("next_at", ASCENDING)
        return [_erasure(document) async for document in cursor.limit(limit)]

    async def save(self, erasure: Erasure) -> None:
        """Note how far it is. Two who do so at once have both done what they note."""
        fields = _fields(erasure)
        gone = {name: "" for name, value in fields.items() if value is None}
        kept = {name: value for name, value in fields.items() if value is not None}
        change: Document = {"$set": kept}
        await self.documents.update_one(
            {"_id": {"$eq": erasure.user_id}}, change | ({"$unset": gone} if gone else {})
        )

    async def erase(self, holding: Holding, user_id: str) -> None:
        """Take a person out of one collection. Safe to repeat."""
        documents, query = self.database[holding.collection], holding.query(user_id)
        if holding.fate is Fate.DELETED:
            await documents.delete_many(query)
        elif holding.fate is Fate.BLANKED:
            if holding.gone:
                await documents.delete_many({**query, **holding.gone})
            change: Any = holding.change
            if callable(change):
                change = change(user_id)
            await documents.update_many({**query, **holding.ready}, change)

    async def left(self, holding: Holding, user_id: str) -> bool:
        """Whether anything of a person has to wait in one collection until others are through."""
        waits = {name: {"$not": value} for name, value in holding.ready.items()}
        if not waits:
            return False
        query = {**holding.query(user_id), **waits}
        return await self.database[holding.collection].find_one(query, {"_id": 1}) is not None

    async def audiences_of(self, user_id: str) -> Sequence[str]:
        """Return the audiences of which platforms still have a person."""
        cursor = self.database["audience_members"].find({"user": {"$eq": user_id}}, {"_id": 1})
        return sorted([document["_id"].partition("|")[0] async for document in cursor])

    async def documents_of(
        self, holding: Holding, user_id: str, *, after: Any = None
    ) -> AsyncGenerator[Document]:
        """Yield what one collection holds of a person, without secrets and without others.

        `after` is the `_id` after which to begin.
        """
        query = holding.query(user_id)
        if after is not None:
            query = {"$and": [query, {"_id": {"$gt": after}}]}
        stages: list[Document] = [{"$match": query}, {"$sort": {"_id": ASCENDING}}]
        if holding.among is not None:
            path = str(holding.whose).removeprefix(f"{holding.among}.")
            mine = {"$eq": [f"$$this.{path}", {"$literal": user_id}]}
            own = {"$filter": {"input": f"${holding.among}", "cond": mine}}
            stages.append({"$set": {holding.among: own}})
        if holding.secret:
            stages.append({"$unset": list(holding.secret)})
        async for document in self.database[holding.collection].aggregate(
            stages, allowDiskUse=True
        ):
            yield document


def _fields(erasure: Erasure) -> Document:
    fields = asdict(erasure)
    del fields["user_id"]
    return fields | {"steps": list(erasure.steps), "waits_for": list(erasure.waits_for)}


def _erasure(document: Document) -> Erasure:
    return Erasure(
        user_id=document["_id"],
        asked_at=document["asked_at"],
        next_at=document.get("next_at"),
        passes=document["passes"],
        steps=tuple(document["steps"]),
        waits_for=tuple(document["waits_for"]),
        done_at=document.get("done_at"),
    )
