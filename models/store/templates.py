"""Templates as documents: every version of each, and none ever changes."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from models.errors import STALE, Conflict
from models.store.database import Document, Store
from models.template import Template

_TRIES = 5


class Templates(Store):
    NAME = "templates"
    INDEXES = (
        IndexModel(
            [("channel", ASCENDING), ("name", ASCENDING), ("version", DESCENDING)], name="newest"
        ),
    )

    async def save(
        self, template: Template, *, now: datetime, by: str | None, was: int | None = None
    ) -> Template:
        """Add a version to what its channel and name had, and return it.

        `was` is the newest that whoever saves has read, 0 for none. Raises Conflict if it is not,
        unless this has been saved already.
        """
        for _ in range(_TRIES):
            newest = await self.find(template.channel, template.name)
            version = newest.version + 1 if newest else 1
            if newest is not None and newest.version - 1 == was and _same(newest, template):
                return newest
            if was not in (None, version - 1):
                raise Conflict(STALE)
            document = _document(template, version) | {"updated_at": now, "updated_by": by}
            try:
                # The number is in the id: of two who save at once, one comes after the other.
                await self.documents.insert_one(document)
            except DuplicateKeyError:
                continue
            return _template(document)
        raise Conflict("The template is being changed by others; try again.")

    async def find(self, channel: str, name: str) -> Template | None:
        """Return the newest version of a template, if there is one."""
        return (await self.find_many([(channel, name)])).get((channel, name))

    async def find_many(self, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Template]:
        """Return the newest version of those of these templates that exist, by channel and name."""
        named = [{"channel": {"$eq": c}, "name": {"$eq": n}} for c, n in wanted]
        found = await self._newest({"$or": named}) if named else []
        return {(template.channel, template.name): template for template in found}

    async def all(self) -> list[Template]:
        """Return the newest version of all templates, by channel and name."""
        return await self._newest({})

    async def versions(self, channel: str, name: str, *, limit: int) -> list[Template]:
        """Return the versions of a template, the newest first."""
        query = {"channel": {"$eq": channel}, "name": {"$eq": name}}
        cursor = self.documents.find(query).sort("version", DESCENDING).limit(limit)
        return [_template(document) async for document in cursor]

    async def find_versions(self, ids: Sequence[str]) -> dict[str, Template]:
        """Return those of these versions that exist, by their ids."""
        cursor = self.documents.find({"_id": {"$in": list(ids)}})
        return {document["_id"]: _template(document) async for document in cursor}

    async def _newest(self, query: Document) -> list[Template]:
        order = {"channel": ASCENDING, "name": ASCENDING, "version": DESCENDING}
        cursor = self.documents.aggregate(
            [
                {"$match": query},
                {"$sort": order},
                {
                    "$group": {
                        "_id": {"channel": "$channel", "name": "$name"},
                        "newest": {"$first": "$$ROOT"},
                    }
                },
                {"$replaceWith": "$newest"},
                {"$sort": {"channel": ASCENDING, "name": ASCENDING}},
            ]
        )
        return [_template(document) async for document in cursor]


def _same(one: Template, other: Template) -> bool:
    """Whether two versions say the same."""
    return _document(one, 0) == _document(other, 0)


def _document(template: Template, version: int) -> Document:
    return {
        "_id": replace(template, version=version).id,
        "channel": template.channel,
        "name": template.name,
        "subject": template.subject,
        "text": template.text,
        "html": template.html,
        "topic": template.topic,
        "version": version,
    }


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
