"""Draws and their entries. An entry's id is what entered whom, so that it is there once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bson import Binary
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from models.beacon import Pulse
from models.claim import Told
from models.draw import Draw, DrawPrize, DrawState, Entry, Winner
from models.store.database import Document, Store


class Draws(Store):
    NAME = "draws"
    INDEXES = (
        IndexModel([("state", ASCENDING), ("draw_at", ASCENDING)], name="state"),
        IndexModel([("opened_at", DESCENDING)], name="opened_at"),
        IndexModel([("untold.at", ASCENDING)], name="untold", sparse=True),
    )

    async def open(self, draw: Draw) -> bool:
        """Insert a draw; False if it has been opened before: there is one commitment for each."""
        try:
            await self.documents.insert_one(_document(draw))
        except DuplicateKeyError:
            return False
        return True

    async def find(self, draw_id: str) -> Draw | None:
        """Return a draw."""
        document = await self.documents.find_one({"_id": {"$eq": draw_id}})
        return None if document is None else _draw(document)

    async def find_many(self, ids: Sequence[str]) -> dict[str, Draw]:
        """Return draws by id."""
        cursor = self.documents.find({"_id": {"$in": list(ids)}})
        return {document["_id"]: _draw(document) async for document in cursor}

    async def latest(self, limit: int) -> list[Draw]:
        """Return the draws that were opened last."""
        cursor = self.documents.find().sort("opened_at", DESCENDING).limit(limit)
        return [_draw(document) async for document in cursor]

    async def in_state(self, state: DrawState) -> list[Draw]:
        """Return draws in a state, those that are drawn first first."""
        cursor = self.documents.find({"state": state.value}).sort("draw_at", ASCENDING)
        return [_draw(document) async for document in cursor]

    async def begin_closing(self, draw_id: str, wall: datetime) -> None:
        """Take no more entries from now on."""
        await self.documents.update_one(
            {"_id": draw_id, "state": DrawState.OPEN.value},
            {"$set": {"state": DrawState.CLOSING.value, "closing_at": wall}},
        )

    async def close(
        self, draw_id: str, root: str, entries: int, at: datetime, wall: datetime
    ) -> None:
        """Publish the root over the entries. Without effect if that has been done."""
        await self.documents.update_one(
            {"_id": draw_id, "state": DrawState.CLOSING.value},
            {
                "$set": {
                    "state": DrawState.CLOSED.value,
                    "root": root,
                    "entries": entries,
                    "rooted_at": wall,
                },
                "$push": {"untold": {"state": "closed", "at": at}},
            },
        )

    async def wait(self, draw_id: str, reason: str, at: datetime) -> bool:
        """Tell once why a draw is late; false if that has been told."""
        result = await self.documents.update_one(
            {
                "_id": draw_id,
                "state": DrawState.CLOSED.value,
                "waiting": {"$exists": False},
            },
            {"$set": {"waiting": reason}, "$push": {"untold": {"state": "waiting", "at": at}}},
        )
        return result.modified_count > 0

    async def reveal(
        self, draw_id: str, winners: Sequence[Winner], pulse: Pulse | None, at: datetime
    ) -> None:
        """Publish who won. Without effect if that has been done."""
        await self.documents.update_one(
            {"_id": draw_id, "state": DrawState.CLOSED.value},
            {
                "$set": {
                    "state": DrawState.DRAWN.value,
                    "beacon": None if pulse is None else pulse.record(),
                    "winners": [
                        {"prize": won.prize, "ticket": won.ticket, "code": won.code}
                        for won in winners
                    ],
                },
                "$unset": {"waiting": ""},
                "$push": {"untold": {"state": "drawn", "at": at}},
            },
        )

    async def with_untold(self, limit: int) -> list[Draw]:
        """Return draws that the feed is yet to hear of."""
        cursor = self.documents.find({"untold.at": {"$exists": True}}).limit(limit)
        return [_draw(document) async for document in cursor]

    async def told(self, draw: Draw) -> None:
        """Forget what the feed has heard, unless there is more to tell since."""
        untold = [{"state": told.state, "at": told.at} for told in draw.untold]
        await self.documents.update_one(
            {"_id": draw.id, "untold": {"$eq": untold}}, {"$unset": {"untold": ""}}
        )


class Entries(Store):
    NAME = "entries"
    INDEXES = (
        IndexModel([("draw", ASCENDING), ("ticket", ASCENDING)], name="ticket", unique=True),
        IndexModel([("draw", ASCENDING), ("user", ASCENDING)], name="user"),
        IndexModel([("user", ASCENDING)], name="whose"),
        IndexModel(
            [("draw", ASCENDING), ("slot", ASCENDING)],
            name="slot",
            unique=True,
            partialFilterExpression={"slot": {"$exists": True}},
        ),
    )

    async def add(self, entry: Entry) -> str | None:
        """Insert an entry; return None, or what of it another has: "_id" or "slot"."""
        document: Document = {
            "_id": entry.id,
            "draw": entry.draw,
            "user": entry.user_id,
            "source": entry.source,
            "ticket": entry.ticket,
            "nonce": entry.nonce,
            "at": entry.at,
        }
        if entry.slot is not None:
            document["slot"] = entry.slot
        try:
            await self.documents.insert_one(document)
        except DuplicateKeyError as error:
            return "slot" if "slot" in (error.details or {})["keyValue"] else "_id"
        return None

    async def has(self, entry_id: str) -> bool:
        """Whether there is an entry with this id."""
        return await self.documents.find_one({"_id": {"$eq": entry_id}}, {"_id": 1}) is not None

    async def find(self, entry_id: str) -> Entry | None:
        """Return an entry."""
        document = await self.documents.find_one({"_id": {"$eq": entry_id}})
        return None if document is None else _entry(document)

    async def withdraw(self, entry_id: str) -> None:
        """Remove an entry that came too late to take part."""
        await self.documents.delete_one({"_id": {"$eq": entry_id}, "frozen": {"$ne": True}})

    async def freeze(self, draw_id: str) -> None:
        """Mark the entries that are there: only they take part."""
        await self.documents.update_many({"draw": draw_id}, {"$set": {"frozen": True}})

    async def tickets(
        self, draw_id: str, *, after: str = "", limit: int | None = None
    ) -> list[str]:
        """Return the tickets that take part, in ascending order."""
        cursor = (
            self.documents.find(
                {"draw": {"$eq": draw_id}, "frozen": True, "ticket": {"$gt": after}},
                {"_id": 0, "ticket": 1},
            )
            .sort("ticket", ASCENDING)
            .limit(limit or 0)
        )
        return [document["ticket"] for document in await cursor.to_list(length=None)]

    async def of_user(self, draw_id: str, user_id: str, *, limit: int) -> list[Entry]:
        """Return someone's entries, the first first."""
        cursor = (
            self.documents.find({"draw": {"$eq": draw_id}, "user": {"$eq": user_id}})
            .sort("_id", ASCENDING)
            .limit(limit)
        )
        return [_entry(document) async for document in cursor]

    async def of_tickets(self, draw_id: str, tickets: Sequence[str]) -> dict[str, Entry]:
        """Return entries by ticket."""
        cursor = self.documents.find({"draw": draw_id, "ticket": {"$in": list(tickets)}})
        return {document["ticket"]: _entry(document) async for document in cursor}


