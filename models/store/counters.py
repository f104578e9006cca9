"""Counters that are never exceeded: uses and money of promotions, by everyone and by each user.

A counter of everyone remembers in `held` who took without having settled, so that taking and
releasing may be repeated; what is given back after that is remembered in `returned`, the latest
thousand. A counter of one user is the list of their uses.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from pymongo import ASCENDING, IndexModel, ReturnDocument, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from models.store.database import Document, Store, duplicates

# Whoever is killed after an order is placed may leave its hold behind: it says no more by then.
_A_DAY = 86_400_000
_AT_THIS_TIME: Document = {"h": "$$this.h", "n": "$$this.n", "m": "$$this.m", "t": "$$NOW"}


@dataclass(frozen=True, slots=True)
class Count:
    """How much of something is used: by everyone, and by the user asked about, at which times."""

    uses: int = 0
    money: int = 0
    times: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class Total:
    """How much everyone has used of something; `turns`: how often a bound came or went."""

    uses: int
    money: int
    turns: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Draw:
    """What one holder wants of a counter."""

    holder: str
    uses: int
    money: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A counter as it is: of everyone, with who holds how much, or of one user, with each use."""

    name: str
    user_id: str | None
    uses: int
    money: int
    held: Mapping[str, tuple[int, int]]
    times: Mapping[str, datetime]


@dataclass(frozen=True, slots=True)
class OwnDraw:
    """One more use by one user; `fewest` is the smallest number that any limit of theirs allows."""

    name: str
    user_id: str
    holder: str
    at: datetime
    fewest: int


