"""Deliveries as documents, and how far in the feed each webhook has been served."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from pymongo import ASCENDING, DESCENDING, IndexModel

from models.delivery import Delivery, DeliveryState
from models.errors import NotFound
from models.paging import Page, Window
from models.store.alarms import raised_by
from models.store.database import Document, Store
from models.store.deaths import taken_over
from models.store.keyset import LATEST_ID, page_of
from models.store.outbox import entry_document, entry_of


class Deliveries(Store):
    NAME = "deliveries"
    INDEXES = (
        IndexModel(
            [("webhook", ASCENDING), ("next_at", ASCENDING)],
            name="due",
            partialFilterExpression={"next_at": {"$exists": True}},
        ),
        IndexModel([("webhook", ASCENDING), ("_id", DESCENDING)], name="log"),
        IndexModel(
            [("webhook", ASCENDING), ("state", ASCENDING), ("_id", DESCENDING)], name="state"
        ),
        IndexModel([("entry.user", ASCENDING)], name="user", sparse=True),
        IndexModel([("done_at", ASCENDING)], name="done", expireAfterSeconds=30 * 86_400),
    )

    async def add(self, deliveries: Iterable[Delivery]) -> None:
        """Insert deliveries; those that are there already stay as they are."""
        await self._insert_missing(_document(delivery) for delivery in deliveries)

    async def get(self, delivery_id: str) -> Delivery:
        """Return the delivery with this id. Raises NotFound."""
        document = await self.documents.find_one({"_id": {"$eq": delivery_id}})
        if document is None:
            raise NotFound("There is no such delivery.", field=("id",))
        return _delivery(document)

    async def find_many(self, ids: Sequence[str]) -> dict[str, Delivery]:
        """Return those of these deliveries that exist, by id."""
        cursor = self.documents.find({"_id": {"$in": list(ids)}})
        return {document["_id"]: _delivery(document) async for document in cursor}

    async def waiting(self, webhook: str, *, most: int) -> int:
        """Return how many wait for a webhook; counting stops at `most`."""
        query = {"webhook": {"$eq": webhook}, "next_at": {"$exists": True}}
        return await self.documents.count_documents(query, limit=most)

    async def due(self, webhooks: Collection[str], wall: datetime) -> list[str]:
        """Return those of these webhooks for which something is due."""
        query = {"webhook": {"$in": sorted(webhooks)}, "next_at": {"$lte": wall}}
        return list(await self.documents.distinct("webhook", query))

    async def next(
        self, webhook: str, *, wall: datetime, limit: int
    ) -> tuple[list[str], list[str]]:
        """Return what has been due longest, and what of it a worker died with apart."""
        due = {"webhook": {"$eq": webhook}, "next_at": {"$lte": wall}}
        marks = {"token": 1, "deaths": 1}
        cursor = self.documents.find(due, marks).sort("next_at", ASCENDING).limit(limit)
        page: list[str] = []
        suspects: list[str] = []
        async for found in cursor:
            (suspects if "token" in found or "deaths" in found else page).append(found["_id"])
        return page, suspects

    async def claim(
        self, ids: Sequence[str], token: str, *, wall: datetime, lease: timedelta
    ) -> list[Delivery]:
        """Take what is due, for a while. A try is counted when it begins, a death when it ends."""
        await self.documents.update_many(
            {"_id": {"$in": list(ids)}, "next_at": {"$lte": wall}},
            taken_over({"next_at": wall + lease, "tries": {"$add": ["$tries", 1]}}, token=token),
        )
        claimed = self.documents.find({"_id": {"$in": list(ids)}, "token": token})
        return [_delivery(document) async for document in claimed.sort("_id", ASCENDING)]

    async def settle(self, delivery: Delivery, token: str, alarm: str | None = None) -> bool:
        """Record how a try went, and if it was set aside by which alarm.

        False if someone else has taken it over.
        """
        outcome: Document = {
            "state": delivery.state.value,
            "failures": delivery.failures,
            "reason": delivery.reason,
            **({} if alarm is None else raised_by(alarm)),
        }
        update: Document = {"$set": outcome, "$unset": {"token": "", "deaths": ""}}
        for name in ("next_at", "done_at"):
            value = getattr(delivery, name)
            (outcome if value is not None else update["$unset"])[name] = value
        done = await self.documents.update_one({"_id": delivery.id, "token": token}, update)
        return done.modified_count > 0

    async def let_go(self, ids: Sequence[str], token: str) -> None:
        """Note that whoever claimed these lives, though nothing came of it. Safe to repeat."""
        await self.documents.update_many(
            {"_id": {"$in": list(ids)}, "token": token}, {"$unset": {"token": ""}}
        )

    async def again(self, webhook: str, *, wall: datetime, after: int | None, id: str = "") -> int:
        """Have one delivery, or all of entries after a place, made once more; return how many."""
        query: Document = {"webhook": {"$eq": webhook}}
        query |= {"_id": {"$eq": id}} if id else {"seq": {"$gt": after}}
        done = await self.documents.update_many(
            query,
            {
                "$set": {"state": DeliveryState.WAITING.value, "next_at": wall, "failures": 0},
                "$unset": {"done_at": "", "token": "", "deaths": "", "reason": ""},
            },
        )
        return done.matched_count

    async def page(
        self, window: Window, *, webhook: str, state: DeliveryState | None
    ) -> Page[Delivery]:
        """Return a webhook's deliveries, the latest entries first."""
        query = _of(webhook, state)
        return await page_of(self.documents, query, window, read=_delivery, sorting=LATEST_ID)

    async def count(self, *, webhook: str, state: DeliveryState | None) -> int:
        """Count a webhook's deliveries."""
        return await self.documents.count_documents(_of(webhook, state))


