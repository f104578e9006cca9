"""Seals of the things that the audit log is about, each as it was when its last change was noted.

A seal is over what only changes that are noted can change, so that nothing that workers do breaks
one.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pymongo import ReplaceOne
from pymongo.errors import BulkWriteError

from models.audit import Result, SealKeys, digest
from models.principal import Role
from models.store.database import Document, Store, duplicates

_STAFF = [role.value for role in Role if role is not Role.CUSTOMER]


@dataclass(frozen=True, slots=True)
class Kind:
    """Where things of a kind are kept, and what of them is under the seal: without `fields` all.

    `must`: each has a seal, since none begins without an entry that names it.
    """

    collection: str
    fields: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    which: Mapping[str, object] | None = None
    number: bool = False  # their ids are numbers
    must: bool = True


KINDS: Mapping[str, Kind] = {
    "ApiKey": Kind("api_keys"),
    # Publications that come by themselves change what else a campaign holds.
    "Campaign": Kind(
        "campaigns", ("title", "goal", "channels", "source", "author", "created_at", "key")
    ),
    "Publication": Kind("publications", without=("confirmed",), number=True, must=False),
    "Template": Kind("templates"),
    # Of customers there are too many, and their role lets them do nothing to others.
    "User": Kind("users", ("roles",), which={"roles": {"$in": _STAFF}}),
    "Webhook": Kind("webhooks", ("url", "secrets", "events", "created_at")),
    "Workspace": Kind("workspace", ("zone", "currency", "retention_days", "messaging"), must=False),
}


@dataclass(frozen=True, slots=True)
class State:
    """A thing as it is now, and the publication that a campaign was last settled for."""

    thing: str
    content: Document
    settled: int = 0


class AuditStates(Store):
    NAME = "audit_states"

    async def now(
        self, kind: str, keys: Iterable[str] | None = None, *, known: bool = False
    ) -> AsyncIterator[State]:
        """Yield things of a kind: with these keys, or all; those that are `known` in any case."""
        spec = KINDS[kind]
        query: Document = {} if known else dict(spec.which or {})
        if keys is not None:
            query["_id"] = {"$in": [int(key) if spec.number else key for key in keys]}
        shown = dict.fromkeys((*spec.fields, "settled"), 1) if spec.fields else None
        async for document in self.database[spec.collection].find(query, shown):
            thing = f"{kind}:{document['_id']}"
            settled = document.pop("settled", 0)
            kept = {name: each for name, each in document.items() if name not in spec.without}
            yield State(thing, kept, settled)

    async def keep(self, states: Sequence[State], number: int, keys: SealKeys) -> None:
        """Seal things as of an entry of the log, as they were read after it found its place.

        Safe to repeat; whoever is late leaves a later seal as it is.
        """
        writes = []
        for state in states:
            seal: Document = {
                "_id": state.thing,
                "number": number,
                "settled": state.settled,
                "key": keys.name,
            }
            seal["hash"] = digest(seal | {"content": state.content}, keys.key)
            query = {"_id": state.thing, "number": {"$lte": number}}
            writes.append(ReplaceOne(query, seal, upsert=True))
        if writes:
            try:
                await self.documents.bulk_write(writes, ordered=False)
            except BulkWriteError as error:
                duplicates(error)

    async def known(self, kind: str, keys: Iterable[str] | None = None) -> frozenset[str]:
        """Return which of these keys of a kind, or of all, have a seal."""
        begin = f"{kind}:"
        wanted: Document = {"$regex": f"^{begin}"}
        if keys is not None:
            wanted = {"$in": [begin + key for key in keys]}
        cursor = self.documents.find({"_id": wanted}, {"_id": 1})
        return frozenset([document["_id"].removeprefix(begin) async for document in cursor])

    async def raw(self) -> dict[str, Document]:
        """Return all seals by what they are of, just as they are kept."""
        return {document["_id"]: document async for document in self.documents.find()}

    async def noted(self) -> dict[str, int]:
        """Return the last entry of the log about each thing, of those that may have changed it."""
        changed = {"result": {"$ne": Result.REFUSED.value}}
        cursor = self.database["audit"].aggregate(
            [
                {"$match": changed},
                {"$unwind": "$about"},
                {"$group": {"_id": "$about", "number": {"$max": "$_id"}}},
            ],
            allowDiskUse=True,
        )
        return {row["_id"]: row["number"] async for row in cursor}

    async def pending(self) -> frozenset[str] | None:
        """Return what changes are about that are yet to find their place in the log.

        None if that is not known of all, since one is under way.
        """
        drafts = self.database["audit_drafts"].find({"entries": {"$exists": False}})
        about: set[str] = set()
        async for draft in drafts:
            if draft["result"] == Result.UNKNOWN.value:
                return None
            about.update(draft["about"])
        return frozenset(about)

    async def settling(self, campaign_id: str, after: int, upto: int) -> bool:
        """Whether a publication after one, and up to another, has changed a campaign."""
        query = {"_id": {"$gt": after, "$lte": upto}, "changed": campaign_id, "confirmed": True}
        return await self.database["publications"].find_one(query, {"_id": 1}) is not None
