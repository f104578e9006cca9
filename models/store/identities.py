"""Who an address belongs to: one document per e-mail address, unique by its hash."""

import hashlib
from collections.abc import Mapping, Sequence

from pymongo import ASCENDING, IndexModel, ReturnDocument, UpdateOne
from pymongo.errors import DuplicateKeyError

from models.store.database import Store


class Identities(Store):
    NAME = "identities"
    INDEXES = (IndexModel([("user", ASCENDING)]),)

    async def find_user_id(self, email: str) -> str | None:
        """Return whose address this is. `email` is normalised."""
        document = await self.documents.find_one({"_id": email_key(email)})
        return None if document is None else str(document["user"])

    async def claim(self, email: str, user_id: str) -> str | None:
        """Claim the address for a person being registered and return the id to register under.

        That is an earlier id if a registration with this address was cut short. None if the
        address is taken.
        """
        try:
            document = await self.documents.find_one_and_update(
                {"_id": email_key(email), "pending": True},
                {"$setOnInsert": {"user": user_id}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        except DuplicateKeyError:
            # The address is there, and not pending.
            return None
        return None if document is None else str(document["user"])

    async def is_taken(self, email: str) -> bool:
        """Whether an address is someone's for good. `email` is normalised."""
        query = {"_id": email_key(email), "pending": {"$ne": True}}
        return await self.documents.find_one(query, {"_id": 1}) is not None

    async def settle(self, email: str, user_id: str) -> None:
        """Make the address this person's for good. Safe to repeat."""
        await self.documents.update_one(
            {"_id": email_key(email)},
            {"$set": {"user": user_id}, "$unset": {"pending": ""}},
            upsert=True,
        )

    async def find_external(self, external_ids: Sequence[str]) -> dict[str, str]:
        """Return whose these ids of other systems are; unknown ones are left out."""
        return await self._owners({external_key(each): each for each in external_ids})

    async def _owners(self, keys: Mapping[str, str]) -> dict[str, str]:
        cursor = self.documents.find({"_id": {"$in": list(keys)}})
        return {keys[document["_id"]]: str(document["user"]) async for document in cursor}

    async def external_of(self, user_ids: Sequence[str]) -> dict[str, list[str]]:
        """Return the ids that these people have in other systems, by their own."""
        prefix = external_key("")
        query = {"user": {"$in": list(user_ids)}, "_id": {"$gte": prefix, "$lt": "external;"}}
        found: dict[str, list[str]] = {}
        async for document in self.documents.find(query).sort("_id", ASCENDING):
            found.setdefault(document["user"], []).append(document["_id"].removeprefix(prefix))
        return found

    async def link_external(self, external_id: str, user_id: str) -> str:
        """Make another system's id this person's unless it is someone's; return whose it is."""
        document = await self.documents.find_one_and_update(
            {"_id": external_key(external_id)},
            {"$setOnInsert": {"user": user_id}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return str(document["user"])

    async def find_emails(self, emails: Sequence[str]) -> dict[str, str]:
        """Return whose these normalised addresses are; unknown ones are left out."""
        return await self._owners({email_key(each): each for each in emails})

    async def link_many(self, external: Mapping[str, str], emails: Mapping[str, str]) -> bool:
        """Make other systems' ids and addresses people's unless they are someone's, in bulk.

        Return whether each is now the one's that was meant.
        """
        wanted = {external_key(key): user_id for key, user_id in external.items()}
        wanted |= {email_key(email): user_id for email, user_id in emails.items()}
        if not wanted:
            return True
        await self._insert_missing({"_id": key, "user": user} for key, user in wanted.items())
        cursor = self.documents.find({"_id": {"$in": list(wanted)}})
        found = {document["_id"]: document["user"] async for document in cursor}
        return found == wanted

    async def find_visitors(self, visitors: Sequence[str]) -> dict[str, str]:
        """Return who these visitors are; those whom nobody knows are left out."""
        return await self._owners({visitor_key(each): each for each in visitors})

    async def link_visitor(self, visitor: str, user_id: str) -> None:
        """Make a visitor this person from now on, whoever they were before. Safe to repeat."""
        await self.documents.update_one(
            {"_id": visitor_key(visitor)}, {"$set": {"user": user_id}}, upsert=True
        )

    async def settle_many(self, users: Mapping[str, str]) -> None:
        """Make each address its person's, in bulk: for imports. Maps addresses to ids."""
        if users:
            await self.documents.bulk_write(
                [
                    UpdateOne({"_id": email_key(email)}, {"$set": {"user": user_id}}, upsert=True)
                    for email, user_id in users.items()
                ],
                ordered=False,
            )


def external_key(external_id: str) -> str:
    """Return the identity that a person has in another system."""
    return "external:" + external_id


def visitor_key(visitor: str) -> str:
    """Return the identity of a visitor, by the id that a source gave them."""
    return "visitor:" + visitor


def email_key(email: str) -> str:
    """Return the identity of a normalised address: a hash, so that the key tells nothing."""
    return "email:" + hashlib.sha256(email.encode()).hexdigest()
