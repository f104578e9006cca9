"""Single-use codes as documents, by the code as it is compared."""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime

from pymongo import ASCENDING, IndexModel

from models.paging import Page, Window
from models.store.database import Document, Store
from models.store.keyset import BY_ID, page_of
from models.unique_code import Code


class Codes(Store):
    NAME = "codes"
    INDEXES = (
        IndexModel([("promotion", ASCENDING), ("_id", ASCENDING)], name="page"),
        IndexModel(
            [("user", ASCENDING), ("_id", ASCENDING)],
            name="owner",
            partialFilterExpression={"user": {"$exists": True}},
        ),
        IndexModel([("holder", ASCENDING)], name="holder", sparse=True),
    )

    async def add(self, codes: Sequence[Code]) -> None:
        """Insert codes; those that are there already stay as they are."""
        await self._insert_missing(_document(code) for code in codes)

    async def find_many(self, keys: Iterable[str]) -> dict[str, Code]:
        """Return those of these codes that exist, by how they are compared."""
        cursor = self.documents.find({"_id": {"$in": list(keys)}})
        return {document["_id"]: _code(document) async for document in cursor}

    async def page(
        self, promotion: str, window: Window, *, batch: str | None, user_id: str | None = None
    ) -> Page[Code]:
        """Return a window on a promotion's codes, sorted by the code.

        Of one batch or of all; of one person, who alone can use them, or of anyone.
        """
        query = _of(promotion, batch, user_id)
        return await page_of(self.documents, query, window, read=_code, sorting=BY_ID)

    async def page_of_user(self, user_id: str, window: Window, now: datetime) -> Page[Code]:
        """Return a window on the codes that only this person can use, and still can."""
        query = _usable_by(user_id, now)
        return await page_of(self.documents, query, window, read=_code, sorting=BY_ID)

    async def count_of_user(self, user_id: str, now: datetime) -> int:
        """Return how many codes only this person can use, and still can."""
        return await self.documents.count_documents(_usable_by(user_id, now))

    async def count(self, promotion: str, *, batch: str | None, user_id: str | None = None) -> int:
        """Return how many codes a promotion has, or one batch of it, or one person."""
        return await self.documents.count_documents(_of(promotion, batch, user_id))

    async def every(self, promotion: str, batch: str | None) -> AsyncIterator[Code]:
        """Yield all codes of a promotion, or of one batch of it."""
        async for document in self.documents.find(_of(promotion, batch), batch_size=5_000):
            yield _code(document)

    async def used(self) -> AsyncIterator[tuple[str, str]]:
        """Yield all codes that are used, and which attempt at an order has each."""
        async for row in self.documents.find({"holder": {"$exists": True}}, {"holder": 1}):
            yield row["_id"], row["holder"]

    async def take(
        self, key: str, promotion: str, *, holder: str, order: str, buyer: str | None, now: datetime
    ) -> bool:
        """Use a code for an order, if this buyer can. Safe to repeat by the same holder."""
        usable = {
            "order": {"$exists": False},
            "revoked_at": {"$exists": False},
            "user": {"$in": [None, buyer]},
            "$nor": [{"expires_at": {"$lte": now}}],
        }
        done = await self.documents.update_one(
            {
                "_id": {"$eq": key},
                "promotion": {"$eq": promotion},
                "$or": [usable, {"holder": {"$eq": holder}}],
            },
            {"$set": {"order": order, "holder": holder}},
        )
        return done.matched_count > 0

    async def give_back(self, holder: str) -> None:
        """Make usable again what a holder has used. Safe to repeat."""
        await self.documents.update_many(
            {"holder": {"$eq": holder}}, {"$unset": {"order": "", "holder": ""}}
        )

    async def revoke(self, keys: Sequence[str], at: datetime) -> int:
        """Make codes useless that were not used yet; return how many of these were found."""
        done = await self.documents.update_many(
            {"_id": {"$in": list(keys)}, "order": {"$exists": False}},
            [{"$set": {"revoked_at": {"$ifNull": ["$revoked_at", at]}}}],
        )
        return done.matched_count


def _of(promotion: str, batch: str | None, user_id: str | None = None) -> Document:
    query: Document = {"promotion": {"$eq": promotion}}
    if user_id is not None:
        query["user"] = {"$eq": user_id}
    if batch is not None:
        query["batch"] = {"$eq": batch}
    return query


def _usable_by(user_id: str, now: datetime) -> Document:
    return {
        "user": {"$eq": user_id},
        "order": {"$exists": False},
        "revoked_at": {"$exists": False},
        "$nor": [{"expires_at": {"$lte": now}}],
    }


def _document(code: Code) -> Document:
    document: Document = {
        "_id": code.key,
        "code": code.code,
        "promotion": code.promotion,
        "made_at": code.made_at,
        "user": code.user_id,
        "expires_at": code.expires_at,
        "revoked_at": code.revoked_at,
        "order": code.order,
        "batch": code.batch,
    }
    return {name: value for name, value in document.items() if value is not None}


def _code(document: Document) -> Code:
    return Code(
        code=document["code"],
        promotion=document["promotion"],
        made_at=document["made_at"],
        user_id=document.get("user"),
        expires_at=document.get("expires_at"),
        revoked_at=document.get("revoked_at"),
        order=document.get("order"),
        batch=document.get("batch"),
    )
