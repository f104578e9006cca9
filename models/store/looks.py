"""Who is to be looked at again: models.store.notes says what is kept of it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from pymongo import ASCENDING, IndexModel, UpdateOne
from pymongo.errors import OperationFailure

from models.event import LANES
from models.ids import new_id
from models.membership import ANYTHING, Cause, Look
from models.store.alarms import raised_by
from models.store.alike import changing
from models.store.database import BY_ID, Document, Store
from models.store.memberships import Stages
from models.store.notes import (
    AT_ONCE,
    NEVER,
    Seen,
    as_read,
    decided,
    finished,
    finished_but_noted,
    look_of,
    noted,
    with_moves,
)

_DUPLICATE = 11000


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

    async def due_marked(
        self, lanes: Sequence[int], now: datetime, *, limit: int
    ) -> list[tuple[Look, int]]:
        """Return these lanes' people who are to be looked at by now, with the tries counted."""
        cursor = (
            self.documents.find(due(lanes, now), {"recheck": 1, "moves": 1})
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

    async def set_aside(self, look: Look, alarm: str) -> bool:
        """Let someone rest until something is noted of them; False if something was meanwhile."""
        done = await self.documents.update_one(
            {"_id": look.user_id, **as_read(look)},
            {"$set": {"recheck.at": NEVER, **raised_by(alarm)}, "$unset": {"recheck.tries": ""}},
        )
        return done.modified_count > 0

    async def any_due(self, lanes: Sequence[int], now: datetime) -> bool:
        """Whether anyone in these lanes is to be looked at by now."""
        return await self.documents.find_one(due(lanes, now), {"_id": 1}) is not None

    async def due_lanes(self, now: datetime) -> list[int]:
        """Return lanes in which people are to be looked at: one index seek for each lane."""
        # As a rule nobody is, and to ask that is half the work.
        if not await self.any_due(range(LANES), now):
            return []
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
        result = await self.documents.bulk_write(changing(map(decided, seen)), ordered=False)
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
        done, moving = await self._finished(seen), [each for each in seen if each.moves]
        if done == len(seen) or not moving:
            return []
        # Rare, and nobody knows of whom.
        result = await self.documents.bulk_write(
            [UpdateOne(with_moves(each), finished_but_noted(each)) for each in moving],
            ordered=False,
        )
        lost = done + result.matched_count < len(seen)
        return [each.look.user_id for each in moving] if lost else []

    async def _finished(self, seen: Sequence[Seen]) -> int:
        changes = [finished(each) for each in seen]
        if len(changes) == 1:  # as usual while little happens; as a bulk it takes a quarter longer
            (change,) = changes
            one = await self.forgettable.update_one(change.which, change.update, hint=BY_ID)
            return one.matched_count
        many = await self.forgettable.bulk_write(changing(changes), ordered=False)
        return many.matched_count

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


def due(lanes: Sequence[int], now: datetime) -> Document:
    """Return the query for these lanes' people who are to be looked at by now."""
    return {"lane": {"$in": list(lanes)}, "recheck.at": {"$lte": now}}
