"""Events as documents, and the records of the batches they came in.

`pending` is there until the lane's worker has applied the event; the partial index over it holds
only what is waiting, so that finding work costs the same however much history there is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeAlias

from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument

from models.event import VISITOR, Batch, Event, lane_of
from models.paging import Page, Sorting, Window
from models.store.alarms import raised_by
from models.store.database import WHOLE_PAGE, Document, Store
from models.store.keyset import page_of

# Since when (None: ever) and which fields, by the events' name.
Needs: TypeAlias = Mapping[str, tuple[datetime | None, frozenset[str]]]
# What rules see of events, by user and name.
Happened: TypeAlias = dict[str, dict[str, list[dict[str, Any]]]]

OLDEST_FIRST = [("at", ASCENDING), ("_id", ASCENDING)]


class Events(Store):
    NAME = "events"
    INDEXES = (
        IndexModel(
            [("pending", ASCENDING), ("lane", ASCENDING), ("at", ASCENDING), ("_id", ASCENDING)],
            name="pending",
            partialFilterExpression={"pending": True},
        ),
        IndexModel([("user", ASCENDING), ("name", ASCENDING), ("at", ASCENDING)], name="user"),
        IndexModel([("set_aside_at", DESCENDING), ("_id", DESCENDING)], name="aside", sparse=True),
        IndexModel([("at", ASCENDING)], name="ahead", partialFilterExpression={"ahead": True}),
    )

    async def add(self, events: Sequence[Event], *, pending: bool = True) -> frozenset[int]:
        """Insert events; return the places of those that were there already."""
        return await self._insert_missing(_document(event, pending=pending) for event in events)

    async def known(self, ids: Sequence[str]) -> frozenset[str]:
        """Return those of these ids that are events'."""
        cursor = self.documents.find({"_id": {"$in": list(ids)}}, {"_id": 1})
        return frozenset([document["_id"] async for document in cursor])

    async def pending(self, lanes: Sequence[int], *, limit: int) -> list[Event]:
        """Return these lanes' events that wait to be applied, by their time."""
        cursor = (
            self.documents.find(
                {"pending": True, "lane": {"$in": list(lanes)}}, batch_size=WHOLE_PAGE
            )
            .sort(OLDEST_FIRST)
            .limit(limit)
        )
        return [event_of(document) for document in await cursor.to_list(None)]

    async def pending_lanes(self) -> list[int]:
        """Return the lanes in which events wait; at most as many index seeks as there are lanes."""
        return list(await self.documents.distinct("lane", {"pending": True}))

    async def any_pending(self, lanes: Sequence[int]) -> bool:
        """Whether an event of any of these lanes waits to be applied."""
        query = {"pending": True, "lane": {"$in": list(lanes)}}
        found = await self.documents.find_one(query, {"_id": 1})
        return found is not None

    async def any_after(self, now: datetime) -> bool:
        """Whether there is an event that is later than this, and was when it was received."""
        found = await self.documents.find_one({"ahead": True, "at": {"$gt": now}}, {"_id": 1})
        return found is not None

    async def any_pending_before(self, at: datetime) -> bool:
        """Whether an event from before this time waits to be applied, in whatever lane."""
        found = await self.documents.find_one({"pending": True, "at": {"$lt": at}}, {"_id": 1})
        return found is not None

    async def mark_applied(self, ids: Sequence[str]) -> None:
        """Record that everything that follows from these events has been written."""
        if ids:
            await self.forgettable.update_many(
                {"_id": {"$in": list(ids)}},
                {"$unset": {"pending": "", "failures": "", "claims": ""}},
            )

    async def count_failure(self, event_id: str) -> int:
        """Count a failure to apply an event; return how many there have been."""
        document = await self.documents.find_one_and_update(
            {"_id": {"$eq": event_id}},
            {"$inc": {"failures": 1}},
            {"failures": 1},
            return_document=ReturnDocument.AFTER,
        )
        return int(document["failures"]) if document else 0

    async def pending_marked(self, lane: int, *, limit: int) -> list[tuple[Event, int]]:
        """Return the lane's waiting events by their time, with the tries that were counted."""
        cursor = (
            self.documents.find({"pending": True, "lane": lane})
            .sort([("at", ASCENDING), ("_id", ASCENDING)])
            .limit(limit)
        )
        return [(event_of(document), document.get("claims", 0)) async for document in cursor]

    async def mark(self, ids: Sequence[str]) -> None:
        """Count a try of these events."""
        await self.documents.update_many({"_id": {"$in": list(ids)}}, {"$inc": {"claims": 1}})

    async def set_aside(self, event_id: str, reason: str, alarm: str, *, at: datetime) -> bool:
        """Take an event out of its lane for good, unless it is put back; False if it is out."""
        done = await self.documents.update_one(
            {"_id": {"$eq": event_id}, "pending": True},
            {
                "$set": {"dead": reason, "set_aside_at": at, **raised_by(alarm)},
                "$unset": {"pending": ""},
            },
        )
        return done.modified_count > 0

    async def put_back(self, ids: Sequence[str]) -> list[Event]:
        """Have events that were set aside wait to be applied again; return which they are."""
        cursor = self.documents.find({"_id": {"$in": list(ids)}, "set_aside_at": {"$exists": True}})
        found = [event_of(document) async for document in cursor]
        await self.documents.update_many(
            {"_id": {"$in": [event.id for event in found]}, "set_aside_at": {"$exists": True}},
            {
                "$set": {"pending": True},
                "$unset": {"dead": "", "set_aside_at": "", "failures": "", "claims": ""},
            },
        )
        return found

    async def find_set_aside(self, ids: Sequence[str]) -> dict[str, tuple[Event, str, datetime]]:
        """Return those of these events that were set aside, with why and when, by id."""
        cursor = self.documents.find({"_id": {"$in": list(ids)}, "set_aside_at": {"$exists": True}})
        return {document["_id"]: _set_aside_of(document) async for document in cursor}

    async def set_aside_page(self, window: Window) -> Page[tuple[Event, str, datetime]]:
        """Return events that were set aside, with why and when, the latest first."""
        return await page_of(
            self.documents,
            {"set_aside_at": {"$exists": True}},
            window,
            read=_set_aside_of,
            sorting=Sorting("set_aside_at", descending=True),
        )

    async def count_set_aside(self) -> int:
        """Return how many events are set aside."""
        return await self.documents.count_documents({"set_aside_at": {"$exists": True}})

    async def of_users(self, user_ids: Sequence[str], needs: Needs) -> Happened:
        """Return users' events by user and name, oldest first, as rules see them.

        `needs` says for each name since when (None: ever) and which fields.
        """
        found: Happened = {user: {} for user in user_ids}
        if needs and user_ids:
            cursor = self.documents.find(
                asked(user_ids, needs), shown(needs), batch_size=WHOLE_PAGE
            )
            for document in await cursor.sort(OLDEST_FIRST).to_list(None):
                happened(document, found)
        return found

    async def told(
        self,
        user_ids: Sequence[str],
        needs: Needs,
        days: Sequence[Document],
    ) -> list[tuple[str, str, Document]]:
        """Return users' events as `of_users` does, and all that `days` ask for, oldest first.

        Each is whose it is, its name, and what rules see of it.
        """
        ids = {"$in": list(user_ids)}
        clauses: list[Document] = [
            {"user": ids, "name": name} | ({} if since is None else {"at": {"$gte": since}})
            for name, (since, _) in needs.items()
        ]
        clauses += [day for day in days if not _is_among(day, needs)]
        if not clauses or not user_ids:
            return []
        query = clauses[0] if len(clauses) == 1 else {"$or": clauses}
        cursor = self.documents.find(
            query, {"user": 1, "name": 1, "at": 1, "data": 1}, batch_size=WHOLE_PAGE
        )
        return [
            (
                document["user"],
                document["name"],
                {**document.get("data", {}), "time": document["at"]},
            )
            for document in await cursor.sort(OLDEST_FIRST).to_list(None)
        ]

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
    if event.at > event.received_at:
        document["ahead"] = True
    if not pending:  # it starts nothing, which is not the same as having started what there was
        document["past"] = True
    elif not event.is_anonymous:
        document["pending"] = True
    return document


def _set_aside_of(document: Document) -> tuple[Event, str, datetime]:
    return event_of(document), str(document["dead"]), document["set_aside_at"]


def _is_among(day: Document, needs: Needs) -> bool:
    """Whether a day's events are among those that are needed anyway."""
    if day["name"] not in needs:
        return False
    since, _ = needs[day["name"]]
    return since is None or since <= day["at"]["$gte"]


def asked(user_ids: Sequence[str], needs: Needs) -> Document:
    """Return the query for users' events that are needed."""
    wanted = [
        {"name": name} if since is None else {"name": name, "at": {"$gte": since}}
        for name, (since, _) in needs.items()
    ]
    return {"user": {"$in": list(user_ids)}, "$or": wanted}


def shown(needs: Needs) -> Document:
    """Return the projection on what of events is needed."""
    fields = frozenset().union(*(fields for _, fields in needs.values()))
    return {"user": 1, "name": 1, "at": 1, **{f"data.{field}": 1 for field in fields}}


def happened(document: Document, found: Happened) -> None:
    """Add what rules see of an event to what was found of its user's."""
    fields = {**document.get("data", {}), "time": document["at"]}
    found[document["user"]].setdefault(document["name"], []).append(fields)


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
