"""The one document that says which members of segments count. Replacing it is the switch."""

from dataclasses import replace

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from models.membership import Filling, Standing
from models.store.database import Document, Store
from models.store.outbox import entry_document, entry_of

ONE = {"_id": "segments"}


class Standings(Store):
    NAME = "materialisations"

    async def get(self) -> Standing:
        """Return how segments stand; before the first publication there is none."""
        document = await self.documents.find_one(ONE)
        return standing_of(document) if document else Standing()

    async def save(self, standing: Standing) -> Standing | None:
        """Write how segments stand, unless someone has since it was read; then None."""
        saved = replace(standing, version=standing.version + 1)
        try:
            result = await self.documents.replace_one(
                {**ONE, "version": standing.version},
                _document(saved),
                upsert=standing.version == 0,
            )
        except DuplicateKeyError:
            return None
        return saved if result.matched_count or result.upserted_id else None

    async def advance(self, standing: Standing, after: str) -> Standing | None:
        """Note how far a filling has come; None if someone else has changed anything."""
        document = await self.documents.find_one_and_update(
            {**ONE, "version": standing.version},
            {"$set": {"filling.after": after}, "$inc": {"version": 1}},
            return_document=ReturnDocument.AFTER,
        )
        return standing_of(document) if document else None


def _document(standing: Standing) -> Document:
    document: Document = {
        **ONE,
        "publication": standing.publication,
        "live": dict(standing.live),
        "filled": standing.filled,
        "dead": [list(each) for each in standing.dead],
        "untold": [entry_document(entry) for entry in standing.untold],
        "version": standing.version,
    }
    if standing.filling is not None:
        document["filling"] = _filling_document(standing.filling)
    return document


def _filling_document(filling: Filling) -> Document:
    return {
        "number": filling.number,
        "publication": filling.publication,
        "names": list(filling.names),
        "at": filling.at,
        "after": filling.after,
    }


def standing_of(document: Document) -> Standing:
    """Return how segments stand, as it was stored."""
    filling = document.get("filling")
    return Standing(
        publication=document["publication"],
        live=document["live"],
        filling=None
        if filling is None
        else Filling(
            number=filling["number"],
            publication=filling["publication"],
            names=tuple(filling["names"]),
            at=filling["at"],
            after=filling["after"],
        ),
        filled=document["filled"],
        dead=tuple((name, number) for name, number in document["dead"]),
        untold=tuple(entry_of(entry) for entry in document["untold"]),
        version=document["version"],
    )