class Counters(Store):
    NAME = "counters"
    INDEXES = (IndexModel([("user", ASCENDING)], name="user", sparse=True),)
    REMEMBERED: ClassVar[int] = 1_000
    TRIES: ClassVar[int] = 20

    async def read(self, names: Iterable[str], user_id: str | None) -> dict[str, Count]:
        """Return what is used of these, by everyone and by this user, in one read."""
        return (await self.read_many([(names, user_id)]))[0]

    async def read_many(
        self, asked: Sequence[tuple[Iterable[str], str | None]]
    ) -> list[dict[str, Count]]:
        """Answer several such questions in one read."""
        keys = [_keys(names, user_id) for names, user_id in asked]
        wanted = {key for each in keys for key in each}
        if not wanted:
            return [{} for _ in asked]
        fields = {"uses": 1, "money": 1, "times.at": 1}
        cursor = self.documents.find({"_id": {"$in": sorted(wanted)}}, fields)
        found = {document["_id"]: document async for document in cursor}
        return [_counts(each, found) for each in keys]

    async def draw(
        self,
        name: str,
        draws: Sequence[Draw],
        *,
        most: int | None,
        budget: int | None,
        settled: Iterable[str] = (),
    ) -> frozenset[str]:
        """Grant these draws in order, as far as the bounds allow, in one update.

        Returns the holders that were granted. A holder that has drawn and not settled is granted
        again without being counted again. `settled` is settled in the same update.
        """
        wanted = [{"h": draw.holder, "n": draw.uses, "m": draw.money} for draw in draws]
        fresh = {
            "$filter": {
                "input": {"$literal": wanted},
                "cond": {"$not": {"$in": ["$$this.h", "$held.h"]}},
            }
        }
        alike = budget is None and all(draw.uses == 1 for draw in draws)
        document = await self._update(
            _shared(name),
            [
                {"$set": _as_found(list(settled))},
                {"$set": {"new": _first(fresh, most) if alike else _fitting(fresh, most, budget)}},
                {
                    "$set": {
                        "uses": {"$add": ["$uses", {"$sum": "$new.n"}]},
                        "money": {"$add": ["$money", {"$sum": "$new.m"}]},
                        "held": {
                            "$concatArrays": [
                                "$held",
                                {"$map": {"input": "$new", "in": _AT_THIS_TIME}},
                            ]
                        },
                    }
                },
                {"$unset": "new"},
            ],
        )
        holders = {draw.holder for draw in draws}
        return frozenset(each["h"] for each in document["held"] if each["h"] in holders)

    async def totals(self, names: Iterable[str]) -> dict[str, Total]:
        """Return what all together have used of those of these that anyone has, in one read."""
        keys = {_shared(name): name for name in names}
        fields = {"uses": 1, "money": 1, "turns": 1}
        cursor = self.documents.find({"_id": {"$in": sorted(keys)}}, fields)
        return {
            keys[document["_id"]]: Total(
                document.get("uses", 0), document.get("money", 0), document.get("turns", {})
            )
            async for document in cursor
        }

    async def turn(self, name: str, bound: str, turn: int) -> None:
        """Note that a bound has come or gone once more, unless someone else has. Safe to repeat."""
        at = f"turns.{bound}"
        was = {at: turn} if turn else {at: {"$exists": False}}
        await self.documents.update_one(
            {"_id": {"$eq": _shared(name)}, **was}, {"$set": {at: turn + 1}}
        )

    async def settle(self, name: str, holders: Sequence[str]) -> None:
        """What these holders drew is theirs: it can no longer be released."""
        await self.documents.update_one(
            {"_id": _shared(name)}, {"$pull": {"held": {"h": {"$in": list(holders)}}}}
        )

    async def release(self, name: str, holder: str) -> None:
        """Return what a holder drew and has not settled. Safe to repeat."""
        mine = {"$filter": {"input": "$held", "cond": {"$eq": ["$$this.h", {"$literal": holder}]}}}
        others = {
            "$filter": {"input": "$held", "cond": {"$ne": ["$$this.h", {"$literal": holder}]}}
        }
        await self.documents.update_one(
            {"_id": _shared(name), "held.h": {"$eq": holder}},
            [
                {"$set": {"mine": {"$first": mine}}},
                {
                    "$set": {
                        "uses": {"$subtract": ["$uses", "$mine.n"]},
                        "money": {"$subtract": ["$money", "$mine.m"]},
                        "held": others,
                    }
                },
                {"$unset": "mine"},
            ],
        )

    async def give_back(self, name: str, act: str, *, uses: int, money: int) -> None:
        """Return what was settled, once for each `act`. Safe to repeat."""
        await self.documents.update_one(
            {"_id": _shared(name), "returned": {"$ne": act}},
            {
                "$inc": {"uses": -uses, "money": -money},
                "$push": {"returned": {"$each": [act], "$slice": -self.REMEMBERED}},
            },
        )

    async def draw_own_early(self, draws: Sequence[OwnDraw]) -> list[bool]:
        """Note one more use by each of these users who have had fewer than `fewest` uses ever.

        Of a holder who has drawn already, or a user who has had more, nothing is noted and the
        answer is no: `draw_own` tells more.
        """
        writes = [
            UpdateOne(
                {
                    "_id": {"$eq": _own(draw.name, draw.user_id)},
                    "times.holder": {"$ne": draw.holder},
                    f"times.{draw.fewest - 1}": {"$exists": False},
                },
                {
                    "$push": {"times": {"holder": draw.holder, "at": draw.at}},
                    "$inc": {"version": 1},
                    "$setOnInsert": {"user": draw.user_id},
                },
                # Where there is a document that does not match, this is refused as a duplicate.
                upsert=True,
            )
            for draw in draws
        ]
        try:
            await self.documents.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            refused = duplicates(error)
            return [place not in refused for place in range(len(draws))]
        return [True] * len(draws)

    async def draw_own(
        self,
        name: str,
        user_id: str,
        holder: str,
        at: datetime,
        allowed: Callable[[Sequence[datetime]], bool],
    ) -> bool:
        """Note one more use by a user, if that is allowed after the uses at these times.

        A holder is counted once. Decided on what was read, and written only if that still holds.
        """
        key = _own(name, user_id)
        for _ in range(self.TRIES):
            document = await self.documents.find_one({"_id": {"$eq": key}}) or {}
            times = document.get("times", [])
            if any(use["holder"] == holder for use in times):
                return True
            if not allowed([use["at"] for use in times]):
                return False
            version = document.get("version", 0)
            seen = {"version": version} if document else {"version": {"$exists": False}}
            try:
                done = await self.documents.update_one(
                    {"_id": {"$eq": key}, **seen},
                    {
                        "$push": {"times": {"holder": holder, "at": at}},
                        "$inc": {"version": 1},
                        "$setOnInsert": {"user": user_id},
                    },
                    upsert=not document,
                )
            except DuplicateKeyError:
                continue
            if done.modified_count or done.upserted_id:
                return True
        return False

    async def give_back_own(self, name: str, user_id: str, holder: str) -> None:
        """Forget a use by a user. Safe to repeat."""
        await self.documents.update_one(
            {"_id": {"$eq": _own(name, user_id)}, "times.holder": {"$eq": holder}},
            {"$pull": {"times": {"holder": {"$eq": holder}}}, "$inc": {"version": 1}},
        )

    async def every(self) -> AsyncIterator[Kept]:
        """Yield all counters."""
        async for document in self.documents.find():
            kind, name, *rest = document["_id"].split("|", 2)
            yield Kept(
                name,
                rest[0] if kind == "user" else None,
                document.get("uses", 0),
                document.get("money", 0),
                {each["h"]: (each["n"], each["m"]) for each in document.get("held", ())},
                {use["holder"]: use["at"] for use in document.get("times", ())},
            )

    async def _update(self, key: str, pipeline: list[Document]) -> Document:
        for tried in (False, True):
            try:
                document = await self.documents.find_one_and_update(
                    {"_id": {"$eq": key}},
                    pipeline,
                    projection={"held.h": 1},
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                )
            except DuplicateKeyError:  # someone else made it at the same moment
                if tried:
                    raise
                continue
            assert document is not None  # an upsert always answers
            return document
        raise AssertionError


