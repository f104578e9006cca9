"""Letters as documents. `next_at` is there while one has still to be sent."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pymongo import ASCENDING, IndexModel, ReturnDocument

from models.letter import Letter, Purpose
from models.store.alarms import raised_by
from models.store.database import Document, Store
from models.store.deaths import taken_over

_FREE = {"held": "", "deaths": ""}  # what a letter bears that somebody has, or died with


class Letters(Store):
    NAME = "letters"
    INDEXES = (
        IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0),
        IndexModel([("user", ASCENDING)]),
        IndexModel(
            [("next_at", ASCENDING)],
            name="open",
            partialFilterExpression={"next_at": {"$exists": True}},
        ),
    )

    async def add(self, letter: Letter) -> None:
        """Insert a letter that is to be sent."""
        document: Document = {
            "_id": letter.id,
            "purpose": letter.purpose.value,
            "email": letter.email,
            "user": letter.user_id,
            "made_at": letter.made_at,
            "expires_at": letter.expires_at,
            "next_at": letter.made_at,
            "tries": 0,
        }
        if letter.name:
            document["name"] = letter.name
        await self.documents.insert_one(document)

    async def claim(self, letter_id: str, *, wall: datetime, lease: timedelta) -> Letter | None:
        """Take a letter that may be sent now; None if it may not, or a worker died with it."""
        document = await self.documents.find_one_and_update(
            {
                "_id": {"$eq": letter_id},
                "next_at": {"$lte": wall},
                "held": {"$exists": False},
                "deaths": {"$exists": False},
            },
            {"$set": {"next_at": wall + lease, "held": True}, "$inc": {"tries": 1}},
            return_document=ReturnDocument.AFTER,
        )
        return None if document is None else _from_document(document)

    async def claim_suspect(
        self, letter_id: str, *, wall: datetime, lease: timedelta
    ) -> Letter | None:
        """Take a letter that a worker died with, and count that; None if there is none to take."""
        document = await self.documents.find_one_and_update(
            {"_id": {"$eq": letter_id}, "next_at": {"$lte": wall}},
            taken_over({"next_at": wall + lease, "tries": {"$add": ["$tries", 1]}}, held=True),
            return_document=ReturnDocument.AFTER,
        )
        return None if document is None else _from_document(document)

    async def let_go(self, letter_id: str) -> None:
        """Note that whoever has a letter lives, though nothing came of it. Safe to repeat."""
        await self.documents.update_one({"_id": letter_id}, {"$unset": {"held": ""}})

    async def set_aside(self, letter_id: str, alarm: str, *, at: datetime) -> bool:
        """Keep a letter that kills its workers from being sent; False if it is not to be sent."""
        done = await self.documents.update_one(
            {"_id": letter_id, "next_at": {"$exists": True}},
            {"$set": {"set_aside_at": at, **raised_by(alarm)}, "$unset": {"next_at": "", **_FREE}},
        )
        return done.modified_count > 0

    async def put_back(self, ids: Sequence[str], *, wall: datetime) -> list[str]:
        """Have letters that were set aside sent after all; return which are to be."""
        query = {"_id": {"$in": list(ids)}, "set_aside_at": {"$exists": True}}
        aside = [document["_id"] async for document in self.documents.find(query, {"_id": 1})]
        await self.documents.update_many(
            query, {"$set": {"next_at": wall, "tries": 0}, "$unset": {"set_aside_at": ""}}
        )
        return aside

    async def postpone(self, letter_id: str, *, until: datetime) -> None:
        """Try again later."""
        await self.documents.update_one(
            {"_id": letter_id, "next_at": {"$exists": True}},
            {"$set": {"next_at": until}, "$unset": _FREE},
        )

    async def settle(self, letter_id: str) -> None:
        """Nothing more is to be sent of it. Safe to repeat."""
        await self.documents.update_one({"_id": letter_id}, {"$unset": {"next_at": "", **_FREE}})

    async def overdue(self, *, before: datetime, limit: int) -> list[str]:
        """Return letters that should have been sent by then."""
        cursor = self.documents.find({"next_at": {"$lt": before}}, {"_id": 1}).limit(limit)
        return [document["_id"] async for document in cursor]

    async def find(self, letter_id: str, purpose: Purpose, *, now: datetime) -> Letter | None:
        """Return a letter that can still be used for this."""
        document = await self.documents.find_one(_usable(letter_id, purpose, now))
        return None if document is None else _from_document(document)

    async def use(self, letter_id: str, purpose: Purpose, *, now: datetime) -> bool:
        """Use a letter up; of several who try, one succeeds."""
        result = await self.documents.update_one(
            _usable(letter_id, purpose, now), {"$set": {"used_at": now}, "$unset": {"next_at": ""}}
        )
        return result.modified_count > 0

    async def drop(self, user_id: str, purpose: Purpose | None = None) -> None:
        """Forget a person's letters, or those of one purpose. Safe to repeat."""
        query: Document = {"user": {"$eq": user_id}}
        if purpose is not None:
            query["purpose"] = purpose.value
        await self.documents.delete_many(query)

    async def drop_address(self, email: str, purpose: Purpose | None = None) -> None:
        """Forget letters to an address, also those that nobody was found for. Safe to repeat."""
        query: Document = {"email": {"$eq": email}}
        if purpose is not None:
            query["purpose"] = purpose.value
        await self.documents.delete_many(query)


def _usable(letter_id: str, purpose: Purpose, now: datetime) -> Document:
    return {
        "_id": {"$eq": letter_id},
        "purpose": purpose.value,
        "used_at": {"$exists": False},
        # MongoDB removes what is over when it comes to it.
        "expires_at": {"$gt": now},
    }


def _from_document(document: Document) -> Letter:
    return Letter(
        id=document["_id"],
        purpose=Purpose(document["purpose"]),
        email=document["email"],
        user_id=document["user"],
        made_at=document["made_at"],
        expires_at=document["expires_at"],
        tries=document["tries"],
        deaths=document.get("deaths", 0),
        name=document.get("name", ""),
    )
