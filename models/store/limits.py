"""Totals that must not be exceeded, however many lanes draw on them at once."""

from typing import ClassVar

from pymongo.errors import DuplicateKeyError

from models.store.database import Store


class Limits(Store):
    """One document per limit: how much is taken, and by whom most recently.

    The names of recent holders make taking and giving back safe to repeat after a crash.
    """

    NAME = "limits"
    REMEMBERED: ClassVar[int] = 1_000

    async def take(self, limit: str, holder: str, *, most: int) -> bool:
        """Take one for `holder` if fewer than `most` are taken. A holder takes only one.

        Who gave theirs back, and was then killed, takes it anew.
        """
        try:
            result = await self.documents.update_one(
                {"_id": limit, "taken": {"$lt": most}, "holders": {"$ne": holder}},
                {"$inc": {"taken": 1}, "$push": {"holders": self._remember(holder)}},
                upsert=True,
            )
        except DuplicateKeyError:  # it is there, and either full or this holder's already
            anew = await self.documents.update_one(
                {"_id": limit, "taken": {"$lt": most}, "holders": holder, "returned": holder},
                {"$inc": {"taken": 1}, "$pull": {"returned": holder}},
            )
            has = {"_id": limit, "holders": holder, "returned": {"$ne": holder}}
            return anew.modified_count > 0 or await self.documents.count_documents(has) > 0
        return result.modified_count > 0 or result.upserted_id is not None

    async def hand_over(self, limit: str, holder: str, to: str) -> bool:
        """Have `to` take the place of `holder`; False if that has none. Safe to repeat.

        Of a holder so long ago that it is forgotten the word is taken that it has one.
        """
        done = await self.documents.update_one(
            {"_id": limit, "holders": {"$ne": to}, "returned": {"$ne": holder}},
            {"$push": {"holders": self._remember(to), "returned": self._remember(holder)}},
        )
        has = {"_id": limit, "holders": to, "returned": {"$ne": to}}
        return done.modified_count > 0 or await self.documents.count_documents(has) > 0

    async def taken(self, limit: str) -> int:
        """Return how many are taken."""
        document = await self.documents.find_one({"_id": {"$eq": limit}}, {"taken": 1})
        return int(document["taken"]) if document else 0

    async def give_back(self, limit: str, holder: str) -> None:
        """Return what `holder` took and did not use."""
        await self.documents.update_one(
            {"_id": limit, "holders": holder, "returned": {"$ne": holder}, "taken": {"$gt": 0}},
            {"$inc": {"taken": -1}, "$push": {"returned": self._remember(holder)}},
        )

    def _remember(self, holder: str) -> dict[str, object]:
        return {"$each": [holder], "$slice": -self.REMEMBERED}
