"""Templates as documents: one for each channel and name."""

from collections.abc import Iterable
from datetime import datetime

from pymongo import ReturnDocument

from models.store.database import Document, Store
from models.template import Template


class Templates(Store):
    NAME = "templates"

    async def save(self, template: Template, *, now: datetime, by: str | None) -> Template:
        """Write the template over what its channel and name had, and return it with its version."""
        document = await self.documents.find_one_and_update(
            {"_id": _key(template.channel, template.name)},
            {
                "$set": {
                    "channel": template.channel,
                    "name": template.name,
                    "subject": template.subject,
                    "text": template.text,
                    "html": template.html,
                    "topic": template.topic,
                    "updated_at": now,
                    "updated_by": by,
                },
                "$inc": {"version": 1},
            },
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return _template(document)

    async def find(self, channel: str, name: str) -> Template | None:
        """Return the template of a channel with this name, if any."""
        document = await self.documents.find_one({"_id": _key(channel, name)})
        return _template(document) if document else None

    async def find_many(self, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Template]:
        """Return those of these templates, by channel and name, that exist."""
        keys = [_key(channel, name) for channel, name in wanted]
        found = [_template(each) async for each in self.documents.find({"_id": {"$in": keys}})]
        return {(template.channel, template.name): template for template in found}

    async def all(self) -> list[Template]:
        """Return all templates by channel and name."""
        return [_template(document) async for document in self.documents.find().sort("_id", 1)]


def _key(channel: str, name: str) -> str:
    return f"{channel}/{name}"


def _template(document: Document) -> Template:
    return Template(
        channel=document["channel"],
        name=document["name"],
        subject=document["subject"],
        text=document["text"],
        html=document["html"],
        topic=document.get("topic", ""),
        version=document["version"],
        updated_at=document["updated_at"],
        updated_by=document["updated_by"],
    )
