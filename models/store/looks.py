"""Who is to be looked at again, noted on the documents of people themselves.

    recheck.at       when to look next, long ago for at once, far ahead for never
    recheck.changes  the first instant at which time alone can change an answer
    recheck.token    another with each note; `of` and `why` say what was noted
    recheck.tries    looks that were begun in a lane whose holder had died, see services.suspects
    moves            what was decided and may not have been carried out
    missed           looked at while segments were being filled: to be looked at after that again
    moved_at         by the database's clock, when they last came into or left a segment, or what
                     audiences are told of them changed

A note is written with the change that it is of, in one update of one document.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from pymongo import ASCENDING, IndexModel, UpdateOne
from pymongo.errors import OperationFailure

from models.event import lane_of
from models.ids import new_id
from models.membership import ANYTHING, PROFILE, Cause, Look, Move
from models.store.database import Document, Store
from models.store.memberships import Stages, cause_document, cause_of

AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
_DUPLICATE = 11000
_SHOWN = frozenset({"user.email", "user.consent"})  # what audiences are made of
NEVER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What looking at someone came to. `missed` is the filling under way meanwhile."""

    look: Look
    moves: tuple[Move, ...] = ()
    changes_at: datetime | None = None
    missed: int | None = None


class Looks(Store):
    NAME = "users"
    INDEXES = (
        IndexModel([("lane", ASCENDING), ("recheck.at", ASCENDING)], name="recheck"),
        IndexModel([("missed.number", ASCENDING)], name="missed", sparse=True),
        IndexModel(
            [("moved_at", ASCENDING), ("_id", ASCENDING)],
            name="moved",
            partialFilterExpression={"moved_at": {"$exists": True}},
        ),
    )

    async def due(self, lanes: Sequence[int], now: datetime, *, limit: int) -> list[Look]:
        """Return these lanes' people who are to be looked at by now."""
        return [look for look, _ in await self.due_marked(lanes, now, limit=limit)]

    async def due_marked(
        self, lanes: Sequence[int], now: datetime, *, limit: int
    ) -> list[tuple[Look, int]]:
        """Return the same with the tries that were counted."""
        cursor = (
            self.documents.find(_due(lanes, now), {"recheck": 1, "moves": 1})
            .sort("recheck.at", ASCENDING)
            .limit(limit)
        )
        return [
            (look_of(document), document["recheck"].get("tries", 0)) async for document in cursor
        ]

    async def mark(self, ids: Sequence[str]) -> None:
        """Count a try to look at these people."""
        await self.documents.update_many(
            {"_id": {"$in": list(ids)}}, {"$inc": {"recheck.tries": 1}}
        )

    async def set_aside(self, look: Look) -> None:
        """Let someone rest until something is noted of them, unless something was meanwhile."""
        await self.documents.update_one(
            as_read(look), {"$set": {"recheck.at": NEVER}, "$unset": {"recheck.tries": ""}}
        )

    async def any_due(self, lanes: Sequence[int], now: datetime) -> bool:
        """Whether anyone in these lanes is to be looked at by now."""
        return await self.documents.find_one(_due(lanes, now), {"_id": 1}) is not None

    async def due_lanes(self, now: datetime) -> list[int]:
        """Return lanes in which people are to be looked at: one index seek for each lane."""
        firsts: Stages = [
            {"$sort": {"lane": 1, "recheck.at": 1}},
            {"$group": {"_id": "$lane", "at": {"$first": "$recheck.at"}}},
            {"$match": {"_id": {"$ne": None}, "at": {"$lte": now}}},
        ]
        cursor = self.documents.aggregate(firsts, hint="recheck")
        return sorted([document["_id"] async for document in cursor])

    async def note(self, changed: Mapping[str, tuple[Iterable[str], Cause]]) -> None:
        """Note of people, by id, which facts have changed and why."""
        operations = [
            UpdateOne({"_id": user_id}, noted({}, of, cause))
            for user_id, (of, cause) in changed.items()
        ]
        if operations:
            await self.documents.bulk_write(operations, ordered=False)

    async def decide(self, seen: Sequence[Seen]) -> frozenset[str]:
        """Keep moves that are to be carried out; return whose.

        Those of whom anything was noted since they were read are left out: they are still due.
        """
        if not seen:
            return frozenset()
        result = await self.documents.bulk_write(
            [UpdateOne(as_read(each.look), {"$set": seen_update(each)}) for each in seen],
            ordered=False,
        )
        keys = {each.look.user_id: each.moves[0].id for each in seen}
        if result.matched_count == len(seen):
            return frozenset(keys)
        cursor = self.documents.find(
            {"_id": {"$in": list(keys)}, "moves.id": {"$in": list(keys.values())}}, {"_id": 1}
        )
        return frozenset([document["_id"] async for document in cursor])

    async def finish(self, seen: Sequence[Seen]) -> list[str]:
        """Note that people were looked at and their moves carried out.

        Of whom anything was noted meanwhile stays due. Returns those whose moves someone else has
        carried out: what the two wrote may be mixed up.
        """
        if not seen:
            return []
        result = await self.documents.bulk_write(
            [UpdateOne(_as_decided(each), _finished(each)) for each in seen], ordered=False
        )
        done, with_moves = result.matched_count, [each for each in seen if each.moves]
        if done == len(seen) or not with_moves:
            return []
        # Rare, and nobody knows of whom.
        result = await self.documents.bulk_write(
            [UpdateOne(_with_moves(each), _finished_but_noted(each)) for each in with_moves],
            ordered=False,
        )
        lost = done + result.matched_count < len(seen)
        return [each.look.user_id for each in with_moves] if lost else []

    async def miss(self, number: int) -> int:
        """Have those looked at while segments were filled looked at again; return how many."""
        result = await self.documents.update_many(
            {"missed.number": {"$lte": number}},
            [
                {
                    "$set": {
                        "recheck.at": AT_ONCE,
                        "recheck.token": new_id(),
                        "recheck.of": [ANYTHING],
                        "recheck.why": {
                            "$ifNull": ["$recheck.why", {"$ifNull": ["$missed.why", "$$REMOVE"]}]
                        },
                    }
                },
                {"$unset": "missed"},
            ],
        )
        return result.modified_count

    async def notes(self, after: str | None, upto: str) -> list[str]:
        """Return the notes on those after one person up to another who are to be looked at now."""
        waiting = {**_after(after, upto), "recheck.at": AT_ONCE, "moves": {"$exists": False}}
        cursor = self.documents.find(waiting, {"recheck.token": 1})
        found = [document["recheck"].get("token") async for document in cursor]
        return [token for token in found if token is not None]

    async def settle(self, after: str | None, upto: str, notes: Sequence[str]) -> None:
        """Forget these notes: what they are of has been seen."""
        await self.documents.update_many(
            {**_after(after, upto), "recheck.token": {"$in": list(notes)}},
            [
                {"$set": {"recheck.at": {"$ifNull": ["$recheck.changes", NEVER]}}},
                {"$unset": ["recheck.token", "recheck.of", "recheck.why"]},
            ],
        )

    async def clock(self) -> datetime:
        """Return the database's time, by which people move."""
        answer = await self.database.command("hello")
        found: datetime = answer["localTime"]
        return found

    async def moved(
        self, since: datetime, after: tuple[datetime, str] | None, *, limit: int
    ) -> list[tuple[datetime, str]]:
        """Return when people have moved from a time on, after one of them; in that order."""
        query: Document = {"moved_at": {"$gte": since}}
        if after is not None:
            at, user_id = after
            query["$or"] = [{"moved_at": {"$gt": at}}, {"moved_at": at, "_id": {"$gt": user_id}}]
            query["moved_at"] = {"$gte": at}
        order = [("moved_at", ASCENDING), ("_id", ASCENDING)]
        cursor = self.documents.find(query, {"moved_at": 1}).sort(order).limit(limit)
        return [(document["moved_at"], document["_id"]) async for document in cursor]

    async def ids(self, after: str | None, *, limit: int) -> list[str]:
        """Return the ids of people after one, in order."""
        query: Document = {} if after is None else {"_id": {"$gt": after}}
        cursor = self.documents.find(query, {"_id": 1}).sort("_id", ASCENDING).limit(limit)
        return [document["_id"] async for document in cursor]

    async def waiting(self, user_ids: Sequence[str], now: datetime) -> frozenset[str]:
        """Return those of these people who are to be looked at, by now or after a filling."""
        due = [{"recheck.at": {"$lte": now}}, {"missed": {"$exists": True}}]
        cursor = self.documents.find({"_id": {"$in": list(user_ids)}, "$or": due}, {"_id": 1})
        return frozenset([document["_id"] async for document in cursor])

    async def last_of(self, after: str | None, *, count: int) -> str | None:
        """Return the last of the next `count` people after one; None if there is nobody."""
        query: Document = {} if after is None else {"_id": {"$gt": after}}
        cursor = self.documents.find(query, {"_id": 1}).sort("_id", ASCENDING)
        found = [document["_id"] async for document in cursor.skip(count - 1).limit(1)]
        if found:
            return str(found[0])
        last = await self.documents.find_one(query, {"_id": 1}, sort=[("_id", -1)])
        return None if last is None else str(last["_id"])

    async def run(self, after: str | None, upto: str, stages: Stages) -> bool:
        """Send those after one person up to another through stages that store what they find.

        False if some of it was there already, which the stages do not allow.
        """
        among = {"$match": _after(after, upto)}
        try:
            cursor = self.documents.aggregate([among, *stages], allowDiskUse=True)
            async for _ in cursor:
                pass
        except OperationFailure as error:
            if error.code != _DUPLICATE:
                raise
            return False
        return True

    async def look_by(self, changes: Mapping[str, datetime]) -> None:
        """Note the first instants at which time alone can change people's answers, by id."""
        operations = [
            UpdateOne({"_id": user_id}, {"$min": {"recheck.changes": at, "recheck.at": at}})
            for user_id, at in changes.items()
        ]
        if operations:
            await self.documents.bulk_write(operations, ordered=False)


