"""What events, runs and effects left behind, read from end to end for `fanfare verify` alone."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from models.event import Event
from models.store.database import Document, Store
from models.store.events import event_of

_PAGE = 1_000
_ENDS = ("sent", "unknown", "failed", "skipped")


class Traces(Store):
    """Reads other stores' collections; slow, and without effect on anything."""

    NAME = "events"

    async def acknowledged(self) -> Counter[datetime]:
        """Return how many events were answered as accepted, by the moment they came in."""
        return await self._sums("batches", "$received_at", "$accepted")

    async def received(self) -> Counter[datetime]:
        """Return how many events there are, by the moment they came in."""
        told_at = {"$ifNull": ["$told_at", "$received_at"]}
        return await self._sums("events", told_at, 1)

    async def publications(self) -> list[int]:
        """Return the publications that any event was received under."""
        return list(await self.documents.distinct("publication"))

    async def applied(self, names: Sequence[str]) -> AsyncIterator[list[Event]]:
        """Yield events of these names from which all has followed that ever will, in pages."""
        over = {"pending": {"$exists": False}, "dead": {"$exists": False}}
        lived = {"past": {"$exists": False}, "name": {"$in": list(names)}}
        page: list[Event] = []
        async for document in self.documents.find({**over, **lived}):
            page.append(event_of(document))
            if len(page) == _PAGE:
                yield page
                page = []
        if page:
            yield page

    async def events(self, ids: Sequence[str]) -> dict[str, Event]:
        """Return events by id."""
        cursor = self.documents.find({"_id": {"$in": list(ids)}})
        return {document["_id"]: event_of(document) async for document in cursor}

    async def runs(self) -> AsyncIterator[list[Document]]:
        """Yield all runs in pages, without what they remember."""
        fields = dict.fromkeys(
            ("trigger", "user", "publication", "started_by", "started_at", "state", "unsettled"), 1
        )
        fields["told"] = {"$ne": ["$event", {}]}  # type: ignore[assignment]
        async for page in self._pages("runs", {}, fields):
            yield page

    async def existing_runs(self, ids: Sequence[str]) -> frozenset[str]:
        """Return which of these runs there are."""
        cursor = self.database["runs"].find({"_id": {"$in": list(ids)}}, {"_id": 1})
        return frozenset([document["_id"] async for document in cursor])

    async def has_run(self, trigger: str, user_id: str) -> bool:
        """Whether a trigger ever started a run for this user."""
        query = {"user": user_id, "trigger": trigger}
        return await self.database["runs"].find_one(query, {"_id": 1}) is not None

    async def effects_of(self, runs: Sequence[str]) -> dict[str, list[Document]]:
        """Return the effects of these runs, by run."""
        found: dict[str, list[Document]] = {}
        fields = dict.fromkeys(("run", "step", "user", "publication", "trigger"), 1)
        cursor = self.database["effects"].find({"run": {"$in": list(runs)}}, fields)
        async for document in cursor:
            found.setdefault(document["run"], []).append(document)
        return found

    async def unfounded_effects(self) -> list[str]:
        """Return effects of runs that there are not."""
        pipeline: list[Document] = [
            {"$lookup": {"from": "runs", "localField": "run", "foreignField": "_id", "as": "runs"}},
            {"$match": {"runs": []}},
        ]
        cursor = self.database["effects"].aggregate(pipeline, allowDiskUse=True)
        return [row["_id"] async for row in cursor]

    async def entries(self) -> AsyncIterator[list[Document]]:
        """Yield all entries in lotteries, in pages."""
        async for page in self._pages("entries", {}, None):
            yield page

    async def paid_for_nothing(self) -> list[str]:
        """Return transfers of points for entries in lotteries that there are not."""
        pipeline: list[Document] = [
            {"$match": {"_id": {"$regex": "^lottery:"}}},
            {"$set": {"entry": {"$substrCP": ["$_id", 8, {"$strLenCP": "$_id"}]}}},
            {
                "$lookup": {
                    "from": "entries",
                    "localField": "entry",
                    "foreignField": "_id",
                    "as": "entries",
                }
            },
            {"$match": {"entries": []}},
        ]
        return [row["_id"] async for row in self.database["points"].aggregate(pipeline)]

    async def existing(self, collection: str, ids: Sequence[str]) -> frozenset[str]:
        """Return which of these ids a collection has."""
        cursor = self.database[collection].find({"_id": {"$in": list(ids)}}, {"_id": 1})
        return frozenset([document["_id"] async for document in cursor])

    async def entries_of(self, draw: str, user_id: str) -> int:
        """Return how often someone takes part in a draw."""
        query = {"draw": draw, "user": user_id}
        return await self.database["entries"].count_documents(query)

    async def misnamed_effects(self) -> list[str]:
        """Return effects that are not known by what they are: the step of a run."""
        name = {"$concat": ["$run", ":", "$step"]}
        cursor = self.database["effects"].find({"$expr": {"$ne": ["$_id", name]}}, {"_id": 1})
        return [document["_id"] async for document in cursor]

    async def forgotten_messages(self) -> list[str]:
        """Return messages that are neither at their end nor known to be looked at again."""
        query = {"state": {"$in": ["pending", "sending"]}, "next_at": {"$exists": False}}
        return [row["_id"] async for row in self.database["effects"].find(query, {"_id": 1})]

    async def ends_of_messages(self) -> list[Document]:
        """Return messages of which the feed tells several ends, or another than the ledger."""
        kinds = [f"{kind}.{end}" for kind in ("message", "call") for end in _ENDS]
        pipeline: list[Document] = [
            {"$unwind": "$entries"},
            {"$match": {"entries.type": {"$in": kinds}}},
            {"$group": {"_id": "$entries.data.message", "ends": {"$addToSet": "$entries.type"}}},
            {
                "$lookup": {
                    "from": "effects",
                    "localField": "_id",
                    "foreignField": "_id",
                    "as": "effect",
                }
            },
            {"$set": {"effect": {"$first": "$effect"}}},
            {"$set": {"kept": {"$concat": ["$effect.kind", ".", "$effect.state"]}}},
            {
                "$match": {
                    "$expr": {
                        "$or": [
                            {"$gt": [{"$size": "$ends"}, 1]},
                            {
                                "$and": [
                                    {"$ne": ["$kept", None]},
                                    {"$not": {"$in": ["$kept", "$ends"]}},
                                ]
                            },
                        ]
                    }
                }
            },
            {"$project": {"ends": 1, "kept": 1}},
        ]
        cursor = self.database["feed"].aggregate(pipeline, allowDiskUse=True)
        return [row async for row in cursor]

    async def acted(self) -> AsyncIterator[tuple[str, str, list[tuple[datetime, int]]]]:
        """Yield trigger, user, and when runs began that did something, with their publications."""
        counted = {"$or": [{"acted": True}, {"state": "waiting"}]}
        pipeline: list[Document] = [
            {"$match": counted},
            {"$sort": {"started_at": 1}},
            {
                "$group": {
                    "_id": {"trigger": "$trigger", "user": "$user"},
                    "runs": {"$push": {"at": "$started_at", "publication": "$publication"}},
                }
            },
            {"$match": {"runs.1": {"$exists": True}}},
        ]
        async for row in self.database["runs"].aggregate(pipeline, allowDiskUse=True):
            runs = [(run["at"], run["publication"]) for run in row["runs"]]
            yield row["_id"]["trigger"], row["_id"]["user"], runs

    async def counted_runs(self) -> dict[str, tuple[int, list[int]]]:
        """Return how many runs hold a place of their trigger's total limit, and since when."""
        holds = {"counted": True, "$or": [{"acted": True}, {"state": "waiting"}]}
        pipeline: list[Document] = [
            {"$match": holds},
            {
                "$group": {
                    "_id": "$trigger",
                    "runs": {"$sum": 1},
                    "publications": {"$addToSet": "$publication"},
                }
            },
        ]
        cursor = self.database["runs"].aggregate(pipeline)
        return {row["_id"]: (row["runs"], row["publications"]) async for row in cursor}

    async def _pages(
        self, collection: str, query: Document, fields: Mapping[str, Any] | None
    ) -> AsyncIterator[list[Document]]:
        page: list[Document] = []
        async for document in self.database[collection].find(query, fields):
            page.append(document)
            if len(page) == _PAGE:
                yield page
                page = []
        if page:
            yield page

    async def _sums(self, collection: str, key: object, value: object) -> Counter[datetime]:
        pipeline = [{"$group": {"_id": key, "count": {"$sum": value}}}]
        cursor = self.database[collection].aggregate(pipeline, allowDiskUse=True)
        return Counter({row["_id"]: row["count"] async for row in cursor})
