"""Fenced leases: one holder at a time, by the clock of the database.

The database's clock decides what has run out, so it does not matter whether those who compete
agree on the time, and a replay's accelerated clock changes nothing.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ReturnDocument, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from models.ids import new_id
from models.lease import Lease
from models.store.database import Store, duplicates

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_LET_GO = {"until": _LONG_AGO, "claim": ""}


class Leases(Store):
    NAME = "leases"

    async def acquire(self, name: str, *, seconds: float) -> Lease | None:
        """Take the lease if nobody holds it, with a higher token than anyone before.

        None while another holds it. Taking it again counts as another.
        """
        claim = new_id()
        try:
            document = await self.documents.find_one_and_update(
                {"_id": name},
                _take(claim, seconds),
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        except DuplicateKeyError:  # two made the first document at once; the other was first
            return None
        return _lease(document) if document and document["claim"] == claim else None

    async def acquire_all(self, names: Sequence[str], *, seconds: float) -> list[Lease]:
        """Take those of these leases that nobody holds, by their names."""
        claim = new_id()
        take = _take(claim, seconds)
        try:
            await self.documents.bulk_write(
                [UpdateOne({"_id": name}, take, upsert=True) for name in names], ordered=False
            )
        except BulkWriteError as error:  # as with one
            duplicates(error)
        cursor = self.documents.find({"_id": {"$in": list(names)}, "claim": claim}).sort("_id")
        return [_lease(document) async for document in cursor]

    async def renew_all(self, leases: Sequence[Lease], *, seconds: float) -> bool:
        """Keep leases for `seconds` from now; False if any of them has been taken meanwhile."""
        result = await self.documents.update_many(
            _held(leases), [{"$set": {"until": _in(seconds)}}]
        )
        return result.matched_count == len(leases)

    async def release_all(self, leases: Sequence[Lease]) -> None:
        """Let others have these leases at once."""
        await self.documents.update_many(_held(leases), {"$set": _LET_GO})

    async def renew(self, lease: Lease, *, seconds: float) -> Lease | None:
        """Keep the lease for `seconds` from now; None if another has taken it meanwhile."""
        document = await self.documents.find_one_and_update(
            {"_id": lease.name, "claim": lease.claim},
            [{"$set": {"until": _in(seconds)}}],
            return_document=ReturnDocument.AFTER,
        )
        return _lease(document) if document else None

    async def release(self, lease: Lease) -> None:
        """Let others have it at once. Without effect if another has taken it already."""
        await self.documents.update_one(
            {"_id": lease.name, "claim": lease.claim}, {"$set": _LET_GO}
        )

    async def holds(self, lease: Lease) -> bool:
        """Whether the lease is still this holder's and has not run out."""
        found = await self.documents.find_one(
            {"_id": lease.name, "claim": lease.claim, "$expr": {"$gt": ["$until", "$$NOW"]}},
            {"_id": 1},
        )
        return found is not None


def _take(claim: str, seconds: float) -> list[dict[str, Any]]:
    free = {"$lte": [{"$ifNull": ["$until", _LONG_AGO]}, "$$NOW"]}
    return [
        {"$set": {"free": free}},
        {
            "$set": {
                "token": _if_free({"$add": [{"$ifNull": ["$token", 0]}, 1]}, "$token"),
                "claim": _if_free(claim, "$claim"),
                "until": _if_free(_in(seconds), "$until"),
                "abandoned": _if_free({"$ne": [{"$ifNull": ["$claim", ""]}, ""]}, "$abandoned"),
            }
        },
        {"$unset": "free"},
    ]


def _held(leases: Sequence[Lease]) -> dict[str, Any]:
    """Return a query of leases that one holder took; another's claim is another."""
    return {
        "_id": {"$in": [lease.name for lease in leases]},
        "claim": {"$in": sorted({lease.claim for lease in leases})},
    }


def _if_free(then: Any, otherwise: Any) -> dict[str, Any]:
    return {"$cond": ["$free", then, otherwise]}


def _in(seconds: float) -> dict[str, Any]:
    return {"$add": ["$$NOW", int(timedelta(seconds=seconds) / timedelta(milliseconds=1))]}


def _lease(document: dict[str, Any]) -> Lease:
    return Lease(
        document["_id"],
        document["token"],
        document["claim"],
        document["until"],
        document.get("abandoned") is True,
    )
