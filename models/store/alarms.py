"""Alerts of what is about to be set aside: kept from before that until they are told.

Whoever sets something aside leaves on it which alarm says so: an alarm is true if what it is of
says that it was raised by it.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from models.feed import FeedEntry
from models.ids import new_id
from models.store.database import Document, Store
from models.store.outbox import entry_document, entry_of

FIELD = "alarm"


@dataclass(frozen=True, slots=True)
class Alarm:
    id: str
    alert: FeedEntry
    is_true: bool


class Alarms(Store):
    NAME = "alarms"

    async def note(self, alert: FeedEntry, of: Store, key: str) -> str:
        """Keep an alert of a store's document that is to be set aside; return the alarm's id."""
        alarm = new_id()
        about = {"alert": alert.id, "of": {"collection": of.NAME, "key": key}}
        await self.documents.insert_one(entry_document(alert) | about | {"_id": alarm})
        return alarm

    async def forget(self, alarm: str) -> None:
        """Forget an alert that is told, or has come to nothing. Safe to repeat."""
        await self.documents.delete_one({"_id": {"$eq": alarm}})

    async def all(self) -> AsyncIterator[Alarm]:
        """Give all that are kept, the oldest first."""
        async for document in self.documents.find().sort("_id"):
            alarm, of = document["_id"], document["of"]
            aside = {"_id": of["key"], **raised_by(alarm)}
            found = await self.database[of["collection"]].find_one(aside, {"_id": 1})
            alert = entry_of({**document, "_id": document["alert"]})
            yield Alarm(alarm, alert, found is not None)


def raised_by(alarm: str) -> Document:
    """Return the field of what is set aside that says by which alarm."""
    return {FIELD: alarm}
