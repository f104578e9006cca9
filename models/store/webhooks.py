"""Webhooks as documents, by name."""

from collections.abc import Iterable

from pymongo.errors import DuplicateKeyError

from models.errors import Conflict, NotFound
from models.store.database import Document, Store
from models.webhook import Secret, Webhook


class Webhooks(Store):
    NAME = "webhooks"

    async def add(self, webhook: Webhook) -> None:
        """Insert a webhook. Raises Conflict (NAME_TAKEN) if there is one of this name."""
        try:
            await self.documents.insert_one(_document(webhook))
        except DuplicateKeyError:
            raise Conflict(
                f"There is a webhook {webhook.name!r} already.", code="NAME_TAKEN", field=("name",)
            ) from None

    async def save(self, webhook: Webhook) -> Webhook:
        """Replace a webhook, unless someone has changed it since it was read."""
        document = _document(webhook) | {"version": webhook.version + 1}
        result = await self.documents.replace_one(
            {"_id": {"$eq": webhook.name}, "version": webhook.version}, document
        )
        if result.matched_count == 0:
            raise Conflict("The webhook was changed by someone else; read it and retry.")
        return _webhook(document)

    async def get(self, name: str) -> Webhook:
        """Return the webhook of this name. Raises NotFound."""
        document = await self.documents.find_one({"_id": {"$eq": name}})
        if document is None:
            raise NotFound(f"There is no webhook {name!r}.", field=("name",))
        return _webhook(document)

    async def find_many(self, names: Iterable[str]) -> dict[str, Webhook]:
        """Return those of these webhooks that exist, by name."""
        cursor = self.documents.find({"_id": {"$in": list(names)}})
        return {document["_id"]: _webhook(document) async for document in cursor}

    async def all(self) -> list[Webhook]:
        """Return all webhooks by name."""
        return [_webhook(document) async for document in self.documents.find().sort("_id", 1)]


def _document(webhook: Webhook) -> Document:
    return {
        "_id": webhook.name,
        "url": webhook.url,
        "secrets": [{"value": secret.value, "until": secret.until} for secret in webhook.secrets],
        "created_at": webhook.created_at,
        "enabled": webhook.enabled,
        "events": list(webhook.events),
        "version": webhook.version,
    }


def _webhook(document: Document) -> Webhook:
    return Webhook(
        name=document["_id"],
        url=document["url"],
        secrets=tuple(Secret(each["value"], each["until"]) for each in document["secrets"]),
        created_at=document["created_at"],
        enabled=document["enabled"],
        events=tuple(document.get("events", ())),
        version=document["version"],
    )
