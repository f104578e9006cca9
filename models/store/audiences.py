"""Audiences as documents, and whom each has been told of."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DeleteOne, IndexModel, ReplaceOne, ReturnDocument
from pymongo.errors import DuplicateKeyError

from models.audience import Audience, Shown
from models.errors import Conflict, NotFound
from models.store.alarms import FIELD, raised_by
from models.store.database import Document, Store


class Audiences(Store):
    NAME = "audiences"
    INDEXES = (IndexModel([("next_at", ASCENDING)], name="due"),)

    async def add(self, audience: Audience) -> None:
        """Insert an audience. Raises Conflict (NAME_TAKEN) if there is one of this name."""
        document = asdict(audience)
        document["_id"] = document.pop("name")
        try:
            await self.documents.insert_one(document)
        except DuplicateKeyError:
            raise Conflict(
                f"There is an audience {audience.name!r} already.",
                code="NAME_TAKEN",
                field=("name",),
            ) from None

    async def change(self, name: str, **fields: Any) -> Audience:
        """Set some of its fields. Raises NotFound."""
        result = await self.documents.update_one({"_id": {"$eq": name}}, {"$set": fields})
        if result.matched_count == 0:
            raise NotFound(f"There is no audience {name!r}.", field=("name",))
        return await self.get(name)

    async def count_death(self, name: str) -> Audience | None:
        """Count a worker that died with an audience; None if it is gone."""
        document = await self.documents.find_one_and_update(
            {"_id": {"$eq": name}},
            {"$inc": {"deaths": 1}},
            return_document=ReturnDocument.AFTER,
        )
        return None if document is None else _audience(document)

    async def set_aside(self, audience: Audience, reason: str, alarm: str) -> bool:
        """Have an audience rest until it is enabled; False if it does, or was changed since."""
        done = await self.documents.update_one(
            {"_id": {"$eq": audience.name}, "enabled": True, "deaths": audience.deaths},
            {"$set": {"enabled": False, "reason": reason, **raised_by(alarm)}},
        )
        return done.modified_count > 0

    async def ask(self, name: str, user_id: str, *, at: datetime) -> None:
        """Have an audience look at someone by a time, wherever they are. Raises NotFound."""
        result = await self.documents.update_one(
            {"_id": {"$eq": name}}, {"$addToSet": {"asked": user_id}, "$set": {"next_at": at}}
        )
        if result.matched_count == 0:
            raise NotFound(f"There is no audience {name!r}.", field=("name",))

    async def answered(self, name: str, user_ids: Sequence[str]) -> None:
        """Forget having been asked to look at these people. Safe to repeat."""
        if user_ids:
            await self.documents.update_one(
                {"_id": {"$eq": name}}, {"$pull": {"asked": {"$in": list(user_ids)}}}
            )

    async def get(self, name: str) -> Audience:
        """Return the audience of this name. Raises NotFound."""
        document = await self.documents.find_one({"_id": {"$eq": name}})
        if document is None:
            raise NotFound(f"There is no audience {name!r}.", field=("name",))
        return _audience(document)

    async def find_many(self, names: Sequence[str]) -> dict[str, Audience]:
        """Return those of these audiences that exist, by name."""
        cursor = self.documents.find({"_id": {"$in": list(names)}})
        return {document["_id"]: _audience(document) async for document in cursor}

    async def all(self) -> list[Audience]:
        """Return all audiences by name."""
        return [_audience(document) async for document in self.documents.find().sort("_id", 1)]

    async def due(self, wall: datetime, *, limit: int) -> list[str]:
        """Return the names of those that are to be brought up to date."""
        query = {"next_at": {"$lte": wall}, "enabled": True}
        cursor = self.documents.find(query, {"_id": 1}).sort("next_at", ASCENDING).limit(limit)
        return [document["_id"] async for document in cursor]

    async def forget(self, name: str) -> None:
        """Delete an audience of which nobody is left over there."""
        await self.documents.delete_one({"_id": {"$eq": name}})


class AudienceMembers(Store):
    """`_id` is "audience|user": an audience's members are a range of it, sorted by the user."""

    NAME = "audience_members"
    INDEXES = (IndexModel([("user", ASCENDING)], name="user"),)

    async def of(self, audience: str) -> AsyncIterator[Shown]:
        """Yield whom the platform has been told of, by their ids."""
        # The character after "|" ends the range.
        query = {"_id": {"$gt": f"{audience}|", "$lt": f"{audience}}}"}}
        async for document in self.documents.find(query).sort("_id", ASCENDING):
            yield Shown(document["user"], document["hashed"])

    async def of_users(self, audience: str, user_ids: Sequence[str]) -> dict[str, Shown]:
        """Return those of these people of whom the platform has been told, by their ids."""
        cursor = self.documents.find({"_id": {"$in": [f"{audience}|{each}" for each in user_ids]}})
        return {each["user"]: Shown(each["user"], each["hashed"]) async for each in cursor}

    async def count(self, audience: str) -> int:
        """Return how many the platform has been told of."""
        query = {"_id": {"$gt": f"{audience}|", "$lt": f"{audience}}}"}}
        return await self.documents.count_documents(query)

    async def forget(self, audience: str, user_id: str) -> None:
        """Forget that a platform was told of someone. Safe to repeat."""
        await self.documents.delete_one({"_id": {"$eq": f"{audience}|{user_id}"}})

    async def told(self, audience: str, added: Sequence[Shown], removed: Sequence[Shown]) -> int:
        """Note what the platform has taken; return how many more it knows by that.

        Safe to repeat.
        """
        operations: list[ReplaceOne[Document] | DeleteOne] = [
            DeleteOne({"_id": f"{audience}|{each.user_id}", "hashed": each.hashed})
            for each in removed
        ]
        operations += [
            ReplaceOne(
                {"_id": f"{audience}|{each.user_id}"},
                {"user": each.user_id, "hashed": each.hashed},
                upsert=True,
            )
            for each in added
        ]
        if not operations:
            return 0
        result = await self.documents.bulk_write(operations)
        return int(result.upserted_count - result.deleted_count)


def _audience(document: Document) -> Audience:
    fields = dict(document)
    fields.pop(FIELD, None)
    asked = tuple(fields.pop("asked", ()))
    return Audience(name=fields.pop("_id"), asked=asked, **fields)