def noted(update: Mapping[str, Any], of: Iterable[str], cause: Cause = PROFILE) -> Document:
    """Return an update of a person with a note of which facts it changes."""
    facts = set(of)
    token = {
        "recheck.at": AT_ONCE,
        "recheck.token": new_id(),
        "recheck.why": cause_document(cause),
    }
    moving = {} if facts.isdisjoint(_SHOWN) else {"$currentDate": {"moved_at": True}}
    return {
        **update,
        **moving,
        "$set": {**update.get("$set", {}), **token},
        "$addToSet": {**update.get("$addToSet", {}), "recheck.of": {"$each": sorted(facts)}},
    }


def at_first(user_id: str, cause: Cause = PROFILE) -> Document:
    """Return the note on a person who is new or replaced: everything about them is."""
    return {
        "lane": lane_of(user_id),
        "recheck": {
            "at": AT_ONCE,
            "token": new_id(),
            "of": [ANYTHING],
            "why": cause_document(cause),
        },
    }


def into_looks() -> list[Document]:
    """Return the stage that notes what stages before it leave: `{_id, next}` of users."""
    sooner = {
        "changes": {"$min": ["$recheck.changes", "$$new.next"]},
        "at": {"$min": ["$recheck.at", "$$new.next"]},
    }
    merge = {
        "into": Looks.NAME,
        "whenMatched": [{"$set": {"recheck": {"$mergeObjects": ["$recheck", sooner]}}}],
        "whenNotMatched": "discard",
    }
    return [{"$merge": merge}]


