"""What is kept of people's events, on their own documents under `facts`.

    facts: { version, last, measures: { ID: { "2026-03-05": value, … }, … } }

`version` counts writes: each is made of events that were read after the write before it, so that
none can undo what another has seen. `last` is the time of the last event that is in a measure.
Nothing under `facts` is in an index, which would be written with every event.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pymongo import UpdateOne

from models.measure import FactsChange
from models.store.database import BY_ID, Document, Store

Stages = Sequence[Mapping[str, Any]]


class PersonFacts(Store):
    NAME = "users"

    async def page(
        self, *, after: str | None, limit: int
    ) -> list[tuple[str, Mapping[str, Mapping[str, Any]]]]:
        """Return the next people's ids and measures, in order."""
        query: Document = {} if after is None else {"_id": {"$gt": after}}
        cursor = self.documents.find(query, {"facts.measures": 1}).sort("_id").limit(limit)
        return [(document["_id"], _measures(document)) async for document in cursor]

    async def ids_after(self, after: str, *, limit: int) -> list[str]:
        """Return the next people's ids, in order."""
        cursor = self.documents.find({"_id": {"$gt": after}}, {"_id": 1}).sort("_id").limit(limit)
        return [document["_id"] async for document in cursor]

    async def versions(self, user_ids: Iterable[str]) -> dict[str, int | None]:
        """Return the versions of the facts of those of these people who exist."""
        cursor = self.documents.find({"_id": {"$in": list(user_ids)}}, {"facts.version": 1})
        return {
            document["_id"]: document.get("facts", {}).get("version") async for document in cursor
        }

    async def fold(self, which: Mapping[str, Any], stages: Stages) -> list[Document]:
        """Return what stages make of these events: a document for each person and day."""
        cursor = self.database["events"].aggregate([{"$match": which}, *stages], allowDiskUse=True)
        return [document async for document in cursor]

    async def write(self, changes: Sequence[FactsChange]) -> bool:
        """Write new buckets; False if some were not, as there were others since their version."""
        if not changes:
            return True
        result = await self.documents.bulk_write(
            [
                UpdateOne(facts_unchanged(change), facts_update(change), hint=BY_ID)
                for change in changes
            ],
            ordered=False,
        )
        return result.matched_count == len(changes)

    async def drop(self, measure_ids: Sequence[str]) -> None:
        """Remove measures from everybody."""
        for key in measure_ids:
            field = f"facts.measures.{key}"
            await self.documents.update_many({field: {"$exists": True}}, {"$unset": {field: ""}})


def _measures(document: Document) -> Mapping[str, Mapping[str, Any]]:
    found: Mapping[str, Mapping[str, Any]] = document.get("facts", {}).get("measures", {})
    return found


def facts_unchanged(change: FactsChange) -> Document:
    """Return the query for a person whose facts nobody has written since."""
    # A version of null is one that is not there.
    return {"_id": change.user_id, "facts.version": change.version}


def facts_update(change: FactsChange) -> Document:
    """Return the update that writes new buckets."""
    kept: Document = {}
    gone: Document = {}
    for measure, days in change.buckets.items():
        field = f"facts.measures.{measure}"
        there = {day: value for day, value in days.items() if value is not None}
        if change.whole:
            if there:
                kept[field] = there
            else:
                gone[field] = ""
            continue
        kept |= {f"{field}.{day}": value for day, value in there.items()}
        gone |= {f"{field}.{day}": "" for day in days.keys() - there.keys()}
    update: Document = {
        "$set": kept,
        "$unset": gone,
        "$inc": {"facts.version": 1},
        "$max": {"facts.last": change.last},
    }
    return {operator: fields for operator, fields in update.items() if fields}
