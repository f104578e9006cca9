"""Alerts of what is about to be set aside: kept from before that until they are told.

Whoever sets something aside leaves on it which alarm says so: an alarm is true if what it is of
bears its number.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from models.feed import FeedEntry
from models.ids import new_id
from models.store.database import Document, Store
from models.store.outbox import entry_document, entry_of


@dataclass(frozen=True, slots=True)
class Alarm:
    number: str  # a ULID, of when it was noted
    alert: FeedEntry
    is_true: bool


class Alarms(Store):
    NAME = "alarms"

    async def note(self, alert: FeedEntry, of: Store, key: str) -> str:
        """Keep an alert of what is to be set aside, a document of a store; return its number."""
        number = new_id()
        about = {"alert": alert.id, "of": {"collection": of.NAME, "key": key}}
        await self.documents.insert_one(entry_document(alert) | about | {"_id": number})
        return number

    async def forget(self, number: str) -> None:
        """Forget an alert that is told, or has come to nothing. Safe to repeat."""
        await self.documents.delete_one({"_id": {"$eq": number}})

    async def all(self) -> AsyncIterator[Alarm]:
        """Give all that are kept, the oldest first."""
        async for document in self.documents.find().sort("_id"):
            number, of = document["_id"], document["of"]
            borne = {"_id": of["key"], **mark(number)}
            found = await self.database[of["collection"]].find_one(borne, {"_id": 1})
            alert = entry_of({**document, "_id": document["alert"]})
            yield Alarm(number, alert, found is not None)


def mark(number: str) -> Document:
    """Return the field of what is set aside that says by which alarm."""
    return {"alarm": number}
