"""Segments asked of the database: how many people, and who for example."""

from collections.abc import Mapping, Sequence
from typing import Any

from pymongo.errors import PyMongoError

from models.errors import Invalid
from models.store.database import Database, Document, Store
from models.store.users import PROFILE, from_document
from models.user import User

Stages = Sequence[Mapping[str, Any]]

# Seconds. Looking through everyone takes longer than one lookup, but must not hold up the rest.
_PATIENCE = 20.0


class Segments(Store):
    """Reads users by pipelines that the rules language has made."""

    NAME = "users"

    def __init__(self, database: Database, *, patience: float | None = None) -> None:
        """Bind to a database, with a patience of its own."""
        super().__init__(database, patience=None if patience is None else _PATIENCE)

    async def count(self, stages: Stages) -> int:
        """Return how many people pass through the stages."""
        found = await self._run([*stages, {"$count": "people"}])
        return int(found[0]["people"]) if found else 0

    async def sample(self, stages: Stages, *, limit: int) -> list[User]:
        """Return some of the people who pass through the stages."""
        return [
            from_document(document)
            for document in await self._run([*stages, {"$limit": limit}, {"$project": PROFILE}])
        ]

    async def shared(self, stages: Stages, live: Mapping[str, int]) -> dict[str, int]:
        """Return how many of the people who pass through the stages are in each live segment."""
        sets = {f"{name}|{number}": name for name, number in live.items()}
        if not sets:
            return {}
        lookup = {
            "from": "memberships",
            "localField": "_id",
            "foreignField": "user",
            "pipeline": [
                {"$match": {"set": {"$in": list(sets)}}},
                {"$project": {"_id": 0, "set": 1}},
            ],
            "as": "in",
        }
        found = await self._run(
            [
                *stages,
                {"$project": {"_id": 1}},
                {"$lookup": lookup},
                {"$unwind": "$in"},
                {"$group": {"_id": "$in.set", "people": {"$sum": 1}}},
            ]
        )
        return {sets[each["_id"]]: int(each["people"]) for each in found}

    async def page(
        self, stages: Stages, *, zones: Sequence[str | None] | None, after: str | None, limit: int
    ) -> list[str]:
        """Return the ids, in order, of people who pass through the stages.

        `zones` are the zones of those to be asked (None: of those who have none), None for all.
        """
        asked: Document = {}
        if zones is not None:
            asked["timezone"] = {"$in": list(zones)}
        if after is not None:
            asked["_id"] = {"$gt": after}
        found = await self._run(
            [
                {"$match": asked},
                {"$sort": {"_id": 1}},
                *stages,
                {"$limit": limit},
                {"$project": {"_id": 1}},
            ]
        )
        return [document["_id"] for document in found]

    async def compare(self, before: Stages | None, after: Stages | None) -> tuple[int, int, int]:
        """Return how many people pass only through the stages after, only before, and both."""
        if before is None or after is None:
            gained = await self.count(after) if after is not None else 0
            lost = await self.count(before) if before is not None else 0
            return gained, lost, 0
        sides: list[Mapping[str, Any]] = [
            *_marked(after, 1),
            {"$unionWith": {"coll": self.NAME, "pipeline": _marked(before, 2)}},
            {"$group": {"_id": "$_id", "sides": {"$sum": "$side"}}},
            {"$group": {"_id": "$sides", "people": {"$sum": 1}}},
        ]
        counts = {found["_id"]: int(found["people"]) for found in await self._run(sides)}
        return counts.get(1, 0), counts.get(2, 0), counts.get(3, 0)

    async def _run(self, pipeline: Stages) -> list[Document]:
        cursor = self.documents.aggregate(pipeline, allowDiskUse=True)
        try:
            return [document async for document in cursor]
        except PyMongoError as error:
            if error.timeout:
                raise Invalid("This segment takes too long to look up.", code="TOO_SLOW") from error
            raise


def _marked(stages: Stages, side: int) -> list[Mapping[str, Any]]:
    return [*stages, {"$project": {"side": {"$literal": side}}}]
