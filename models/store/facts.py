"""What is kept of people's events, on their own documents under `facts`.

    facts: { version, last, measures: { ID: { "2026-03-05": value, … }, … } }

`version` counts writes: each is made of events that were read after the write before it, so that
none can undo what another has seen. `last` is the time of the last event that is in a measure.
Nothing under `facts` is in an index, which would be written with every event.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from models.measure import FactsChange
from models.store.alike import Change, changing
from models.store.database import Document, Store

Stages = Sequence[Mapping[str, Any]]
# Somebody's measures are written whole, and so alike others', unless one of them has more days than
# this; never some of them whole, which would be two paths of one field, and MongoDB refuses that.
_FEW = 60


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
            changing(map(facts_change, changes)), ordered=False
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


def facts_change(
    change: FactsChange, were: Document | None = None, besides: Document | None = None
) -> Change:
    """Return the change that writes new buckets, if nobody has written this person's since.

    Other fields are set `besides`, if they are what they `were`.
    """
    then = _then(change)
    kept: Document = dict(besides or ())
    if then is None:
        gone = []
        for measure, days in change.buckets.items():
            field = f"facts.measures.{measure}"
            kept |= {f"{field}.{day}": value for day, value in days.items() if value is not None}
            gone += [f"{field}.{day}" for day, value in days.items() if value is None]
    else:
        gone = [f"facts.measures.{measure}" for measure, days in then.items() if not days]
    whole = {measure: days for measure, days in (then or {}).items() if days}
    return Change(
        id=change.user_id,
        were={"facts.version": change.version, **(were or {})},
        set=kept,
        merge={"facts.measures": whole} if whole else {},
        add={"facts.version": 1},
        most={"facts.last": change.last},
        unset=gone,
    )


def _then(change: FactsChange) -> Mapping[str, Mapping[str, Any]] | None:
    """Return all days of a change's measures; None if they are not known, or many to write anew."""
    if change.whole:
        return {
            measure: {day: value for day, value in days.items() if value is not None}
            for measure, days in change.buckets.items()
        }
    if change.then is None:
        return None
    then = {measure: change.then[measure] for measure in change.buckets}
    return then if all(len(days) <= _FEW for days in then.values()) else None