def _after(after: str | None, upto: str) -> Document:
    return {"_id": {"$lte": upto} if after is None else {"$gt": after, "$lte": upto}}


def _due(lanes: Sequence[int], now: datetime) -> Document:
    return {"lane": {"$in": list(lanes)}, "recheck.at": {"$lte": now}}


def as_read(look: Look) -> Document:
    """Return the query for someone of whom nothing was noted since a look was read."""
    return {
        "_id": look.user_id,
        "recheck.token": look.token,
        "recheck.at": look.at,
        "recheck.changes": look.changes_at,
    }


def _as_decided(seen: Seen) -> Document:
    """Return the query for someone of whom nothing was noted since what was seen was kept."""
    if not seen.moves:
        return as_read(seen.look)
    return {**as_read(replace(seen.look, at=AT_ONCE)), **_with_moves(seen)}


def _with_moves(seen: Seen) -> Document:
    return {"_id": seen.look.user_id, "moves.id": seen.moves[0].id}


def _finished(seen: Seen) -> Document:
    update: Document = {"$set": {"recheck": _rest(seen), **_missed(seen)}}
    if seen.moves:
        # Their memberships have been written: whoever sees them move sees those too.
        update |= {"$currentDate": {"moved_at": True}, "$unset": {"moves": ""}}
    return update