class Positions(Store):
    """How far in the feed readers have come, by their name."""

    NAME = "positions"

    async def find(self, reader: str) -> int | None:
        """Return the last place that a reader has dealt with; None for a new one."""
        document = await self.documents.find_one({"_id": {"$eq": reader}})
        return None if document is None else int(document["seq"])

    async def begin(self, reader: str, seq: int) -> None:
        """Have a new reader begin after a place."""
        await self.documents.update_one(
            {"_id": {"$eq": reader}}, {"$setOnInsert": {"seq": seq}}, upsert=True
        )

    async def advance(self, reader: str, was: int, to: int) -> bool:
        """Move on, unless the reader has been moved meanwhile."""
        done = await self.documents.update_one(
            {"_id": {"$eq": reader}, "seq": was}, {"$set": {"seq": to}}
        )
        return done.modified_count > 0

    async def stretch(self, reader: str) -> tuple[int, int | None]:
        """Return the last place a reader has dealt with, and up to which one it is at work."""
        document = await self.documents.find_one({"_id": {"$eq": reader}})
        return (0, None) if document is None else (document["seq"], document.get("upto"))

    async def plan(self, reader: str, seq: int, upto: int) -> bool:
        """Have the reader deal with what comes after `seq` up to a place; False if another has."""
        done = await self.documents.update_one(
            {"_id": {"$eq": reader}, "seq": seq, "upto": {"$exists": False}},
            {"$set": {"upto": upto}},
        )
        return done.modified_count > 0

    async def pass_over(self, reader: str, seq: int, upto: int) -> None:
        """Note that a reader has dealt with what was planned. Safe to repeat."""
        await self.documents.update_one(
            {"_id": {"$eq": reader}, "seq": seq, "upto": upto},
            {"$set": {"seq": upto}, "$unset": {"upto": ""}},
        )

    async def rewind(self, reader: str, seq: int) -> None:
        """Have a reader deal once more with what comes after a place."""
        await self.documents.update_one({"_id": {"$eq": reader}}, {"$min": {"seq": seq}})


def _of(webhook: str, state: DeliveryState | None) -> Document:
    query: Document = {"webhook": {"$eq": webhook}}
    return query if state is None else query | {"state": {"$eq": state.value}}


def _document(delivery: Delivery) -> Document:
    document: Document = {
        "_id": delivery.id,
        "webhook": delivery.webhook,
        "seq": delivery.seq,
        "entry": entry_document(delivery.entry),
        "made_at": delivery.made_at,
        "state": delivery.state.value,
        "next_at": delivery.next_at,
        "tries": delivery.tries,
        "failures": delivery.failures,
        "reason": delivery.reason,
        "done_at": delivery.done_at,
    }
    return {name: value for name, value in document.items() if value is not None}


def _delivery(document: Document) -> Delivery:
    return Delivery(
        id=document["_id"],
        webhook=document["webhook"],
        seq=document["seq"],
        entry=entry_of(document["entry"]),
        made_at=document["made_at"],
        state=DeliveryState(document["state"]),
        next_at=document.get("next_at"),
        tries=document["tries"],
        failures=document["failures"],
        deaths=document.get("deaths", 0),
        reason=document.get("reason", ""),
        done_at=document.get("done_at"),
    )
