"""The ledger of points. Transfers are only ever added, each under the id of what it is."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from pymongo import ASCENDING, IndexModel

from models.paging import EVER, Page, Sorting, Span, Window
from models.points import Extent, Reason, Transfer
from models.store.database import Document, Store
from models.store.keyset import page_of, within


class Points(Store):
    NAME = "points"
    INDEXES = (
        IndexModel([("user", ASCENDING), ("at", ASCENDING), ("_id", ASCENDING)], name="user"),
        IndexModel([("order", ASCENDING)], name="order", sparse=True),
    )

    async def add(self, transfers: Sequence[Transfer]) -> None:
        """Add transfers. One that is there already stays as it is."""
        await self._insert_missing(map(transfer_document, transfers))

    async def of_users(self, user_ids: Sequence[str]) -> dict[str, list[Transfer]]:
        """Return the ledgers of these people, each in the order of time."""
        found: dict[str, list[Transfer]] = {user_id: [] for user_id in user_ids}
        async for user_id, ledger in self.ledgers_of(user_ids):
            found[user_id] = ledger
        return found

    async def ledgers_of(
        self, user_ids: Sequence[str]
    ) -> AsyncIterator[tuple[str, list[Transfer]]]:
        """Yield the ledgers of those of these people who have one, by their ids, one at a time."""
        cursor = self.documents.find({"user": {"$in": list(user_ids)}})
        ledger: list[Transfer] = []
        async for document in cursor.sort([("user", ASCENDING), ("at", ASCENDING)]):
            transfer = transfer_of(document)
            if ledger and ledger[0].user_id != transfer.user_id:
                yield ledger[0].user_id, ledger
                ledger = []
            ledger.append(transfer)
        if ledger:
            yield ledger[0].user_id, ledger

    async def page(self, user_id: str, window: Window, moved: Span = EVER) -> Page[Transfer]:
        """Return someone's transfers that moved points then, the newest first."""
        query, sorting = _moves(user_id, moved), Sorting("at", descending=True)
        return await page_of(self.documents, query, window, read=transfer_of, sorting=sorting)

    async def count(self, user_id: str, moved: Span = EVER) -> int:
        """Count someone's transfers that moved points then."""
        return await self.documents.count_documents(_moves(user_id, moved))

    async def sum_until(self, user_id: str, transfer: Transfer) -> int:
        """Return what someone's points come to up to and with this transfer, by time."""
        before = [{"at": {"$lt": transfer.at}}, {"at": transfer.at, "_id": {"$lte": transfer.id}}]
        cursor = self.documents.aggregate(
            [
                {"$match": {"user": {"$eq": user_id}, "$or": before}},
                {"$group": {"_id": None, "points": {"$sum": {"$first": "$legs.points"}}}},
            ]
        )
        return sum([document["points"] async for document in cursor])

    async def earned(self) -> tuple[int, int]:
        """Return how many points events have earned, and for how many people."""
        cursor = self.documents.aggregate(
            [
                {"$match": {"reason": Reason.EARNED.value}},
                {"$group": {"_id": "$user", "points": {"$sum": {"$first": "$legs.points"}}}},
                {"$group": {"_id": None, "points": {"$sum": "$points"}, "people": {"$sum": 1}}},
            ]
        )
        found = await cursor.to_list(length=1)
        return (found[0]["points"], found[0]["people"]) if found else (0, 0)

    async def orders_known(self, orders: Sequence[str]) -> frozenset[str]:
        """Return those of these orders that points were gained or spent with."""
        return frozenset(await self.documents.distinct("order", {"order": {"$in": list(orders)}}))


def _moves(user_id: str, moved: Span) -> Document:
    query = {"user": {"$eq": user_id}, "reason": {"$ne": Reason.UNDONE.value}}
    return query | within(moved, "at")


def transfer_document(transfer: Transfer) -> Document:
    """Return the stored form of a transfer."""
    document: Document = {
        "_id": transfer.id,
        "user": transfer.user_id,
        "reason": transfer.reason.value,
        "legs": [{"account": leg.account, "points": leg.points} for leg in transfer.legs],
        "at": transfer.at,
    }
    rest: dict[str, Any] = {
        "expires_at": transfer.expires_at,
        "of": transfer.of,
        "order": transfer.order,
        "campaign": transfer.campaign_id,
        "about": dict(transfer.about) or None,
    }
    if transfer.extent is not None:
        rest["extent"] = {"money": transfer.extent.money, "units": transfer.extent.units}
    return document | {name: value for name, value in rest.items() if value is not None}


def transfer_of(document: Document) -> Transfer:
    """Read a transfer from its stored form."""
    extent = document.get("extent")
    return Transfer(
        id=document["_id"],
        user_id=document["user"],
        reason=Reason(document["reason"]),
        points=document["legs"][0]["points"],
        at=document["at"],
        expires_at=document.get("expires_at"),
        of=document.get("of"),
        order=document.get("order"),
        extent=None if extent is None else Extent(extent["money"], extent["units"]),
        campaign_id=document.get("campaign"),
        about=document.get("about", {}),
    )
