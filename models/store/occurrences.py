"""Occurrences as documents: planned ahead, found by when they are due, worked on by one at a time.

`open` is there until nothing is left to do; the partial index over it holds only what is to come.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pymongo import ASCENDING, IndexModel, ReturnDocument

from models.occurrence import Occurrence, OccurrenceState
from models.store.database import Document, Store

_KEPT = timedelta(days=62)  # no occasion is ever planned that far in the past
_OPEN = {"open": True}


class Occurrences(Store):
    NAME = "occurrences"
    INDEXES = (
        IndexModel([("open", ASCENDING), ("at", ASCENDING)], name="open", sparse=True),
        IndexModel(
            [("done_at", ASCENDING)], name="done", expireAfterSeconds=int(_KEPT.total_seconds())
        ),
    )

    async def plan(self, occurrences: Sequence[Occurrence]) -> None:
        """Insert occurrences. One that is there already, whatever has become of it, stays."""
        await self._insert_missing(_document(each) for each in occurrences)

    async def due(
        self, now: datetime, *, wall: datetime, paused: Sequence[str], limit: int
    ) -> list[str]:
        """Return those whose time has come and that nobody works on, the earliest first."""
        cursor = (
            self.documents.find(
                _OPEN
                | {
                    "at": {"$lte": now},
                    "campaign": {"$nin": list(paused)},
                    "$or": [{"until": {"$exists": False}}, {"until": {"$lte": wall}}],
                },
                {"_id": 1},
            )
            .sort("at", ASCENDING)
            .limit(limit)
        )
        return [document["_id"] async for document in cursor]

    async def planned(self) -> list[Occurrence]:
        """Return all that have not been opened."""
        cursor = self.documents.find(_OPEN | {"state": OccurrenceState.PLANNED.value})
        return [_occurrence(document) async for document in cursor]

    async def drop(self, ids: Sequence[str]) -> None:
        """Remove those of these that have not been opened."""
        if ids:
            await self.documents.delete_many(
                {"_id": {"$in": list(ids)}, "state": OccurrenceState.PLANNED.value}
            )

    async def claim(
        self, occurrence_id: str, token: str, *, wall: datetime, lease: timedelta
    ) -> Occurrence | None:
        """Take one that nobody works on. Counted here, so that a kill counts too."""
        document = await self.documents.find_one_and_update(
            _OPEN
            | {
                "_id": {"$eq": occurrence_id},
                "$or": [{"until": {"$exists": False}}, {"until": {"$lte": wall}}],
            },
            {"$set": {"until": wall + lease, "claim": token}, "$inc": {"claims": 1}},
            return_document=ReturnDocument.AFTER,
        )
        return _occurrence(document) if document else None

    async def open(self, occurrence: Occurrence, token: str) -> bool:
        """Record by which version it is carried out. False if another has taken it meanwhile."""
        result = await self.documents.update_one(
            {"_id": occurrence.id, "claim": token},
            {
                "$set": {
                    "state": OccurrenceState.OPEN.value,
                    "publication": occurrence.publication,
                    "opened_at": occurrence.opened_at,
                }
            },
        )
        return result.matched_count > 0

    async def advance(self, occurrence: Occurrence, token: str, *, until: datetime) -> bool:
        """Record how far the work has come. False if another has taken it meanwhile."""
        result = await self.documents.update_one(
            {"_id": occurrence.id, "claim": token},
            {
                "$set": {
                    "after": occurrence.after,
                    "people": occurrence.people,
                    "claims": 0,
                    "until": until,
                }
            },
        )
        return result.matched_count > 0

    async def release(self, occurrence: Occurrence, token: str) -> None:
        """Let others go on with it at once."""
        await self.documents.update_one(
            {"_id": occurrence.id, "claim": token}, {"$unset": {"until": "", "claim": ""}}
        )

    async def finish(self, occurrence: Occurrence, token: str, *, wall: datetime) -> bool:
        """Record that nothing is left to do. False if another has taken it meanwhile."""
        result = await self.documents.update_one(
            {"_id": occurrence.id, "claim": token},
            {
                "$set": {
                    "state": occurrence.state.value,
                    "reason": occurrence.reason,
                    "done_at": wall,
                },
                "$unset": {"open": "", "until": "", "claim": ""},
            },
        )
        return result.matched_count > 0


def _document(occurrence: Occurrence) -> Document:
    return {
        "_id": occurrence.id,
        "open": True,
        "trigger": occurrence.trigger,
        "campaign": occurrence.campaign_id,
        "zone": occurrence.zone,
        "own": occurrence.own,
        "local": occurrence.local,
        "at": occurrence.at,
        "state": occurrence.state.value,
        "publication": occurrence.publication,
        "opened_at": occurrence.opened_at,
        "after": occurrence.after,
        "people": occurrence.people,
        "claims": occurrence.claims,
        "reason": occurrence.reason,
    }


def _occurrence(document: Document) -> Occurrence:
    return Occurrence(
        id=document["_id"],
        trigger=document["trigger"],
        campaign_id=document["campaign"],
        zone=document["zone"],
        own=document["own"],
        local=document["local"],
        at=document["at"],
        state=OccurrenceState(document["state"]),
        publication=document["publication"],
        opened_at=document["opened_at"],
        after=document["after"],
        people=document["people"],
        claims=document["claims"],
        reason=document["reason"],
    )