def _finished_but_noted(seen: Seen) -> list[Document]:
    missed = {name: {"$literal": value} for name, value in _missed(seen).items()}
    note = {"recheck": _noted_since(seen), "moved_at": "$$NOW", **missed}
    return [{"$set": note}, {"$unset": "moves"}]


def _noted_since(seen: Seen) -> Any:
    """Return the note that came meanwhile; it asks for other segments than those that were judged,
    and when time changes the answer of these must not be forgotten.
    """
    if seen.changes_at is None:
        return "$recheck"
    sooner = {"changes": {"$min": ["$recheck.changes", {"$literal": seen.changes_at}]}}
    return {"$mergeObjects": ["$recheck", sooner]}


def seen_update(seen: Seen) -> Document:
    """Return the fields that say how someone, as they were read, was found."""
    if seen.moves:
        moves = [_move_document(move) for move in seen.moves]
        return {"moves": moves, "recheck.at": AT_ONCE, **_missed(seen)}
    return {"recheck": _rest(seen), **_missed(seen)}


def rest_of(seen: Seen) -> datetime:
    """Return when to look next at someone who was looked at: when time changes something."""
    return NEVER if seen.changes_at is None else seen.changes_at


def _rest(seen: Seen) -> Document:
    changes = {} if seen.changes_at is None else {"changes": seen.changes_at}
    return {"at": rest_of(seen), **changes}


def _missed(seen: Seen) -> Document:
    if seen.missed is None:
        return {}
    cause = seen.look.cause
    why = {} if cause is None else {"why": cause_document(cause)}
    return {"missed": {"number": seen.missed, **why}}


def _move_document(move: Move) -> Document:
    return {
        "id": move.id,
        "segment": move.segment,
        "number": move.number,
        "entered": move.entered,
        "at": move.at,
        "why": cause_document(move.cause),
    }


def look_of(document: Document) -> Look:
    """Return what is noted on a person's document."""
    recheck = document.get("recheck", {"at": NEVER})
    return Look(
        user_id=document["_id"],
        at=recheck["at"],
        token=recheck.get("token"),
        of=frozenset(recheck.get("of", ())),
        cause=cause_of(recheck["why"]) if recheck.get("why") else None,
        changes_at=recheck.get("changes"),
        moves=tuple(
            Move(
                id=move["id"],
                segment=move["segment"],
                number=move["number"],
                entered=move["entered"],
                at=move["at"],
                cause=cause_of(move["why"]),
            )
            for move in document.get("moves", ())
        ),
    )
