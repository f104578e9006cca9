"""People with all that lanes keep of them, in one document: read once for a page, written once.

What a page makes of a person's events and how it finds them in segments is written in one update,
if nobody has written either since they were read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import ASCENDING

from models.measure import FactsChange
from models.membership import Look
from models.store.alike import Change, changing
from models.store.database import WHOLE_PAGE, Document, Store
from models.store.facts import facts_change
from models.store.looks import due
from models.store.notes import Seen, as_read, look_of, seen_fields
from models.store.users import from_document
from models.user import User


@dataclass(frozen=True, slots=True)
class Person:
    """`measures` are by id and day, as they were in facts of `version`."""

    user: User
    measures: Mapping[str, Mapping[str, Any]]
    version: int | None
    look: Look


@dataclass(frozen=True, slots=True)
class PersonChange:
    """What a page comes to for a person, either part of it perhaps nothing."""

    user_id: str
    facts: FactsChange | None
    seen: Seen | None


class Persons(Store):
    NAME = "users"

    async def read(self, user_ids: Sequence[str]) -> dict[str, Person]:
        """Return those of these people who exist."""
        cursor = self.documents.find({"_id": {"$in": list(user_ids)}}, batch_size=WHOLE_PAGE)
        return {document["_id"]: _person(document) for document in await cursor.to_list(None)}

    async def due(self, lanes: Sequence[int], now: datetime, *, limit: int) -> list[Person]:
        """Return these lanes' people who are to be looked at by now, the longest due first."""
        cursor = self.documents.find(due(lanes, now), batch_size=WHOLE_PAGE)
        cursor = cursor.sort("recheck.at", ASCENDING).limit(limit)
        return [_person(document) for document in await cursor.to_list(None)]

    async def write(self, changes: Sequence[PersonChange]) -> frozenset[str]:
        """Write changes; return whose surely hold, all of them unless someone else was faster."""
        if not changes:
            return frozenset()
        result = await self.documents.bulk_write(changing(map(_change, changes)), ordered=False)
        if result.matched_count == len(changes):
            return frozenset(change.user_id for change in changes)
        # Rare. Moves are known by ids of their own; all else can be written again.
        moves = {
            change.user_id: change.seen.moves[0].id
            for change in changes
            if change.seen is not None and change.seen.moves
        }
        cursor = self.documents.find(
            {"_id": {"$in": list(moves)}, "moves.id": {"$in": list(moves.values())}}, {"_id": 1}
        )
        return frozenset([document["_id"] async for document in cursor])


def _person(document: Document) -> Person:
    facts = document.get("facts", {})
    return Person(
        from_document(document), facts.get("measures", {}), facts.get("version"), look_of(document)
    )


def _change(change: PersonChange) -> Change:
    seen = change.seen
    were, found = ({}, {}) if seen is None else (as_read(seen.look), seen_fields(seen))
    if change.facts is None:
        return Change(id=change.user_id, were=were, set=found)
    return facts_change(change.facts, were, found)
