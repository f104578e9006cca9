"""Imports of files as documents: how far each has come, its pages, and the rows refused.

Pages hold what people sent about people: each is deleted when it has been worked on, and after a
week by itself, should whoever sent it twice at once have left one behind.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson
from pymongo import ASCENDING, DESCENDING, IndexModel, ReplaceOne
from pymongo.errors import DuplicateKeyError

from models.errors import Conflict, NotFound
from models.imports import Import, ImportKind, ImportState, Options, Row, RowError, Tally
from models.paging import Page, Sorting, Window
from models.store.database import Document, Store
from models.store.keyset import BY_ID, page_of

_ERRORS_KEPT = 30 * 86_400
_PAGES_KEPT = 7 * 86_400
_OPEN = [ImportState.RECEIVING.value, ImportState.RUNNING.value]


class Imports(Store):
    NAME = "imports"
    INDEXES = (
        IndexModel([("state", ASCENDING), ("touched_at", ASCENDING)], name="state"),
        IndexModel([("started_at", DESCENDING), ("_id", DESCENDING)], name="latest"),
    )

    async def begin(self, started: Import) -> Import:
        """Insert the import unless there is one under its id; return what is there."""
        document = _document(started)
        del document["_id"]
        await self.documents.update_one(
            {"_id": {"$eq": started.id}}, {"$setOnInsert": document}, upsert=True
        )
        return await self.get(started.id)

    async def find(self, import_id: str) -> Import | None:
        """Return the import, if there is one."""
        document = await self.documents.find_one({"_id": {"$eq": import_id}})
        return None if document is None else _import(document)

    async def get(self, import_id: str) -> Import:
        """Return the import. Raises NotFound."""
        found = await self.find(import_id)
        if found is None:
            raise NotFound("There is no such import.", field=("id",))
        return found

    async def find_many(self, ids: Sequence[str]) -> dict[str, Import]:
        """Return those of these imports that exist."""
        cursor = self.documents.find({"_id": {"$in": list(ids)}})
        return {document["_id"]: _import(document) async for document in cursor}

    async def note_received(self, import_id: str, *, head: Sequence[str], wall: datetime) -> None:
        """Note that the file goes on arriving."""
        await self._move(import_id, ImportState.RECEIVING, head=list(head), touched_at=wall)

    async def receive(
        self, import_id: str, *, pages: int, rows: int, digest: str, head: Sequence[str]
    ) -> Import:
        """Note that the whole file is here, so that its rows can be worked on. Safe to repeat."""
        await self._move(
            import_id,
            ImportState.RECEIVING,
            state=ImportState.RUNNING.value,
            pages=pages,
            rows=rows,
            digest=digest,
            head=list(head),
        )
        return await self.get(import_id)

    async def advance(self, job: Import, tally: Tally, *, wall: datetime) -> bool:
        """Note that a page is done, unless another worker has or the import was cancelled."""
        counts = {f"tally.{name}": count for name, count in asdict(tally).items()}
        done = await self.documents.update_one(
            {
                "_id": {"$eq": job.id},
                "state": ImportState.RUNNING.value,
                "next_page": job.next_page,
            },
            {"$inc": {"next_page": 1, **counts}, "$set": {"failures": 0, "touched_at": wall}},
        )
        return done.matched_count == 1

    async def count_failure(self, job: Import) -> int:
        """Count a try at a page that failed; return how many there were in a row."""
        await self.documents.update_one(
            {"_id": {"$eq": job.id}, "next_page": job.next_page}, {"$inc": {"failures": 1}}
        )
        return (await self.get(job.id)).failures

    async def end(
        self, import_id: str, state: ImportState, *, now: datetime, reason: str = ""
    ) -> bool:
        """End an import that is not over; return whether it was this call that did."""
        done = await self.documents.update_one(
            {"_id": {"$eq": import_id}, "state": {"$in": _OPEN}},
            {"$set": {"state": state.value, "finished_at": now, "reason": reason}},
        )
        return done.modified_count == 1

    async def forget(self, import_id: str) -> None:
        """Delete an import of which nothing has been worked on."""
        await self.documents.delete_one(
            {"_id": {"$eq": import_id}, "state": ImportState.RECEIVING.value}
        )

    async def running(self, *, limit: int) -> list[str]:
        """Return the ids of imports that are worked on or wait for it, the oldest first."""
        query = {"state": ImportState.RUNNING.value}
        cursor = self.documents.find(query, {"_id": 1}).sort("touched_at", ASCENDING).limit(limit)
        return [document["_id"] async for document in cursor]

    async def count_open(self) -> int:
        """Return how many are not over."""
        return await self.documents.count_documents({"state": {"$in": _OPEN}})

    async def abandoned(self, before: datetime) -> list[str]:
        """Return the ids of those whose file stopped arriving before a time."""
        query = {"state": ImportState.RECEIVING.value, "touched_at": {"$lt": before}}
        return [document["_id"] async for document in self.documents.find(query, {"_id": 1})]

    async def page(self, window: Window) -> Page[Import]:
        """Return imports, the latest first."""
        return await page_of(
            self.documents,
            {},
            window,
            read=_import,
            sorting=Sorting("started_at", descending=True),
        )

    async def count(self) -> int:
        """Return how many there are."""
        return await self.documents.estimated_document_count()

    async def _move(self, import_id: str, was: ImportState, **fields: Any) -> None:
        await self.documents.update_one(
            {"_id": {"$eq": import_id}, "state": was.value}, {"$set": fields}
        )


class ImportPages(Store):
    """`_id` is "import|page": a page sent again is the same document."""

    NAME = "import_pages"
    INDEXES = (IndexModel([("at", ASCENDING)], name="expiry", expireAfterSeconds=_PAGES_KEPT),)

    async def add(
        self, import_id: str, number: int, rows: Sequence[Row], *, wall: datetime
    ) -> None:
        """Keep a page. Raises Conflict (KEY_USED) if another file's is there under its number."""
        text = orjson.dumps([[row.number, row.cells] for row in rows])
        digest = hashlib.sha256(text).hexdigest()
        key = _key(import_id, number)
        try:
            await self.documents.insert_one(
                {"_id": key, "rows": text, "digest": digest, "at": wall}
            )
        except DuplicateKeyError:
            found = await self.documents.find_one({"_id": key}, {"digest": 1})
            if found is not None and found["digest"] != digest:
                raise Conflict(
                    "Part of another file has been sent under this key; send this one under "
                    "another.",
                    code="KEY_USED",
                ) from None

    async def find(self, import_id: str, number: int) -> tuple[list[Row], Tally | None] | None:
        """Return a page's rows, and what was decided of them if anything was."""
        document = await self.documents.find_one({"_id": _key(import_id, number)})
        if document is None:
            return None
        rows = [
            Row(number, cells if isinstance(cells, str) else tuple(cells))
            for number, cells in orjson.loads(document["rows"])
        ]
        return rows, Tally(**document["tally"]) if "tally" in document else None

    async def decide(self, import_id: str, number: int, tally: Tally) -> None:
        """Note what a page comes to before it is written, so that a repeat says the same."""
        await self.documents.update_one(
            {"_id": _key(import_id, number), "tally": {"$exists": False}},
            {"$set": {"tally": asdict(tally)}},
        )

    async def delete(self, import_id: str, number: int) -> None:
        """Delete a page that is done."""
        await self.documents.delete_one({"_id": _key(import_id, number)})

    async def delete_all(self, import_id: str) -> None:
        """Delete what is left of a file."""
        await self.documents.delete_many(_of(import_id))


