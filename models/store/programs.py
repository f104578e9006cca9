"""Checked programs as bytes, so that not every process checks them. Losing them costs only time."""

from pymongo import ASCENDING, IndexModel

from models.store.database import Store

_KEPT = 90 * 24 * 3600  # seconds


class Programs(Store):
    NAME = "programs"
    INDEXES = (IndexModel([("at", ASCENDING)], name="expiry", expireAfterSeconds=_KEPT),)
    LARGEST = 8 * 1024 * 1024

    async def find(self, key: str) -> bytes | None:
        """Return what was kept under a key."""
        document = await self.documents.find_one({"_id": key})
        return bytes(document["packed"]) if document else None

    async def keep(self, key: str, packed: bytes) -> None:
        """Keep a program under its key. Safe to repeat."""
        if len(packed) <= self.LARGEST:
            change = {"$set": {"packed": packed}, "$currentDate": {"at": True}}
            await self.documents.update_one({"_id": key}, change, upsert=True)
