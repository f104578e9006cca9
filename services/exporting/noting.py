"""Noting in the audit log which lists of people leave, to whom, and how many rows of them."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from models.audit import Actor
from models.export import Export, ExportKind
from services.audit import Recorder
from services.exporting.files import Part

OF_PEOPLE = frozenset((ExportKind.USERS, ExportKind.MEMBERS, ExportKind.ORDERS))


async def noted(
    export: Export, parts: AsyncGenerator[Part], *, recorder: Recorder, by: Actor
) -> AsyncGenerator[bytes]:
    """Yield the parts of a file; of a list of people only once the log knows that it was asked for.

    It is told at the end how many rows were handed over, also if nobody takes the rest.
    """
    async with aclosing(parts):
        if export.kind not in OF_PEOPLE:
            async for part, _ in parts:
                yield part
            return
        about = [f"Segment:{export.segment[:100]}"] if export.segment else []
        async with recorder.record(f"export{export.kind.value.title()}", by, about) as note:
            note.rows, note.personal = 0, export.personal
            try:
                async for part, rows in parts:
                    note.rows += rows
                    yield part
            except GeneratorExit:
                note.broke_off()
