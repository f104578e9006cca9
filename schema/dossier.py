"""What is kept of someone, in the API."""

from collections.abc import Sequence
from typing import Self

import strawberry

from schema.paging import from_cursor, to_cursor
from schema.scalars import JSON
from services.dossiers import Exported


@strawberry.type(description="One document that is about someone.")
class ExportedDocument:
    collection: str = strawberry.field(description="Where it is kept.")
    document: JSON = strawberry.field(description="As it is kept, without what would let one in.")


@strawberry.type(description="A page of everything that is kept of someone.")
class PersonExport:
    documents: list[ExportedDocument] = strawberry.field(description="At most 200.")
    cursor: str | None = strawberry.field(
        description="Pass it as `after` for the next page; null if this was the last."
    )

    @classmethod
    def of(cls, found: Sequence[Exported], place: str | None) -> Self:
        """Show a page."""
        return cls(
            documents=[
                ExportedDocument(collection=each.collection, document=JSON(each.document))
                for each in found
            ],
            cursor=None if place is None else to_cursor([place]),
        )


def place_of(cursor: str | None) -> str | None:
    """Return the place that a cursor stands for. Raises Invalid."""
    return None if cursor is None else from_cursor(cursor, 1)[0]
