"""Memberships as documents: one for each person in a segment as filled under a number.

`_id` is "segment|number|user", so that a segment's members are a range of it, in a fixed order;
names of segments have no "|". The shard key would be the hashed `user`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import ASCENDING, IndexModel

from models.membership import Cause, CauseKind, Filling, Membership, Move
from models.paging import Page, Window
from models.store.database import WHOLE_PAGE, Document, Store
from models.store.keyset import BY_ID, page_of

Stages = Sequence[Mapping[str, Any]]
Live = Mapping[str, int]
_DELETED_AT_ONCE = 5_000


class Memberships(Store):
    NAME = "memberships"
    INDEXES = (
        IndexModel([("user", ASCENDING), ("set", ASCENDING)], name="user"),
        IndexModel([("set", ASCENDING), ("since", ASCENDING), ("_id", ASCENDING)], name="since"),
    )

    async def of_users(self, user_ids: Sequence[str], live: Live) -> dict[str, list[Membership]]:
        """Return these people's memberships in segments that are live, by the names' order."""
        found: dict[str, list[Membership]] = {user_id: [] for user_id in user_ids}
        if not live:
            return found
        cursor = self.documents.find(of(user_ids, live), batch_size=WHOLE_PAGE)
        for document in await cursor.sort("set", ASCENDING).to_list(None):
            found[document["user"]].append(membership_of(document))
        return found

    async def carry_out(self, moves: Mapping[str, Sequence[Move]]) -> None:
        """Insert and remove what these people's moves say. Safe to repeat."""
        left: list[str] = []
        entered: list[Document] = []
        for user_id, theirs in moves.items():
            for move in theirs:
                document = _keyed(move.segment, move.number, user_id)
                if move.entered:
                    entered.append(document | {"since": move.at, "why": cause_document(move.cause)})
                else:
                    left.append(document["_id"])
        # Who is in it already stays in it as they came.
        await self._insert_missing(entered)
        if left:
            await self.documents.delete_many({"_id": {"$in": left}})

    async def page(
        self, segment: str, number: int, window: Window, *, publication: int | None = None
    ) -> Page[Membership]:
        """Return a segment's members by their ids, or only those whom a publication added.

        The window may have them sorted by `since`.
        """
        query = _members(segment, number, publication)
        if window.sorting is not None and window.sorting.by == "since":
            query |= {"set": {"$eq": _set(segment, number)}}
            del query["_id"]
        return await page_of(
            self.documents,
            query,
            window,
            read=membership_of,
            sorting=BY_ID,
            key=lambda user_id: f"{_set(segment, number)}|{user_id}",
        )

    async def count(self, segment: str, number: int, *, publication: int | None = None) -> int:
        """Count a segment's members, or those whom a publication added."""
        return await self.documents.count_documents(_members(segment, number, publication))

    async def add(self, members: Mapping[str, Sequence[str]], filling: Filling, live: Live) -> None:
        """Add people, by segment, to segments that are being filled. Safe to repeat."""
        wanted = [
            _keyed(name, filling.number, user) for name, users in members.items() for user in users
        ]
        before = [
            f"{_set(name, live[name])}|{user}"
            for name, users in members.items()
            if name in live
            for user in users
        ]
        cursor = self.documents.find({"_id": {"$in": before}})
        kept = {(_segment(old), old["user"]): old async for old in cursor}
        found = []
        for document in wanted:
            old = kept.get((_segment(document), document["user"]), _added(filling))
            found.append({**document, "since": old["since"], "why": old["why"]})
        await self._insert_missing(found)

    async def drop(self, segment: str, number: int) -> bool:
        """Delete some of a segment's members; return whether any are left."""
        query = _members(segment, number, None)
        cursor = self.documents.find(query, {"_id": 1}).limit(_DELETED_AT_ONCE)
        ids = [document["_id"] async for document in cursor]
        if ids:
            await self.documents.delete_many({"_id": {"$in": ids}})
        return len(ids) == _DELETED_AT_ONCE


def into_memberships(filling: Filling, live: Live, *, again: bool = False) -> list[Document]:
    """Return the stages that store what stages before them leave: `{_id, names}` of users.

    Who is in a segment already stays in it as long as they have been. `again` is for when some may
    be stored already: they stay as they are.
    """
    number = str(filling.number)
    key = {"$concat": ["$names", "|", number, "|", "$_id"]}
    stages: list[Document] = [{"$unwind": "$names"}]
    fields = {"since": filling.at, "why": _added(filling)["why"]}
    if before := {name: live[name] for name in filling.names if name in live}:
        branches = [
            {"case": {"$eq": ["$names", {"$literal": name}]}, "then": _set(name, old)}
            for name, old in before.items()
        ]
        old_key = {"$concat": [{"$switch": {"branches": branches, "default": ""}}, "|", "$_id"]}
        lookup = {
            "from": Memberships.NAME,
            "localField": "old",
            "foreignField": "_id",
            "as": "old",
        }
        stages += [{"$set": {"old": old_key}}, {"$lookup": lookup}]
        fields = {
            name: {"$ifNull": [{"$first": f"$old.{name}"}, {"$literal": value}]}
            for name, value in fields.items()
        }
    project = {
        "_id": key,
        "set": {"$concat": ["$names", "|", number]},
        "user": "$_id",
        **{name: _as_literal(value) for name, value in fields.items()},
    }
    merge = {
        "into": Memberships.NAME,
        # Plain inserts are several times as fast.
        "whenMatched": "keepExisting" if again else "fail",
        "whenNotMatched": "insert",
    }
    return [*stages, {"$project": project}, {"$merge": merge}]


def _as_literal(value: Any) -> Any:
    return value if isinstance(value, dict) and "$ifNull" in value else {"$literal": value}


def _added(filling: Filling) -> Document:
    why = {CauseKind.PUBLICATION.value: str(filling.publication)}
    return {"since": filling.at, "why": why}


def _set(segment: str, number: int) -> str:
    return f"{segment}|{number}"


def _segment(document: Document) -> str:
    return str(document["set"]).partition("|")[0]


def _keyed(segment: str, number: int, user_id: str) -> Document:
    name = _set(segment, number)
    return {"_id": f"{name}|{user_id}", "set": name, "user": user_id}


def _members(segment: str, number: int, publication: int | None) -> Document:
    # "}" is the character after "|".
    name = _set(segment, number)
    query: Document = {"_id": {"$gte": f"{name}|", "$lt": f"{name}}}"}}
    if publication is not None:
        query[f"why.{CauseKind.PUBLICATION.value}"] = str(publication)
    return query


def cause_document(cause: Cause) -> Document:
    """Return the stored form of a cause."""
    return {cause.kind.value: cause.of}


def cause_of(document: Document) -> Cause:
    """Return the cause that was stored as `document`."""
    ((kind, of),) = document.items()
    return Cause(CauseKind(kind), of)


def of(user_ids: Sequence[str], live: Live) -> Document:
    """Return the query for these people's memberships in segments that are live."""
    sets = [_set(name, number) for name, number in live.items()]
    return {"user": {"$in": list(user_ids)}, "set": {"$in": sets}}


def membership_of(document: Document) -> Membership:
    """Return the membership that was stored as `document`."""
    segment, _, number = document["set"].partition("|")
    return Membership(
        segment=segment,
        number=int(number),
        user_id=document["user"],
        since=document["since"],
        cause=cause_of(document["why"]),
    )
