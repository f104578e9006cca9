"""Fenced leases: one holder at a time, by the clock of the database.

The database's clock decides what has run out, so it does not matter whether those who compete
agree on the time, and a replay's accelerated clock changes nothing.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from models.ids import new_id
from models.lease import Lease
from models.store.database import Store

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Leases(Store):
    NAME = "leases"

    async def acquire(self, name: str, *, seconds: float) -> Lease | None:
        """Take the lease if nobody holds it, with a higher token than anyone before.

        None while another holds it. Taking it again counts as another.
        """
        claim = new_id()
        free = {"$lte": [{"$ifNull": ["$until", _LONG_AGO]}, "$$NOW"]}
        take: list[dict[str, Any]] = [
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
        try:
            document = await self.documents.find_one_and_update(
                {"_id": name}, take, upsert=True, return_document=ReturnDocument.AFTER
            )
        except DuplicateKeyError:  # two made the first document at once; the other was first
            return None
        return _lease(document) if document and document["claim"] == claim else None

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
            {"_id": lease.name, "claim": lease.claim}, {"$set": {"until": _LONG_AGO, "claim": ""}}
        )

    async def holds(self, lease: Lease) -> bool:
        """Whether the lease is still this holder's and has not run out."""
        found = await self.documents.find_one(
            {"_id": lease.name, "claim": lease.claim, "$expr": {"$gt": ["$until", "$$NOW"]}},
            {"_id": 1},
        )
        return found is not None


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
