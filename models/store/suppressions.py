"""Addresses that are not written to. Kept as keyed hashes: the list gives no address away."""

from collections.abc import Iterable
from datetime import datetime

from models.messaging import Bar
from models.store.database import Store


class Suppressions(Store):
    NAME = "suppressions"

    async def add(self, key: str, channel: str, bar: Bar, *, now: datetime) -> None:
        """Put an address on the list. One that bounces stays so, whatever else is said of it."""
        kept = {"$cond": [{"$eq": ["$bar", Bar.BOUNCE.value]}, "$bar", bar.value]}
        await self.documents.update_one(
            {"_id": {"$eq": key}},
            [{"$set": {"channel": channel, "bar": kept, "at": {"$ifNull": ["$at", now]}}}],
            upsert=True,
        )

    async def remove(self, key: str) -> bool:
        """Take an address off the list; False if it was not on it."""
        return (await self.documents.delete_one({"_id": {"$eq": key}})).deleted_count > 0

    async def find_many(self, keys: Iterable[str]) -> dict[str, Bar]:
        """Return those of these addresses that are on the list, and why."""
        cursor = self.documents.find({"_id": {"$in": list(keys)}})
        return {document["_id"]: Bar(document["bar"]) async for document in cursor}
