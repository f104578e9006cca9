"""Which measures are kept: a document each, few of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import bson

from models.measure import KeptMeasure, MeasureState
from models.store.database import Document, Store

# What is added to, besides those that are live.
KEPT = (MeasureState.FILLING, MeasureState.LIVE, MeasureState.RETIRED)


class Measures(Store):
    NAME = "measures"

    async def all(self) -> list[KeptMeasure]:
        """Return every measure."""
        return [_measure(document) async for document in self.documents.find().sort("_id")]

    async def of_events(self, names: Sequence[str]) -> list[KeptMeasure]:
        """Return the measures that these events have to be added to."""
        query = {"event": {"$in": list(names)}, "state": {"$in": list(KEPT)}}
        return [_measure(document) async for document in self.documents.find(query).sort("_id")]

    async def live_ids(self) -> frozenset[str]:
        """Return the measures that can be read."""
        found = self.documents.find({"state": MeasureState.LIVE}, {"_id": 1})
        return frozenset([document["_id"] async for document in found])

    async def add(self, measures: Sequence[KeptMeasure]) -> None:
        """Begin to keep measures, but those that are kept already."""
        await self._insert_missing(_document(each) for each in measures)

    async def note_filled(self, ids: Sequence[str], to: str) -> None:
        """Note up to which person measures have been filled."""
        await self.documents.update_many({"_id": {"$in": list(ids)}}, {"$set": {"filled_to": to}})

    async def go_live(self, ids: Sequence[str]) -> None:
        """Let measures be read: everybody has them."""
        await self.documents.update_many(
            {"_id": {"$in": list(ids)}, "state": MeasureState.FILLING},
            {"$set": {"state": MeasureState.LIVE, "filled_to": None}},
        )

    async def retire(self, ids: Sequence[str], *, at: datetime, fits: bool = True) -> None:
        """Let measures no longer be read: nobody needs them, or they cannot be kept."""
        if ids:
            change = {"state": MeasureState.RETIRED, "retired_at": at}
            await self.documents.update_many(
                {"_id": {"$in": list(ids)}, "state": {"$in": list(KEPT[:2])}},
                {"$set": change if fits else {**change, "fits": False}},
            )

    async def revive(self, ids: Sequence[str]) -> None:
        """Let retired measures be read again, or be filled as far as they were not yet."""
        if ids:
            filled = {"$eq": ["$filled_to", None]}
            state = {"$cond": [filled, MeasureState.LIVE, MeasureState.FILLING]}
            await self.documents.update_many(
                {"_id": {"$in": list(ids)}, "state": MeasureState.RETIRED, "fits": True},
                [{"$set": {"state": state, "retired_at": None}}],
            )

    async def start_removing(self, before: datetime) -> list[KeptMeasure]:
        """Return measures to be removed: those that were retired before, and nobody revives."""
        await self.documents.update_many(
            {"state": MeasureState.RETIRED, "retired_at": {"$lt": before}},
            {"$set": {"state": MeasureState.REMOVING}},
        )
        found = self.documents.find({"state": MeasureState.REMOVING})
        return [_measure(document) async for document in found]

    async def forget(self, measures: Sequence[KeptMeasure]) -> None:
        """Forget measures that were removed, but for those that could not be kept."""
        removing = {
            "_id": {"$in": [measure.id for measure in measures]},
            "state": MeasureState.REMOVING,
        }
        await self.documents.update_many(
            {**removing, "fits": False}, {"$set": {"state": MeasureState.GONE}}
        )
        await self.documents.delete_many(removing)


def _document(measure: KeptMeasure) -> Document:
    # As bytes: names of fields that begin with a dollar are better not stored as such.
    how = {
        "contribution": measure.contribution,
        "group": dict(measure.group),
        "value": measure.value,
    }
    return {
        "_id": measure.id,
        "slot": measure.slot,
        "event": measure.event,
        "zone": measure.zone,
        "how": bson.encode(how),
        "state": measure.state,
        "filled_to": measure.filled_to,
        "retired_at": measure.retired_at,
        "fits": measure.fits,
    }


def _measure(document: Document) -> KeptMeasure:
    return KeptMeasure(
        id=document["_id"],
        slot=document["slot"],
        event=document["event"],
        zone=document["zone"],
        state=MeasureState(document["state"]),
        filled_to=document["filled_to"],
        retired_at=document["retired_at"],
        fits=document["fits"],
        **_how(document["how"]),
    )


@lru_cache(maxsize=1024)
def _how(raw: bytes) -> Mapping[str, Any]:
    # Read with every page of events, and always the same.
    return bson.decode(raw)
