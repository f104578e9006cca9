"""Imports of files in the API. `import` is a word of Python's, so modules are named imports."""

from datetime import datetime
from typing import Self

import strawberry

from models import imports as models
from models.imports import ImportKind, ImportState
from schema.enums import describe
from schema.ids import to_global
from schema.node import Node
from schema.payloads import Payload

describe(
    ImportKind,
    "What a file has rows of.",
    USERS="People.",
    PRODUCTS="Products.",
    ORDERS="Orders.",
    EVENTS="Events.",
)
describe(
    ImportState,
    "How far an import is.",
    RECEIVING="The file is being sent.",
    RUNNING="Its rows are being worked on, or wait for that.",
    DONE="All its rows were looked at.",
    FAILED="It cannot be taken in at all: `reason` says why.",
    CANCELLED="It was ended before its end.",
)


@strawberry.type(name="ImportError", description="Why a row was refused.")
class RowError:
    row: int = strawberry.field(description="Which row. The head of a CSV file is row 1.")
    field: str | None = strawberry.field(description="What of it is wrong; null for all of it.")
    code: str = strawberry.field(description="Why, for programs.")
    message: str = strawberry.field(description="Why, for people, without repeating the row.")
    hint: str | None = strawberry.field(description="What to do about it.")

    @classmethod
    def of(cls, error: models.RowError) -> Self:
        """Show why a row was refused."""
        return cls(
            row=error.row,
            field=error.field or None,
            code=error.code,
            message=error.message,
            hint=error.hint or None,
        )


@strawberry.type(description="A file whose rows are taken in.")
class Import(Node):
    key: str = strawberry.field(description="What it was sent under.")
    kind: ImportKind = strawberry.field(description="What it has rows of.")
    state: ImportState = strawberry.field(description="How far it is.")
    dry_run: bool = strawberry.field(description="Whether nothing is written.")
    started_at: datetime = strawberry.field(description="When it began to arrive.")
    finished_at: datetime | None = strawberry.field(description="When it was over.")
    rows: int = strawberry.field(description="How many rows it has; 0 until all have arrived.")
    read: int = strawberry.field(description="How many of them have been looked at.")
    written: int = strawberry.field(description="How many of these were written.")
    created: int = strawberry.field(description="Rows that made something new, or would.")
    updated: int = strawberry.field(description="Rows that changed something, or would.")
    unchanged: int = strawberry.field(description="Rows that say what is known.")
    refused: int = strawberry.field(description="Rows that cannot be taken: see `importErrors`.")
    reason: str | None = strawberry.field(description="Why it failed, if it did.")

    @classmethod
    def of(cls, job: models.Import) -> Self:
        """Show an import."""
        return cls(
            id=strawberry.ID(to_global("Import", job.id)),
            key=job.id,
            kind=job.kind,
            state=job.state,
            dry_run=job.options.dry_run,
            started_at=job.started_at,
            finished_at=job.finished_at,
            rows=job.rows,
            read=job.tally.read,
            written=job.written,
            created=job.tally.created,
            updated=job.tally.updated,
            unchanged=job.tally.unchanged,
            refused=job.tally.refused,
            reason=job.reason or None,
        )


@strawberry.input(description="An import to end.")
class CancelImportInput:
    id: strawberry.ID = strawberry.field(description="Which one.")


@strawberry.type(description="The import, ended. Refusals: NOT_FOUND, IMPORT_OVER.")
class CancelImportPayload(Payload):
    import_: Import | None = strawberry.field(
        name="import", default=None, description="As it is now: what was written stays."
    )
