"""Sessions as documents."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime

from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument

from models.session import Session
from models.store.database import Document, Store


class Sessions(Store):
    NAME = "sessions"
    INDEXES = (
        IndexModel([("user_id", ASCENDING), ("created_at", ASCENDING)]),
        IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0),
    )

    async def add(self, session: Session) -> None:
        """Insert a new session."""
        document = asdict(session)
        document["_id"] = document.pop("id")
        await self.documents.insert_one(document)

    async def find(self, session_id: str) -> Session | None:
        """Return the session with this id, if it has not been forgotten yet."""
        document = await self.documents.find_one({"_id": {"$eq": session_id}})
        return None if document is None else _from_document(document)

    async def find_many(self, session_ids: Sequence[str]) -> dict[str, Session]:
        """Return sessions by id."""
        cursor = self.documents.find({"_id": {"$in": list(session_ids)}})
        found = [_from_document(document) async for document in cursor]
        return {session.id: session for session in found}

    async def live(self, session_ids: Collection[str], *, now: datetime) -> frozenset[str]:
        """Return those of these sessions that still count."""
        cursor = self.documents.find(
            {"_id": {"$in": list(session_ids)}, "revoked_at": None, "expires_at": {"$gt": now}},
            {"_id": 1},
        )
        return frozenset([document["_id"] async for document in cursor])

    async def rotate(self, session: Session, *, now: datetime) -> Session | None:
        """Move to the next generation; None if that has happened already or it was revoked."""
        document = await self.documents.find_one_and_update(
            {"_id": session.id, "generation": session.generation, "revoked_at": None},
            {"$inc": {"generation": 1}, "$set": {"rotated_at": now}},
            return_document=ReturnDocument.AFTER,
        )
        return None if document is None else _from_document(document)

    async def revoke(self, session_id: str, *, now: datetime) -> None:
        """End the session and with it every token of its family. Safe to repeat."""
        await self.documents.update_one(
            {"_id": {"$eq": session_id}, "revoked_at": None}, {"$set": {"revoked_at": now}}
        )

    async def revoke_all(self, user_id: str, *, now: datetime, but: Collection[str] = ()) -> None:
        """End every session of a person but these. Safe to repeat."""
        await self.documents.update_many(
            {"user_id": {"$eq": user_id}, "revoked_at": None, "_id": {"$nin": list(but)}},
            {"$set": {"revoked_at": now}},
        )

    async def of_user(self, user_id: str, *, now: datetime, limit: int) -> list[Session]:
        """Return a person's sessions that have not ended, the newest first."""
        cursor = self.documents.find(
            {"user_id": {"$eq": user_id}, "revoked_at": None, "expires_at": {"$gt": now}}
        )
        found = cursor.sort("created_at", DESCENDING).limit(limit)
        return [_from_document(document) async for document in found]


def _from_document(document: Document) -> Session:
    fields = dict(document)
    return Session(id=fields.pop("_id"), **fields)
