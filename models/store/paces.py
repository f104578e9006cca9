"""How far each trigger's starts are spread: whoever starts someone takes the next free instant."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ReturnDocument

from models.store.database import Store

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Paces(Store):
    """One document per trigger: the first instant that is not taken, in whole microseconds."""

    NAME = "paces"

    async def take(self, trigger: str, span: timedelta, *, after: datetime) -> datetime:
        """Take so much time, the next that is free from `after` on; return its beginning.

        What is taken and not used is lost, which makes the pace slower and never faster.
        """
        length, earliest = span // _MICROSECOND, (after - _EPOCH) // _MICROSECOND
        free: dict[str, Any] = {"$max": [{"$ifNull": ["$free", earliest]}, earliest]}
        document = await self.documents.find_one_and_update(
            {"_id": {"$eq": trigger}},
            [{"$set": {"free": {"$add": [free, length]}}}],
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        assert document is not None  # an upsert always answers
        return _EPOCH + (int(document["free"]) - length) * _MICROSECOND
