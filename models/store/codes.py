"""Single-use codes as documents, by the code as it is compared."""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime

from pymongo import ASCENDING, IndexModel
from pymongo.errors import BulkWriteError

from models.store.database import Document, Store
from models.unique_code import Code

_DUPLICATE = 11000


class Codes(Store):
    NAME = "codes"
    INDEXES = (
        IndexModel(
            [("promotion", ASCENDING), ("batch", ASCENDING), ("_id", ASCENDING)], name="promotion"
        ),
        IndexModel([("user", ASCENDING)], name="user", sparse=True),
        IndexModel([("holder", ASCENDING)], name="holder", sparse=True),
    )

    async def add(self, codes: Sequence[Code]) -> None:
        """Insert codes; those that are there already stay as they are."""
        if not codes:
            return
        try:
            await self.documents.insert_many([_document(code) for code in codes], ordered=False)
        except BulkWriteError as error:
            if any(failure["code"] != _DUPLICATE for failure in error.details["writeErrors"]):
                raise

    async def find_many(self, keys: Iterable[str]) -> dict[str, Code]:
        """Return those of these codes that exist, by how they are compared."""
        cursor = self.documents.find({"_id": {"$in": list(keys)}})
        return {document["_id"]: _code(document) async for document in cursor}

    async def of_batch(
        self, promotion: str, *, batch: str | None, after: str | None, limit: int
    ) -> list[Code]:
        """Return a page of a promotion's codes, of one batch or of all."""
        query: Document = {"promotion": {"$eq": promotion}}
        if batch is not None:
            query["batch"] = {"$eq": batch}
        if after is not None:
            query["_id"] = {"$gt": after}
        cursor = self.documents.find(query).sort("_id", ASCENDING).limit(limit)
        return [_code(document) async for document in cursor]

    async def every(self, promotion: str, batch: str | None) -> AsyncIterator[Code]:
        """Yield all codes of a promotion, or of one batch of it."""
        query: Document = {"promotion": {"$eq": promotion}}
        if batch is not None:
            query["batch"] = {"$eq": batch}
        async for document in self.documents.find(query, batch_size=5_000):
            yield _code(document)

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
