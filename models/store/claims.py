"""Claims of flash sales, and the record of each stock.

A stock is numbered units, and a unit belongs to one claim at most: a unique index says so. Taking a
unit, taking one's place among what one may have and remembering the caller's key is then one insert
of one document: there is no counter that could disagree, and nothing half done to repair.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, IndexModel, ReturnDocument
from pymongo.errors import BulkWriteError, DuplicateKeyError

from models.audit import Actor, Asked, Credential
from models.claim import Claim, ClaimState, Taken, Told
from models.store.database import Document, Store, duplicates


class Claims(Store):
    NAME = "claims"
    INDEXES = (
        IndexModel(
            [("sale", ASCENDING), ("unit", ASCENDING)],
            name="unit",
            unique=True,
            partialFilterExpression={"unit": {"$exists": True}},
        ),
        IndexModel(
            [("sale", ASCENDING), ("slots", ASCENDING)],
            name="slots",
            unique=True,
            partialFilterExpression={"slots.0": {"$exists": True}},
        ),
        IndexModel(
            [("until", ASCENDING)],
            name="until",
            partialFilterExpression={"state": ClaimState.HELD.value},
        ),
        IndexModel([("untold.at", ASCENDING)], name="untold", sparse=True),
        IndexModel([("user", ASCENDING)], name="user"),
    )

    async def add(self, claims: Sequence[Claim]) -> list[Taken | None]:
        """Insert claims; return for each None, or what of it another claim has already."""
        outcome: list[Taken | None] = [None] * len(claims)
        try:
            await self.documents.insert_many([_document(claim) for claim in claims], ordered=False)
        except BulkWriteError as error:
            duplicates(error)
            for failure in error.details["writeErrors"]:
                outcome[failure["index"]] = _taken(failure)
        return outcome

    async def find(self, claim_id: str) -> Claim | None:
        """Return a claim."""
        document = await self.documents.find_one({"_id": {"$eq": claim_id}})
        return None if document is None else _claim(document)

    async def find_many(self, ids: Sequence[str]) -> dict[str, Claim]:
        """Return claims by id."""
        if not ids:
            return {}
        cursor = self.documents.find({"_id": {"$in": list(ids)}})
        return {document["_id"]: _claim(document) async for document in cursor}

    async def taken(self, sale: str) -> dict[str, int]:
        """Return which claim has which unit."""
        cursor = self.documents.find(
            {"sale": {"$eq": sale}, "unit": {"$exists": True}}, {"unit": 1}
        )
        return {document["_id"]: document["unit"] for document in await cursor.to_list(length=None)}

    async def counts(self, sale: str) -> dict[ClaimState, int]:
        """Return how many claims of a sale are in each state that has a unit."""
        rows = self.documents.aggregate(
            [
                {"$match": {"sale": sale, "unit": {"$exists": True}}},
                {"$group": {"_id": "$state", "count": {"$sum": 1}}},
            ]
        )
        return {ClaimState(row["_id"]): row["count"] async for row in rows}

    async def with_slot(self, sale: str, slot: str) -> Claim | None:
        """Return the claim that has a place among what its user may have."""
        document = await self.documents.find_one({"sale": {"$eq": sale}, "slots": {"$eq": slot}})
        return None if document is None else _claim(document)

    async def free_slot(self, claim: Claim, slot: str) -> None:
        """Let a claim that is long ago no longer count."""
        await self.documents.update_one({"_id": claim.id}, {"$pull": {"slots": slot}})

    async def confirm(
        self, claim_id: str, order: str, now: datetime, holder: str | None = None
    ) -> Claim | None:
        """Sell what is held; None if it is not held.

        An attempt at an order is named as the `holder`: the feed hears of the sale once it settles.
        """
        return await self._move(
            {"_id": {"$eq": claim_id}, "state": ClaimState.HELD.value},
            {"$set": {"state": ClaimState.SOLD.value, "order": order, **_by(holder)}},
            None if holder else Told(ClaimState.SOLD, now),
        )

    async def adopt(self, claim_id: str, order: str, holder: str) -> Claim | None:
        """Let an attempt at an order have what was sold with it already; None if it was not."""
        return await self._move(
            {
                "_id": {"$eq": claim_id},
                "state": ClaimState.SOLD.value,
                "order": {"$eq": order},
                "holder": {"$exists": False},
            },
            {"$set": {"holder": holder}},
            None,
        )

    async def settle(self, claim_id: str, holder: str, now: datetime) -> None:
        """The order is there: let the feed hear of the sale. Safe to repeat."""
        await self._move(
            {"_id": {"$eq": claim_id}, "holder": {"$eq": holder}, "unsettled": True},
            {"$unset": {"unsettled": ""}},
            Told(ClaimState.SOLD, now),
        )

    async def undo(self, claim_id: str, holder: str, now: datetime) -> None:
        """Hold again what an attempt sold that is no order, or release it. Safe to repeat."""
        mine = {
            "_id": {"$eq": claim_id},
            "state": ClaimState.SOLD.value,
            "holder": {"$eq": holder},
        }
        held = {
            "$set": {"state": ClaimState.HELD.value},
            "$unset": {"order": "", "holder": "", "unsettled": ""},
        }
        if not await self._move({**mine, "until": {"$gt": now}}, held, None):
            released = {**_RELEASE, "$unset": {**_RELEASE["$unset"], "order": ""}}
            await self._move(mine, released, Told(ClaimState.RELEASED, now))

    async def sell_again(
        self,
        claim: Claim,
        unit: int,
        slots: Sequence[str],
        order: str,
        now: datetime,
        holder: str | None = None,
    ) -> Claim | Taken | None:
        """Sell another unit to someone whose hold has ended; None if the claim has moved."""
        places = {"slots": list(slots)} if slots else {}
        state = ClaimState.SOLD.value
        try:
            return await self._move(
                {"_id": claim.id, "state": ClaimState.RELEASED.value},
                {"$set": {"state": state, "order": order, "unit": unit, **places, **_by(holder)}},
                None if holder else Told(ClaimState.SOLD, now),
            )
        except DuplicateKeyError as error:
            return _taken(error.details or {})

    async def give_back(self, claim_id: str, order: str, now: datetime) -> Claim | None:
        """Return to stock what was sold with an order; None if it was not, or is not settled."""
        return await self._move(
            {
                "_id": {"$eq": claim_id},
                "state": ClaimState.SOLD.value,
                "order": {"$eq": order},
                "unsettled": {"$exists": False},
            },
            _RELEASE,
            Told(ClaimState.RELEASED, now),
        )

    async def release_ended(self, now: datetime) -> int:
        """Return to stock what was held until now or before; return how many units that were."""
        told = {"state": ClaimState.RELEASED.value, "at": now}
        result = await self.documents.update_many(
            {"state": ClaimState.HELD.value, "until": {"$lte": now}},
            {**_RELEASE, "$push": {"untold": told}, "$inc": {"version": 1}},
        )
        return result.modified_count

    async def with_untold(self, limit: int) -> list[Claim]:
        """Return claims that the feed is yet to hear of, those that wait longest first."""
        cursor = (
            self.documents.find({"untold.at": {"$exists": True}})
            .sort("untold.at", ASCENDING)
            .limit(limit)
        )
        return [_claim(document) async for document in cursor]

    async def told(self, claims: Sequence[Claim]) -> None:
        """Forget what the feed has heard, except where something new has happened since."""
        for version in {claim.version for claim in claims}:
            ids = [claim.id for claim in claims if claim.version == version]
            await self.documents.update_many(
                {"_id": {"$in": ids}, "version": version}, {"$unset": {"untold": ""}}
            )

    async def _move(
        self, which: Mapping[str, Any], change: Mapping[str, Any], told: Told | None
    ) -> Claim | None:
        push = {"$push": {"untold": {"state": str(told.state), "at": told.at}}} if told else {}
        document = await self.documents.find_one_and_update(
            which,
            {**change, **push, "$inc": {"version": 1}},
            return_document=ReturnDocument.AFTER,
        )
        return None if document is None else _claim(document)


class Stocks(Store):
    """What each flash sale and group buy began with, and whether the feed knows it as sold out."""

    NAME = "stocks"

    async def declare(self, stock: str, kind: str, initial: int) -> None:
        """Note a stock. It can grow while it is sold; what was sold of it stays sold."""
        await self.documents.update_one(
            {"_id": {"$eq": stock}},
            {"$set": {"kind": kind}, "$max": {"initial": initial}},
            upsert=True,
        )

    async def all(self) -> list[dict[str, Any]]:
        """Return every stock: id, kind, initial, sold_out, turns."""
        return [
            {
                "id": document["_id"],
                "kind": document["kind"],
                "initial": document["initial"],
                "sold_out": document.get("sold_out", False),
                "turns": document.get("turns", 0),
            }
            async for document in self.documents.find()
        ]

    async def turn(self, stock: str, turns: int, *, sold_out: bool) -> None:
        """Note that the feed has heard that a stock is sold out, or no longer is."""
        await self.documents.update_one(
            {"_id": {"$eq": stock}, "turns": turns or None},
            {"$set": {"sold_out": sold_out, "turns": turns + 1}},
        )


_RELEASE = {
    "$set": {"state": ClaimState.RELEASED.value},
    "$unset": {"unit": "", "slots": "", "holder": "", "unsettled": ""},
}


def _by(holder: str | None) -> Document:
    return {} if holder is None else {"holder": holder, "unsettled": True}


def _taken(failure: Mapping[str, Any]) -> Taken:
    keys = failure["keyValue"]
    what = next(name for name in ("_id", "unit", "slots") if name in keys)
    return Taken(what, keys[what])


def _document(claim: Claim) -> Document:
    document: Document = {
        "_id": claim.id,
        "sale": claim.sale,
        "name": claim.name,
        "campaign": claim.campaign_id,
        "user": claim.user_id,
        "sku": claim.sku,
        "price": claim.price,
        "currency": claim.currency,
        "unit": claim.unit,
        "state": claim.state.value,
        "at": claim.at,
        "until": claim.until,
        "version": claim.version,
        "untold": [_told_document(told) for told in claim.untold],
    }
    if claim.slots:
        document["slots"] = list(claim.slots)
    return document


def _claim(document: Document) -> Claim:
    return Claim(
        id=document["_id"],
        sale=document["sale"],
        name=document["name"],
        campaign_id=document["campaign"],
        user_id=document["user"],
        sku=document["sku"],
        price=document.get("price"),
        currency=document.get("currency"),
        unit=document.get("unit"),
        slots=tuple(document.get("slots", ())),
        state=ClaimState(document["state"]),
        at=document["at"],
        until=document["until"],
        order=document.get("order"),
        holder=document.get("holder"),
        version=document["version"],
        untold=tuple(map(_told, document.get("untold", ()))),
    )


def _told_document(told: Told) -> Document:
    document: Document = {"state": told.state, "at": told.at}
    if told.asked is not None:
        by = {"credential": told.asked.by.credential.value, "id": told.asked.by.id}
        document["asked"] = {"id": told.asked.id, "at": told.asked.at, "by": by}
    return document


def _told(document: Document) -> Told:
    told = Told(document["state"], document["at"])
    if (asked := document.get("asked")) is None:
        return told
    by = Actor(Credential(asked["by"]["credential"]), asked["by"]["id"])
    return replace(told, asked=Asked(asked["id"], asked["at"], by))
