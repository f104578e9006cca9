"""Publications, written once and never changed."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from models.campaign import Act
from models.errors import Invalid, NotFound
from models.paging import Page, Window
from models.publication import Publication, PublishedSource
from models.store.database import Document, Store
from models.store.keyset import LATEST_ID, page_of


class Publications(Store):
    NAME = "publications"
    INDEXES = (
        IndexModel([("sources.campaign", ASCENDING), ("_id", DESCENDING)], name="of_campaign"),
    )

    async def add(self, publication: Publication) -> Publication:
        """Write it under the next free number and return it with that number."""
        while True:
            newest = await self.documents.find_one({}, {"_id": 1}, sort=[("_id", DESCENDING)])
            numbered = replace(publication, number=1 + (newest["_id"] if newest else 0))
            try:
                await self.documents.insert_one(_document(numbered))
            except DuplicateKeyError:  # someone else took this number
                continue
            return numbered

    async def confirm(self, number: int) -> None:
        """Note that it did become current: only then is it part of the history."""
        await self.documents.update_one({"_id": number}, {"$set": {"confirmed": True}})

    async def discard(self, number: int) -> None:
        """Remove a publication that lost the race to become current: nothing refers to it."""
        await self.documents.delete_one({"_id": number})

    async def find(self, number: int) -> Publication | None:
        """Return the publication of this number, if there is one."""
        document = await self.documents.find_one({"_id": number})
        return _publication(document) if document else None

    async def get(self, number: int) -> Publication:
        """Return the publication of this number, which is or was current."""
        publication = await self.find(number)
        if publication is None:
            raise NotFound(f"There is no publication {number}.")
        return publication

    async def get_confirmed(self, number: int) -> Publication:
        """Return the publication of this number, unless it never became current."""
        document = await self.documents.find_one({"_id": number, "confirmed": True})
        if document is None:
            raise NotFound(f"There is no publication {number}.")
        return _publication(document)

    async def find_many(self, numbers: Sequence[str]) -> dict[str, Publication]:
        """Return those of these publications that were current, by their numbers as text."""
        wanted = [int(number) for number in numbers if number.isdecimal() and len(number) < 10]
        cursor = self.documents.find({"_id": {"$in": wanted}, "confirmed": True})
        return {str(document["_id"]): _publication(document) async for document in cursor}

    async def page(self, window: Window, *, campaign_id: str | None = None) -> Page[Publication]:
        """Return what was current, newest first, optionally only what holds a campaign."""
        return await page_of(
            self.documents,
            _confirmed(campaign_id),
            window,
            read=_publication,
            sorting=LATEST_ID,
            key=_number,
        )

    async def count(self, *, campaign_id: str | None = None) -> int:
        """Count what was current, optionally only what holds a campaign."""
        return await self.documents.count_documents(_confirmed(campaign_id))


def _number(text: str) -> int:
    if not text.isdecimal():
        raise Invalid("This is not a cursor of this list.")
    return int(text)


def _confirmed(campaign_id: str | None) -> Document:
    query: Document = {"confirmed": True}
    if campaign_id is not None:
        query["sources.campaign"] = {"$eq": campaign_id}
    return query


def _document(publication: Publication) -> Document:
    return {
        "_id": publication.number,
        "previous": publication.previous,
        "sources": [_source_document(source) for source in publication.sources],
        "changed": list(publication.changed),
        "verb": publication.verb,
        "by": publication.act.by,
        "at": publication.act.at,
        "why": publication.act.why,
        "language": publication.language,
        "zone": publication.zone,
        "currency": publication.currency,
        "hash": publication.content_hash,
    }


def _source_document(source: PublishedSource) -> dict[str, Any]:
    return {
        "campaign": source.campaign_id,
        "version": source.version,
        "text": source.text,
        "ends_at": source.ends_at,
    }


def _publication(document: Document) -> Publication:
    return Publication(
        number=document["_id"],
        previous=document["previous"],
        sources=tuple(
            PublishedSource(s["campaign"], s["version"], s["text"], s["ends_at"])
            for s in document["sources"]
        ),
        changed=tuple(document["changed"]),
        verb=document["verb"],
        act=Act(document["by"], document["at"], document["why"]),
        language=document["language"],
        zone=document["zone"],
        currency=document["currency"],
        content_hash=document["hash"],
    )
