"""Counters of tries per window of time, kept where a restart does not forget them."""

from datetime import datetime, timedelta

from pymongo import ASCENDING, IndexModel, ReturnDocument

from models.store.database import Store


class Throttles(Store):
    NAME = "throttles"
    INDEXES = (IndexModel([("until", ASCENDING)], expireAfterSeconds=0),)

    async def take(self, key: str, *, window: timedelta, now: datetime) -> tuple[int, datetime]:
        """Count one more try; return how many there are in this window and when it ends.

        Counted before the try, so that tries at the same moment cannot all slip through.
        """
        over = {"$lte": [{"$ifNull": ["$until", now]}, now]}
        document = await self.documents.find_one_and_update(
            {"_id": {"$eq": key}},
            [
                {
                    "$set": {
                        "count": {"$cond": [over, 1, {"$add": ["$count", 1]}]},
                        "until": {"$cond": [over, now + window, "$until"]},
                    }
                }
            ],
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        assert document is not None  # an upsert always answers
        return document["count"], document["until"]

    async def give_back(self, key: str) -> None:
        """Take back one try that turned out well."""
        await self.documents.update_one(
            {"_id": {"$eq": key}, "count": {"$gt": 0}}, {"$inc": {"count": -1}}
        )

    async def forget(self, key: str) -> None:
        """Start over."""
        await self.documents.delete_one({"_id": {"$eq": key}})
