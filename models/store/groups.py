"""Groups as documents. A group is one document, so that nobody can join once it is full."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from models.claim import Taken, Told
from models.group import Group, GroupState, Member
from models.store.database import Document, Store


class Groups(Store):
    NAME = "groups"
    INDEXES = (
        IndexModel(
            [("buy", ASCENDING), ("seat", ASCENDING)],
            name="seat",
            unique=True,
            partialFilterExpression={"seat": {"$exists": True}},
        ),
        IndexModel(
            [("buy", ASCENDING), ("slots", ASCENDING)],
            name="slots",
            unique=True,
            partialFilterExpression={"slots.0": {"$exists": True}},
        ),
        IndexModel([("opened_by", ASCENDING)], name="opened_by", unique=True),
        IndexModel(
            [("until", ASCENDING)],
            name="until",
            partialFilterExpression={"state": GroupState.OPEN.value},
        ),
        IndexModel([("untold.at", ASCENDING)], name="untold", sparse=True),
        IndexModel([("members.user", ASCENDING)], name="member"),
    )

    async def add(self, group: Group) -> Taken | None:
        """Insert a group; return None, or what of it another group has already."""
        try:
            await self.documents.insert_one(_document(group))
        except DuplicateKeyError as error:
            return _taken(error)
        return None

    async def find(self, group_id: str) -> Group | None:
        """Return a group."""
        document = await self.documents.find_one({"_id": {"$eq": group_id}})
        return None if document is None else _group(document)

    async def find_many(self, ids: Sequence[str]) -> dict[str, Group]:
        """Return groups by id."""
        if not ids:
            return {}
        cursor = self.documents.find({"_id": {"$in": list(ids)}})
        return {document["_id"]: _group(document) async for document in cursor}

    async def order(self, group_id: str, user_id: str, order: str, holder: str) -> bool:
        """Note an attempt at an order by a member of a complete group, unless there is another."""
        free = {"user": {"$eq": user_id}, "holder": {"$in": [None, holder]}}
        done = await self.documents.update_one(
            {
                "_id": {"$eq": group_id},
                "state": GroupState.COMPLETED.value,
                "members": {"$elemMatch": free},
            },
            {"$set": {"members.$.order": order, "members.$.holder": holder}},
        )
        return done.matched_count > 0

    async def let_go(self, group_id: str, holder: str) -> None:
        """Forget an attempt at an order. Safe to repeat."""
        await self.documents.update_one(
            {"_id": {"$eq": group_id}, "members": {"$elemMatch": {"holder": {"$eq": holder}}}},
            {"$unset": {"members.$.order": "", "members.$.holder": ""}},
        )

    async def find_opened(self, opened_by: str) -> Group | None:
        """Return the group that was opened by this person with this key."""
        document = await self.documents.find_one({"opened_by": {"$eq": opened_by}})
        return None if document is None else _group(document)

    async def find_slot(self, buy: str, slot: str) -> Group | None:
        """Return the group in which someone has this place of what they may have."""
        document = await self.documents.find_one({"buy": {"$eq": buy}, "slots": {"$eq": slot}})
        return None if document is None else _group(document)

    async def free_slot(self, group: Group, slot: str) -> None:
        """Let a group that was joined long ago no longer count."""
        await self.documents.update_one({"_id": group.id}, {"$pull": {"slots": slot}})

    async def seats(self, buy: str) -> dict[str, int]:
        """Return which opener has which seat of a stock."""
        cursor = self.documents.find(
            {"buy": {"$eq": buy}, "seat": {"$exists": True}}, {"seat": 1, "opened_by": 1}
        )
        return {
            document["opened_by"]: document["seat"]
            for document in await cursor.to_list(length=None)
        }

    async def join(
        self, group_id: str, user_id: str, slots: Sequence[str], now: datetime
    ) -> Group | Taken | None:
        """Add a member while there is room and time; the last one completes the group.

        None if it is not open to this user: closed, full, over, or joined already.
        """
        room = {"$lt": [{"$size": "$members"}, "$size"]}
        complete = {"$gte": [{"$size": "$members"}, "$size"]}
        member = {"user": {"$literal": user_id}, "at": now}
        told = {"$cond": [complete, [{"state": GroupState.COMPLETED.value, "at": now}], []]}
        taken = [{"$literal": slot} for slot in slots]
        change: list[Document] = [
            {
                "$set": {
                    "members": {"$concatArrays": ["$members", [member]]},
                    "slots": {"$concatArrays": [{"$ifNull": ["$slots", []]}, taken]},
                    "version": {"$add": ["$version", 1]},
                }
            },
            {
                "$set": {
                    "state": {"$cond": [complete, GroupState.COMPLETED.value, "$state"]},
                    "untold": {
                        "$concatArrays": [
                            {"$ifNull": ["$untold", []]},
                            [{"state": "joined", "at": now, "user": {"$literal": user_id}}],
                            told,
                        ]
                    },
                }
            },
        ]
        try:
            document = await self.documents.find_one_and_update(
                {
                    "_id": {"$eq": group_id},
                    "state": GroupState.OPEN.value,
                    "until": {"$gt": now},
                    "members.user": {"$ne": user_id},
                    "$expr": room,
                },
                change,
                return_document=ReturnDocument.AFTER,
            )
        except DuplicateKeyError as error:
            return _taken(error)
        return None if document is None else _group(document)

    async def fail_ended(self, now: datetime) -> int:
        """Let go everyone whose group has not come together in time; return how many groups."""
        result = await self.documents.update_many(
            {"state": GroupState.OPEN.value, "until": {"$lte": now}},
            {
                "$set": {"state": GroupState.FAILED.value},
                "$unset": {"seat": "", "slots": ""},
                "$push": {"untold": {"state": GroupState.FAILED.value, "at": now}},
                "$inc": {"version": 1},
            },
        )
        return result.modified_count

    async def with_untold(self, limit: int) -> list[Group]:
        """Return groups that the feed is yet to hear of, those that wait longest first."""
        cursor = (
            self.documents.find({"untold.at": {"$exists": True}})
            .sort("untold.at", ASCENDING)
            .limit(limit)
        )
        return [_group(document) async for document in cursor]

    async def told(self, group: Group) -> None:
        """Forget what the feed has heard, unless something new has happened since."""
        await self.documents.update_one(
            {"_id": group.id, "version": group.version}, {"$unset": {"untold": ""}}
        )

    async def counts(self, buy: str) -> dict[GroupState, int]:
        """Return how many groups of a group buy there are in each state."""
        rows = self.documents.aggregate(
            [
                {"$match": {"buy": buy}},
                {"$group": {"_id": "$state", "count": {"$sum": 1}}},
            ]
        )
        return {GroupState(row["_id"]): row["count"] async for row in rows}


def _taken(error: DuplicateKeyError) -> Taken:
    keys: Mapping[str, Any] = (error.details or {})["keyValue"]
    what = next(name for name in ("_id", "opened_by", "seat", "slots") if name in keys)
    return Taken(what, keys[what])


def _document(group: Group) -> Document:
    document: Document = {
        "_id": group.id,
        "buy": group.buy,
        "name": group.name,
        "campaign": group.campaign_id,
        "sku": group.sku,
        "price": group.price,
        "currency": group.currency,
        "size": group.size,
        "state": group.state.value,
        "members": [{"user": member.user_id, "at": member.at} for member in group.members],
        "opened_by": group.opened_by,
        "at": group.at,
        "until": group.until,
        "version": group.version,
        "untold": [{"state": told.state, "at": told.at} for told in group.untold],
    }
    if group.seat is not None:
        document["seat"] = group.seat
    if group.slots:
        document["slots"] = list(group.slots)
    return document


def _group(document: Document) -> Group:
    return Group(
        id=document["_id"],
        buy=document["buy"],
        name=document["name"],
        campaign_id=document["campaign"],
        sku=document["sku"],
        price=document.get("price"),
        currency=document.get("currency"),
        size=document["size"],
        seat=document.get("seat"),
        slots=tuple(document.get("slots", ())),
        state=GroupState(document["state"]),
        members=tuple(
            Member(each["user"], each["at"], each.get("order"), each.get("holder"))
            for each in document["members"]
        ),
        opened_by=document["opened_by"],
        at=document["at"],
        until=document["until"],
        version=document["version"],
        untold=tuple(
            Told(told["state"], told["at"], told.get("user")) for told in document.get("untold", ())
        ),
    )
