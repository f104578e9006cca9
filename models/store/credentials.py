"""Password hashes, apart from everything else about a person."""

from datetime import datetime

from pymongo.errors import DuplicateKeyError

from models.store.database import Store


class Credentials(Store):
    NAME = "credentials"

    async def add(self, user_id: str, password_hash: str, *, now: datetime) -> bool:
        """Give a person a password; False if they have one."""
        try:
            await self.documents.insert_one(
                {"_id": user_id, "password": password_hash, "changed_at": now}
            )
        except DuplicateKeyError:
            return False
        return True

    async def put(self, user_id: str, password_hash: str, *, now: datetime) -> None:
        """Give a person a password, whether they have one or not."""
        await self.documents.update_one(
            {"_id": {"$eq": user_id}},
            {"$set": {"password": password_hash, "changed_at": now}},
            upsert=True,
        )

    async def change(self, user_id: str, password_hash: str, *, was: str, now: datetime) -> bool:
        """Give a person another password; False if theirs is not what it `was` any more."""
        result = await self.documents.update_one(
            {"_id": {"$eq": user_id}, "password": {"$eq": was}},
            {"$set": {"password": password_hash, "changed_at": now}},
        )
        return result.matched_count > 0

    async def find(self, user_id: str) -> str | None:
        """Return the hash of a person's password, if they have one."""
        document = await self.documents.find_one({"_id": {"$eq": user_id}})
        return None if document is None else str(document["password"])
