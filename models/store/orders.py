"""Orders as documents. The insert of one is the moment at which all that it takes is taken."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel, ReplaceOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from models.errors import NotFound
from models.order import ALL, Granted, Order, OrderState, Owed, Return, Returned, Told, Which
from models.paging import Page, Sorting, Window
from models.quote import (
    GiftGiven,
    GrantGiven,
    Quote,
    QuoteLine,
    ShippingQuote,
    Taken,
    UnitRun,
    Verdict,
)
from models.store.database import Document, Store, duplicates
from models.store.keyset import page_of, within
from models.store.redemptions import reserved_of, taking_document, taking_of

_PLACED = (("placed_at", DESCENDING), ("_id", DESCENDING))
_VOID = "void"  # no order, but a note of attempts that may no longer become one


class Orders(Store):
    NAME = "orders"
    INDEXES = (
        IndexModel([("settle_at", ASCENDING)], name="settle_at", sparse=True),
        IndexModel([("state", ASCENDING), *_PLACED], name="placed"),
        IndexModel([("user", ASCENDING), *_PLACED], name="buyer"),
        IndexModel([("quote.lines.sku", ASCENDING), *_PLACED], name="sku"),
    )

    async def find(self, order_id: str) -> Order | None:
        """Return the order, if it was placed."""
        document = await self.documents.find_one({"_id": {"$eq": order_id}})
        return None if document is None or document["state"] == _VOID else _order(document)

    async def find_many(self, order_ids: Sequence[str]) -> dict[str, Order]:
        """Return those of these orders that were placed."""
        cursor = self.documents.find({"_id": {"$in": list(order_ids)}, "state": {"$ne": _VOID}})
        return {document["_id"]: _order(document) async for document in cursor}

    async def page(self, window: Window, which: Which = ALL) -> Page[Order]:
        """Return orders, the latest first."""
        return await page_of(
            self.documents,
            _query(which),
            window,
            read=_order,
            sorting=Sorting("placed_at", descending=True),
        )

    async def count(self, which: Which = ALL) -> int:
        """Count those orders."""
        return await self.documents.count_documents(_query(which))

    async def get(self, order_id: str) -> Order:
        """Return the order. Raises NotFound."""
        order = await self.find(order_id)
        if order is None:
            raise NotFound("There is no such order.", field=("id",))
        return order

    async def commit(self, order: Order) -> bool:
        """Place the order, unless another attempt has, or this one was given up for lost."""
        return (await self.commit_many([order]))[0]

    async def commit_many(self, orders: Sequence[Order]) -> list[bool]:
        """Place orders, each as if alone; return for each whether it is this attempt's."""
        if not orders:
            return []
        writes = [
            ReplaceOne(
                {
                    "_id": {"$eq": order.id},
                    "state": _VOID,
                    "attempts": {"$ne": order.attempt},
                },
                _document(order),
                upsert=True,
            )
            for order in orders
        ]
        try:
            await self.documents.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            refused = duplicates(error)
        else:
            return [True] * len(orders)
        # An order that is there already may be this attempt's, if the write was repeated.
        attempts = [orders[place].attempt for place in refused]
        cursor = self.documents.find({"_id": {"$in": [orders[place].id for place in refused]}})
        mine = {document.get("attempt") async for document in cursor} & {*attempts}
        return [place not in refused or order.attempt in mine for place, order in enumerate(orders)]

    async def void(self, order_id: str, attempt: str) -> Order | None:
        """Keep an attempt from placing the order from now on; return the order if it is placed."""
        for _ in range(2):
            try:
                await self.documents.update_one(
                    {"_id": {"$eq": order_id}, "state": _VOID},
                    {"$addToSet": {"attempts": attempt}},
                    upsert=True,
                )
            except DuplicateKeyError:
                if order := await self.find(order_id):
                    return order
            else:
                return None
        raise AssertionError("an order was there and was not")

    async def save(self, order: Order) -> Order | None:
        """Save what has become of an order, unless it has changed since; return it as it is."""
        saved = replace(order, revision=order.revision + 1)
        done = await self.documents.replace_one(
            {"_id": {"$eq": order.id}, "revision": order.revision}, _document(saved)
        )
        return saved if done.matched_count else None

    async def save_many(self, orders: Sequence[Order]) -> bool:
        """Save what has become of orders; return whether none of them has changed since."""
        if not orders:
            return True
        writes = [
            ReplaceOne(
                {"_id": {"$eq": order.id}, "revision": order.revision},
                _document(replace(order, revision=order.revision + 1)),
            )
            for order in orders
        ]
        done = await self.documents.bulk_write(writes, ordered=False)
        return done.matched_count == len(orders)

    async def that_took(self) -> AsyncIterator[Order]:
        """Yield all orders that took something counted, or codes."""
        took = {"$or": [{"takings.0": {"$exists": True}}, {"codes.0": {"$exists": True}}]}
        async for document in self.documents.find({"state": {"$ne": _VOID}, **took}):
            yield _order(document)

    async def settled_since(self, at: datetime) -> AsyncIterator[Order]:
        """Yield orders that were placed or changed after a time, and of which all is done."""
        later = {"$gt": at}
        changed = [{"placed_at": later}, {"cancelled_at": later}, {"returns.at": later}]
        done = {"state": {"$ne": _VOID}, "settle_at": {"$exists": False}}
        async for document in self.documents.find({**done, "$or": changed}):
            yield _order(document)

    async def settled_many(self, orders: Sequence[Order]) -> None:
        """Note that all that followed from the last change of these orders is done."""
        for revision in {order.revision for order in orders}:
            ids = [order.id for order in orders if order.revision == revision]
            await self.documents.update_many(
                {"_id": {"$in": ids}, "revision": revision},
                {"$set": {"owed": [], "untold": []}, "$unset": {"settle_at": ""}},
            )

    async def unsettled(self, wall: datetime, *, limit: int) -> list[Order]:
        """Return orders of which something should be done by now and is not."""
        cursor = self.documents.find({"settle_at": {"$lt": wall}}).sort("settle_at").limit(limit)
        return [_order(document) async for document in cursor]


