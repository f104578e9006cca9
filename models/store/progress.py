"""How far the demo's import has come, so that one that was cut short goes on where it was."""

from typing import Any

from models.store.database import Document, Store


class Progress(Store):
    NAME = "progress"

    async def find(self, name: str) -> Document | None:
        """Return what is noted of the import `name`, if it has begun."""
        return await self.documents.find_one({"_id": name})

    async def begin(self, name: str, **notes: Any) -> Document:
        """Note that the import has begun, unless it had: then what was noted stands."""
        await self.documents.update_one({"_id": name}, {"$setOnInsert": notes}, upsert=True)
        found = await self.documents.find_one({"_id": name})
        assert found is not None  # nothing deletes imports
        return found

    async def note(self, name: str, **notes: Any) -> None:
        """Note how far it has come."""
        await self.documents.update_one({"_id": name}, {"$set": notes})