def _document(draw: Draw) -> Document:
    return {
        "_id": draw.id,
        "name": draw.name,
        "title": draw.title,
        "campaign": draw.campaign_id,
        "promise": dict(draw.promise),
        "commitment": draw.commitment,
        "secret": Binary(draw.secret),
        "state": draw.state.value,
        "opened_at": draw.opened_at,
        "closes_at": draw.closes_at,
        "draw_at": draw.draw_at,
        "untold": [{"state": told.state, "at": told.at} for told in draw.untold],
    }


def _draw(document: Document) -> Draw:
    prizes: list[dict[str, Any]] = document["promise"]["prizes"]
    return Draw(
        id=document["_id"],
        name=document["name"],
        title=document["title"],
        campaign_id=document["campaign"],
        prizes=tuple(DrawPrize(each["title"], each["quantity"], each["grants"]) for each in prizes),
        promise=document["promise"],
        commitment=document["commitment"],
        secret=document["secret"],
        state=DrawState(document["state"]),
        opened_at=document["opened_at"],
        closes_at=document["closes_at"],
        draw_at=document["draw_at"],
        entries=document.get("entries", 0),
        closing_at=document.get("closing_at"),
        root=document.get("root"),
        rooted_at=document.get("rooted_at"),
        waiting=document.get("waiting"),
        pulse=None if (said := document.get("beacon")) is None else Pulse.of(said),
        winners=tuple(
            Winner(won["prize"], won["ticket"], won.get("code"))
            for won in document.get("winners", ())
        ),
        untold=tuple(Told(told["state"], told["at"]) for told in document.get("untold", ())),
    )


def _entry(document: Document) -> Entry:
    return Entry(
        id=document["_id"],
        draw=document["draw"],
        user_id=document["user"],
        source=document["source"],
        ticket=document["ticket"],
        nonce=document["nonce"],
        slot=document.get("slot"),
        frozen=document.get("frozen", False),
        at=document["at"],
    )