class ImportErrors(Store):
    """`_id` is "import|row": a page that is repeated says the same of its rows."""

    NAME = "import_errors"
    INDEXES = (IndexModel([("at", ASCENDING)], name="expiry", expireAfterSeconds=_ERRORS_KEPT),)

    async def put(self, import_id: str, errors: Sequence[RowError], *, wall: datetime) -> None:
        """Keep why rows were refused, for thirty days."""
        if errors:
            await self.documents.bulk_write(
                [
                    ReplaceOne(
                        {"_id": _key(import_id, error.row)}, asdict(error) | {"at": wall}, True
                    )
                    for error in errors
                ],
                ordered=False,
            )

    async def page(self, import_id: str, window: Window) -> Page[RowError]:
        """Return refused rows by their numbers."""
        return await page_of(
            self.documents,
            _of(import_id),
            window,
            read=_error,
            sorting=BY_ID,
            key=lambda row: f"{import_id}|{row[:20].zfill(9)}",
        )

    async def count(self, import_id: str) -> int:
        """Return of how many rows that is known."""
        return await self.documents.count_documents(_of(import_id))


def _key(import_id: str, number: int) -> str:
    return f"{import_id}|{number:09}"


def _of(import_id: str) -> Document:
    # The character after "|" ends the range.
    return {"_id": {"$gte": f"{import_id}|", "$lt": f"{import_id}}}"}}


def _document(job: Import) -> Document:
    document = asdict(job)
    document["_id"] = document.pop("id")
    return document | {"kind": job.kind.value, "state": job.state.value, "head": list(job.head)}


def _import(document: Document) -> Import:
    fields = dict(document)
    fields["id"] = fields.pop("_id")
    fields["kind"] = ImportKind(fields["kind"])
    fields["state"] = ImportState(fields["state"])
    fields["options"] = Options(**fields["options"])
    fields["tally"] = Tally(**fields["tally"])
    fields["head"] = tuple(fields["head"])
    return Import(**fields)


def _error(document: Document) -> RowError:
    names = ("row", "field", "code", "message", "hint")
    return RowError(**{name: document[name] for name in names})
