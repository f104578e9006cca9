"""Segments asked of the database: how many people, and who for example."""

from collections.abc import Mapping, Sequence
from typing import Any

from pymongo.errors import ExecutionTimeout

from models.errors import Invalid
from models.store.database import Document, Store
from models.store.users import from_document
from models.user import User

Stages = Sequence[Mapping[str, Any]]

# A preview must not hold up the database: a segment that takes longer is refused.
_PATIENCE_MS = 20_000


class Segments(Store):
    """Reads users by pipelines that the rules language has made."""

    NAME = "users"

    async def count(self, stages: Stages) -> int:
        """Return how many people pass through the stages."""
        found = await self._run([*stages, {"$count": "people"}])
        return int(found[0]["people"]) if found else 0

    async def sample(self, stages: Stages, *, limit: int) -> list[User]:
        """Return some of the people who pass through the stages."""
        return [
            from_document(document) for document in await self._run([*stages, {"$limit": limit}])
        ]

    async def _run(self, pipeline: Stages) -> list[Document]:
        cursor = self.documents.aggregate(pipeline, maxTimeMS=_PATIENCE_MS, allowDiskUse=True)
        try:
            return [document async for document in cursor]
        except ExecutionTimeout as error:
            raise Invalid("This segment takes too long to look up.", code="TOO_SLOW") from error
