"""API keys as documents."""

from collections.abc import Sequence
from datetime import datetime

from pymongo import ASCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from models.api_key import ApiKey, Scope
from models.errors import NotFound
from models.store.database import Document, Store


class ApiKeys(Store):
    NAME = "api_keys"
    INDEXES = (IndexModel([("request", ASCENDING)], name="request", unique=True, sparse=True),)

    async def add(self, key: ApiKey) -> ApiKey:
        """Insert a new key; return the one that its request has made, if that was before."""
        try:
            await self.documents.insert_one(_document(key))
        except DuplicateKeyError:
            made = await self.find_request(key.request)
            if made is None:
                raise
            return made
        return key

    async def find_request(self, request: str | None) -> ApiKey | None:
        """Return the key that was made by a request, if any."""
        document = await self.documents.find_one({"request": {"$eq": request}}) if request else None
        return None if document is None else _key(document)

    async def find(self, key_id: str) -> ApiKey | None:
        """Return the key with this id, if any, revoked ones too."""
        document = await self.documents.find_one({"_id": {"$eq": key_id}})
        return None if document is None else _key(document)

    async def find_many(self, key_ids: Sequence[str]) -> dict[str, ApiKey]:
        """Return those of these keys that exist, by id, revoked ones too."""
        cursor = self.documents.find({"_id": {"$in": list(key_ids)}})
        return {document["_id"]: _key(document) async for document in cursor}

    async def all(self) -> Sequence[ApiKey]:
        """Return every key, newest first."""
        return [_key(document) async for document in self.documents.find().sort("_id", -1)]

    async def count(self) -> int:
        """Return how many keys there are that are not revoked."""
        return await self.documents.count_documents({"revoked_at": None})

    async def revoke(self, key_id: str, *, now: datetime) -> ApiKey:
        """End a key. Safe to repeat: the first time counts. Raises NotFound."""
        document = await self.documents.find_one_and_update(
            {"_id": {"$eq": key_id}},
            [{"$set": {"revoked_at": {"$ifNull": ["$revoked_at", now]}}}],
            return_document=ReturnDocument.AFTER,
        )
        if document is None:
            raise NotFound("There is no such key.", field=("id",))
        return _key(document)


def _document(key: ApiKey) -> Document:
    asked = {} if key.request is None else {"request": key.request, "salt": key.salt}
    return asked | {
        "_id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "hashed": key.hashed,
        "made_by": key.made_by,
        "made_at": key.made_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }


def _key(document: Document) -> ApiKey:
    fields = dict(document)
    scopes = frozenset(Scope(scope) for scope in fields.pop("scopes"))
    return ApiKey(id=fields.pop("_id"), scopes=scopes, **fields)
