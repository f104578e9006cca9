"""Pages of a collection by the last position seen, so that each costs the same however far it is.

What a list is sorted by is always followed by `_id`, which makes positions unique, and an index has
both: a page is a range of it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from models.errors import Invalid
from models.paging import Page, Sorting, Span, Window
from models.store.database import Collection, Document

T = TypeVar("T")

BY_ID = Sorting("id")
LATEST_ID = Sorting("id", descending=True)


async def page_of(
    documents: Collection,
    query: Document,
    window: Window,
    *,
    read: Callable[[Document], T],
    sorting: Sorting,
    key: Callable[[str], Any] = str,
    projection: Mapping[str, Any] | None = None,
) -> Page[T]:
    """Return a window on what a query finds, in the window's order, or else in this one.

    `key` makes an `_id` of the id that positions end with.
    """
    sorting = window.sorting or sorting
    descending = sorting.descending is not window.backward
    by = [] if sorting.by == "id" else [sorting.by]
    if window.start is not None:
        query = {"$and": [query, *_beyond(window.start, by, key, descending=descending)]}
    cursor = (
        documents.find(query, projection)
        .sort([(field, -1 if descending else 1) for field in (*by, "_id")])
        .limit(window.limit + 1)
    )
    return as_page([read(document) async for document in cursor], window)


def as_page(found: Sequence[T], window: Window) -> Page[T]:
    """Return what was found, one more than wanted and in the direction walked, as a page."""
    items = found[: window.limit]
    return Page(items=items[::-1] if window.backward else items, more=len(found) > window.limit)


def _beyond(
    start: tuple[str, ...], by: list[str], key: Callable[[str], Any], *, descending: bool
) -> list[Document]:
    compare = "$lt" if descending else "$gt"
    id_ = key(start[-1])
    if not by:
        return [{"_id": {compare: id_}}]
    at, (field,) = instant_of_cursor(start[0]), by
    # The first of these is for the index, which an alternative by itself has no bound for.
    return [
        {field: {f"{compare}e": at}},
        {"$or": [{field: {compare: at}}, {field: at, "_id": {compare: id_}}]},
    ]


def instant_of_cursor(text: str) -> datetime:
    """Return the instant that a cursor names. Raises Invalid."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Invalid("This is not a cursor of this list.") from None


def within(span: Span, field: str) -> Document:
    """Return the condition that a time lies in a span; an empty one if there are no bounds."""
    bounds = {
        name: at for name, at in (("$gte", span.since), ("$lt", span.until)) if at is not None
    }
    return {field: bounds} if bounds else {}
