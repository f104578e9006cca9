"""Holds on what orders take: there from before the first counter moves until all is settled."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from pymongo import ASCENDING, IndexModel

from models.redemption import PerUser, Redemption, Reserve, Reserved, Taking
from models.store.database import Document, Store


class Redemptions(Store):
    NAME = "redemptions"
    INDEXES = (
        IndexModel([("until", ASCENDING)], name="until"),
        IndexModel([("order", ASCENDING)], name="order"),
    )

    async def hold_many(self, redemptions: Sequence[Redemption]) -> None:
        """Write down what is about to be taken, so that it can be given back whatever happens.

        Safe to repeat.
        """
        await self._insert_missing(_document(redemption) for redemption in redemptions)

    async def forget(self, redemption_id: str) -> None:
        """It is settled, or all of it was given back."""
        await self.documents.delete_one({"_id": {"$eq": redemption_id}})

    async def forget_many(self, ids: Sequence[str]) -> None:
        """They are settled, or all of them was given back."""
        await self.documents.delete_many({"_id": {"$in": list(ids)}})

    async def of_orders(self, orders: Sequence[str]) -> list[Redemption]:
        """Return the attempts at these orders that are under way, or were left behind."""
        cursor = self.documents.find({"order": {"$in": list(orders)}})
        return [_redemption(document) async for document in cursor]

    async def ids(self) -> frozenset[str]:
        """Return the attempts that are under way, or were left behind."""
        return frozenset([row["_id"] async for row in self.documents.find({}, {"_id": 1})])

    async def overdue(self, wall: datetime, *, limit: int) -> list[Redemption]:
        """Return those whose time is over, the oldest first."""
        cursor = self.documents.find({"until": {"$lt": wall}}).sort("until").limit(limit)
        return [_redemption(document) async for document in cursor]


def taking_document(taking: Taking) -> Document:
    """Return the stored form of a taking."""
    return {
        "name": taking.name,
        "promotions": list(taking.promotions),
        "uses": taking.uses,
        "money": taking.money,
        "most": taking.most,
        "budget": taking.budget,
        "zone": taking.zone,
        "per_user": [{"count": limit.count, "within": limit.within} for limit in taking.per_user],
    }


def taking_of(document: Document) -> Taking:
    """Read a taking from its stored form."""
    return Taking(
        **{
            **document,
            "promotions": tuple(document["promotions"]),
            "per_user": tuple(
                PerUser(limit["count"], tuple(limit["within"]) if limit["within"] else None)
                for limit in document["per_user"]
            ),
        }
    )


def reserved_of(documents: list[Document]) -> tuple[Reserved, ...]:
    """Read reservations from their stored form."""
    return tuple(
        Reserved(Reserve(each["how"]), each["id"], each["line"], each["price"])
        for each in documents
    )


def _document(redemption: Redemption) -> Document:
    return {
        "_id": redemption.id,
        "order": redemption.order,
        "takings": [taking_document(taking) for taking in redemption.takings],
        "at": redemption.at,
        "until": redemption.until,
        "user": redemption.user_id,
        "codes": [list(code) for code in redemption.codes],
        "reserved": [asdict(each) for each in redemption.reserved],
        "points": redemption.points,
    }


def _redemption(document: Document) -> Redemption:
    return Redemption(
        id=document["_id"],
        order=document["order"],
        takings=tuple(taking_of(taking) for taking in document["takings"]),
        at=document["at"],
        until=document["until"],
        user_id=document["user"],
        codes=tuple((code, promotion) for code, promotion in document["codes"]),
        reserved=reserved_of(document.get("reserved", [])),
        points=document.get("points", 0),
    )
