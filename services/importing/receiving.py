"""A file on its way in: read into rows as it arrives, and kept in pages, never as a whole.

Whoever was cut short sends it again under the same key: what is there already is the same pages.
Nothing is worked on before all of it is there, so a file that is broken somewhere does nothing.
"""

import hashlib
import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any

from models.audit import Actor
from models.errors import Conflict, Invalid, RateLimited
from models.imports import Import, ImportKind, ImportState, Row
from models.store import Stores
from services.audit import Recorder
from services.clock import Clock
from services.importing.mapping import Mapped, Refused, parse
from services.importing.tables import DELIMITERS, Csv, JsonLines, Table
from services.jobs import Job, Jobs

PAGE = 500
LARGEST_PAGE = 1024 * 1024  # characters, about
LONGEST_ORDER = 1_000  # rows
MOST_OPEN = 20
TABLES = (*DELIMITERS, "csv", "ndjson")
_KEY = re.compile(r"[A-Za-z0-9._:-]{1,100}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What taking a file in needs, and who sends it."""

    stores: Stores
    jobs: Jobs
    clock: Clock
    recorder: Recorder
    by: Actor


async def receive(asked: Import, chunks: AsyncIterator[bytes], desk: Desk) -> Import:
    """Take a file in and have its rows worked on. Safe to repeat with the same key and file.

    Raises Invalid, Conflict (KEY_USED) and RateLimited.
    """
    if not _KEY.fullmatch(asked.id):
        raise Invalid("A key is 1 to 100 letters, digits or any of ._:-", field=("key",))
    if asked.table not in TABLES:
        raise Invalid(f"A file is one of {', '.join(TABLES)}.", field=("format",))
    mapped = parse(asked.mapping, asked.kind)
    stores = desk.stores
    if await stores.imports.find(asked.id) is None and await stores.imports.count_open() >= (
        MOST_OPEN
    ):
        raise RateLimited(
            f"{MOST_OPEN} imports are under way; send this when one is done.", retry_after=30
        )
    job = await stores.imports.begin(asked)
    if not job.asks_for_the_same(asked):
        raise _used("Something else")
    pages = _Pages(job, _table(asked.table), mapped, desk)
    try:
        async for data in chunks:
            await pages.take(data)
        await pages.end()
    except Invalid:
        if job.state is ImportState.RECEIVING:
            await stores.import_pages.delete_all(job.id)
            await stores.imports.forget(job.id)
        raise
    # Now, since half a minute later the log gives up what it was not told the end of.
    async with desk.recorder.record("importFile", desk.by, [f"Import:{job.id}"]):
        return await _received(job, pages, desk)


async def _received(job: Import, pages: "_Pages", desk: Desk) -> Import:
    digest = pages.digest.hexdigest()
    if job.state is ImportState.RECEIVING:
        job = await desk.stores.imports.receive(
            job.id, pages=pages.number, rows=pages.rows, digest=digest, head=pages.table.head
        )
    if job.digest and job.digest != digest:
        raise _used("Another file")
    if job.state.is_over:
        # Whoever sent the same at the same time was first, and is done with these pages.
        await desk.stores.import_pages.delete_all(job.id)
    else:
        await desk.jobs.ring(Job.WORK_IMPORT, [job.id])
    return job


def _used(what: str) -> Conflict:
    return Conflict(
        f"{what} was sent under this key; give this a key of its own.",
        code="KEY_USED",
        field=("key",),
    )


def _table(name: str) -> Table:
    return JsonLines() if name == "ndjson" else Csv(DELIMITERS.get(name))


@dataclass(slots=True)
class _Pages:
    """Rows collected to pages. An order's rows stay together, since they are read together."""

    job: Import
    table: Table
    mapped: Mapped
    desk: Desk
    digest: Any = field(default_factory=hashlib.sha256)
    number: int = 0
    rows: int = 0
    waiting: list[Row] = field(default_factory=list)
    size: int = 0
    of: str | None = None  # the order of the last row
    checked: bool = False

    async def take(self, data: bytes) -> None:
        """Read some of the file."""
        self.digest.update(data)
        await self._keep(self.table.feed(data))

    async def end(self) -> None:
        """Read what is left, and keep the last page."""
        await self._keep(self.table.close())
        self._check()
        if self.waiting:
            await self._write()

    async def _keep(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self._check()
            order = self._order(row)
            full = len(self.waiting) >= PAGE or self.size >= LARGEST_PAGE
            if full and (order is None or order != self.of):
                await self._write()
            if len(self.waiting) > PAGE + LONGEST_ORDER:
                raise Invalid(
                    f"Row {row.number}: an order has at most {LONGEST_ORDER:,} rows.", code="ORDER"
                )
            self.of = order
            self.waiting.append(row)
            self.size += sum(map(len, row.cells))
            self.rows += 1

    def _check(self) -> None:
        """Hold the mapping against the head, once it is known."""
        if not self.checked and self.table.head:
            self.mapped.check(self.table.head)
            self.checked = True

    def _order(self, row: Row) -> str | None:
        if self.job.kind is not ImportKind.ORDERS or isinstance(row.cells, str):
            return None
        try:
            return str(self.mapped.read(row, self.table.head).get("orderId"))
        except Refused:
            return self.of

    async def _write(self) -> None:
        if self.job.state is ImportState.RECEIVING:
            stores, wall = self.desk.stores, self.desk.clock.wall()
            await stores.import_pages.add(self.job.id, self.number, self.waiting, wall=wall)
            await stores.imports.note_received(self.job.id, head=self.table.head, wall=wall)
        self.number += 1
        self.waiting, self.size = [], 0
