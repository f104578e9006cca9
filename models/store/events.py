"""Events as documents, and the records of the batches they came in.

`pending` is there until the lane's worker has applied the event; the partial index over it holds
only what is waiting, so that finding work costs the same however much history there is.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, IndexModel
from pymongo.errors import BulkWriteError

from models.event import VISITOR, Batch, Event, lane_of
from models.store.database import Document, Store, duplicates


class Events(Store):
    NAME = "events"
    INDEXES = (
        IndexModel(
            [("pending", ASCENDING), ("lane", ASCENDING), ("at", ASCENDING), ("_id", ASCENDING)],
            name="pending",
            partialFilterExpression={"pending": True},
        ),
        IndexModel([("user", ASCENDING), ("name", ASCENDING), ("at", ASCENDING)], name="user"),
    )

    async def add(self, events: Sequence[Event], *, pending: bool = True) -> frozenset[int]:
        """Insert events; return the places of those that were there already."""
        if not events:
            return frozenset()
        documents = [_document(event, pending=pending) for event in events]
        try:
            await self.documents.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            return duplicates(error)
        return frozenset()

    async def pending(self, lane: int, *, limit: int) -> list[Event]:
        """Return the lane's events that wait to be applied, by their time."""
        cursor = (
            self.documents.find({"pending": True, "lane": lane})
            .sort([("at", ASCENDING), ("_id", ASCENDING)])
            .limit(limit)
        )
        return [event_of(document) async for document in cursor]

    async def pending_lanes(self) -> list[int]:
        """Return the lanes in which events wait; at most as many index seeks as there are lanes."""
        return list(await self.documents.distinct("lane", {"pending": True}))

    async def any_pending(self, lane: int) -> bool:
        """Whether an event of the lane waits to be applied."""
        found = await self.documents.find_one({"pending": True, "lane": lane}, {"_id": 1})
        return found is not None

    async def any_pending_before(self, at: datetime) -> bool:
        """Whether an event from before this time waits to be applied, in whatever lane."""
        found = await self.documents.find_one({"pending": True, "at": {"$lt": at}}, {"_id": 1})
        return found is not None

    async def mark_applied(self, ids: Sequence[str]) -> None:
        """Record that everything that follows from these events has been written."""
        if ids:
            await self.documents.update_many(
                {"_id": {"$in": list(ids)}}, {"$unset": {"pending": "", "failures": ""}}
            )

    async def mark_failed(self, event_id: str, reason: str, *, most: int) -> bool:
        """Count a failure to apply; after `most` of them set the event aside and return True."""
        await self.documents.update_one({"_id": {"$eq": event_id}}, {"$inc": {"failures": 1}})
        result = await self.documents.update_one(
            {"_id": {"$eq": event_id}, "failures": {"$gte": most}},
            {"$set": {"dead": reason}, "$unset": {"pending": ""}},
        )
        return result.modified_count > 0

    async def of_users(
        self, user_ids: Sequence[str], needs: Mapping[str, tuple[datetime | None, frozenset[str]]]
    ) -> dict[str, dict[str, list[dict[str, Any]]]]:
        """Return users' events by user and name, oldest first, as rules see them.

        `needs` says for each name since when (None: ever) and which fields.
        """
        found: dict[str, dict[str, list[dict[str, Any]]]] = {user: {} for user in user_ids}
        async for document in self._of_users(user_ids, needs):
            fields = {**document.get("data", {}), "time": document["at"]}
            found[document["user"]].setdefault(document["name"], []).append(fields)
        return found

    async def _of_users(
        self, user_ids: Sequence[str], needs: Mapping[str, tuple[datetime | None, frozenset[str]]]
    ) -> AsyncIterator[Document]:
        if not needs or not user_ids:
            return
        wanted = [
            {"name": name} if since is None else {"name": name, "at": {"$gte": since}}
            for name, (since, _) in needs.items()
        ]
        fields = frozenset().union(*(fields for _, fields in needs.values()))
        cursor = self.documents.find(
            {"user": {"$in": list(user_ids)}, "$or": wanted},
            {"user": 1, "name": 1, "at": 1, **{f"data.{field}": 1 for field in fields}},
        ).sort([("at", ASCENDING), ("_id", ASCENDING)])
        async for document in cursor:
            yield document

    async def count_pending(self, *, most: int | None = None) -> int:
        """Return how many events wait to be applied; counting stops at `most`."""
        options: dict[str, Any] = {} if most is None else {"limit": most}
        return await self.documents.count_documents({"pending": True}, **options)

    async def adopt(
        self, visitor: str, user_id: str, *, received_at: datetime, publication: int
    ) -> int:
        """Make a visitor's events a user's, as if they were received now; return how many."""
        done = await self.documents.update_many(
            {"user": {"$eq": VISITOR + visitor}},
            [
                {
                    "$set": {
                        "user": {"$literal": user_id},
                        "lane": lane_of(user_id),
                        "told_at": {"$ifNull": ["$told_at", "$received_at"]},
                        "received_at": received_at,
                        "publication": publication,
                        "pending": True,
                    }
                }
            ],
        )
        return done.modified_count


class Batches(Store):
    NAME = "batches"
    INDEXES = (IndexModel([("received_at", ASCENDING)], name="received_at"),)

    async def add(self, batch: Batch) -> None:
        """Keep the record of a batch."""
        document = asdict(batch)
        await self.documents.insert_one({"_id": document.pop("id"), **document})


def _document(event: Event, *, pending: bool) -> Document:
    document: Document = {
        "_id": event.id,
        "name": event.name,
        "user": event.user_id,
        "lane": event.lane,
        "at": event.at,
        "received_at": event.received_at,
        "publication": event.publication,
        "data": dict(event.data),
    }
    if event.synthetic:
        document["synthetic"] = True
    if not pending:  # it starts nothing, which is not the same as having started what there was
        document["past"] = True
    elif not event.is_anonymous:
        document["pending"] = True
    return document


def event_of(document: Document) -> Event:
    """Return the event that was stored as `document`."""
    return Event(
        id=document["_id"],
        name=document["name"],
        user_id=document["user"],
        at=document["at"],
        received_at=document["received_at"],
        publication=document["publication"],
        data=document.get("data", {}),
        synthetic=document.get("synthetic", False),
    )