def _query(which: Which) -> Document:
    # Naming the states one by one lets the index give each in order, and leaves out what is void.
    states = OrderState if which.state is None else (which.state,)
    query: Document = {"state": {"$in": [state.value for state in states]}}
    query |= within(which.placed, "placed_at")
    if which.user_id is not None:
        query["user"] = {"$eq": which.user_id}
    if which.sku is not None:
        query["quote.lines.sku"] = {"$eq": which.sku}
    return query


def _document(order: Order) -> Document:
    document: Document = {
        "_id": order.id,
        "attempt": order.attempt,
        "fingerprint": order.fingerprint,
        "placed_at": order.placed_at,
        "publication": order.publication,
        "user": order.user_id,
        "tells_money": order.tells_money,
        "state": order.state.value,
        "quote": _with_names(asdict(order.quote)),
        "items": [dict(item) for item in order.items],
        "takings": [taking_document(taking) for taking in order.takings],
        "codes": [list(code) for code in order.codes],
        "reserved": [asdict(each) for each in order.reserved],
        "granted": [asdict(granted) for granted in order.granted],
        "cancelled_at": order.cancelled_at,
        "returns": [_with_names(asdict(each)) for each in order.returns],
        "owed": [asdict(owed) for owed in order.owed],
        "untold": [asdict(told) for told in order.untold],
        "revision": order.revision,
    }
    if order.settle_at is not None:
        document["settle_at"] = order.settle_at
    if order.imported_at is not None:
        document["imported_at"] = order.imported_at
    return document


def _with_names(value: Any) -> Any:
    """Return it with its named tuples as documents: BSON would keep them as bare lists."""
    match value:
        case QuoteLine() | Taken() | Verdict():
            return {name: _with_names(part) for name, part in value._asdict().items()}
        case dict():
            return {name: _with_names(part) for name, part in value.items()}
        case tuple() | list():
            return [_with_names(part) for part in value]
        case _:
            return value


def _order(document: Document) -> Order:
    return Order(
        id=document["_id"],
        attempt=document["attempt"],
        fingerprint=document["fingerprint"],
        placed_at=document["placed_at"],
        publication=document["publication"],
        user_id=document["user"],
        tells_money=document["tells_money"],
        state=OrderState(document["state"]),
        quote=_quote(document["quote"]),
        items=tuple(document["items"]),
        takings=tuple(taking_of(taking) for taking in document["takings"]),
        codes=tuple((code, promotion) for code, promotion in document["codes"]),
        reserved=reserved_of(document.get("reserved", [])),
        granted=tuple(Granted(**granted) for granted in document["granted"]),
        cancelled_at=document["cancelled_at"],
        returns=tuple(_return(each) for each in document["returns"]),
        owed=tuple(Owed(**owed) for owed in document["owed"]),
        untold=tuple(Told(**told) for told in document["untold"]),
        settle_at=document.get("settle_at"),
        imported_at=document.get("imported_at"),
        revision=document["revision"],
    )


def _return(document: Document) -> Return:
    lines = tuple(
        Returned(
            line["line"],
            line["quantity"],
            line["refund"],
            _taken(line["shares"]),
            tuple(line.get("reserved", ())),
        )
        for line in document["lines"]
    )
    return Return(document["key"], document["at"], lines)


def _quote(document: Document) -> Quote:
    shipping = document["shipping"]
    return Quote(
        currency=document["currency"],
        lines=tuple(_line(line) for line in document["lines"]),
        shipping=ShippingQuote(
            shipping["price"], shipping["discount"], _taken(shipping["applied"])
        ),
        points=document["points"],
        verdicts=tuple(Verdict(**verdict) for verdict in document["verdicts"]),
        gifts=tuple(GiftGiven(**gift) for gift in document["gifts"]),
        grants=tuple(GrantGiven(**grant) for grant in document["grants"]),
        reduced=document["reduced"],
        redeemed=document.get("redeemed", 0),
        worth=document.get("worth", 0),
    )


def _line(document: Document) -> QuoteLine:
    units = tuple(
        UnitRun(run["count"], run["total"], _taken(run["applied"]), run.get("reserved"))
        for run in document["units"]
    )
    return QuoteLine(
        sku=document["sku"],
        quantity=document["quantity"],
        subtotal=document["subtotal"],
        discount=document["discount"],
        applied=_taken(document["applied"]),
        units=units,
    )


def _taken(documents: list[dict[str, Any]]) -> tuple[Taken, ...]:
    return tuple(Taken(**taken) for taken in documents)