def _as_found(settled: list[str]) -> Document:
    """Return the fields as they are before a draw, without what is settled or long forgotten."""
    pending = {
        "$and": [
            {"$not": {"$in": ["$$this.h", {"$literal": settled}]}},
            {"$gt": ["$$this.t", {"$subtract": ["$$NOW", _A_DAY]}]},
        ]
    }
    return {
        "uses": {"$ifNull": ["$uses", 0]},
        "money": {"$ifNull": ["$money", 0]},
        "held": {"$filter": {"input": {"$ifNull": ["$held", []]}, "cond": pending}},
    }


def _first(fresh: Document, most: int | None) -> Document:
    """Return those that find room where each takes one use and money does not matter."""
    if most is None:
        return fresh
    return {"$slice": [fresh, {"$max": [0, {"$subtract": [most, "$uses"]}]}]}


def _fitting(fresh: Document, most: int | None, budget: int | None) -> Document:
    """Return those that find room, one after the other: a small one may where a large did not."""
    fits: list[Document] = []
    for total, own, bound in (("uses", "n", most), ("money", "m", budget)):
        if bound is not None:
            taken = {"$sum": f"$$value.{own}"}
            fits.append({"$lte": [{"$add": [f"${total}", taken, f"$$this.{own}"]}, bound]})
    granted = {"$concatArrays": ["$$value", ["$$this"]]}
    return {
        "$reduce": {
            "input": fresh,
            "initialValue": [],
            "in": {"$cond": [{"$and": fits}, granted, "$$value"]},
        }
    }


def _keys(names: Iterable[str], user_id: str | None) -> dict[str, str]:
    """Return what is counted, by the ids of the documents that count it."""
    everyone = {_shared(name): name for name in names}
    if user_id is None:
        return everyone
    return everyone | {_own(name, user_id): name for name in everyone.values()}


def _counts(keys: Mapping[str, str], found: Mapping[str, Document]) -> dict[str, Count]:
    merged: dict[str, Document] = {}
    for key, name in keys.items():
        if key in found:
            merged.setdefault(name, {}).update(found[key])
    return {
        name: Count(
            document.get("uses", 0),
            document.get("money", 0),
            tuple(use["at"] for use in document.get("times", ())),
        )
        for name, document in merged.items()
    }


def _shared(name: str) -> str:
    return f"all|{name}"


def _own(name: str, user_id: str) -> str:
    return f"user|{name}|{user_id}"
