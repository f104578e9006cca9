"""Connections: lists in pages, forward and backward, by keyset cursors."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Self, TypeAlias, TypeVar

import orjson
import strawberry

from models.errors import Invalid
from models.paging import Page, Sorting, Window
from schema.enums import describe

DEFAULT_PAGE = 20
LARGEST_PAGE = 100

T = TypeVar("T")
N = TypeVar("N")
Count = Callable[[], Awaitable[int]]
# How a list is sorted and filtered, in short: a cursor is of no use in another.
Mark: TypeAlias = tuple[str, str]
UNMARKED: Mark = ("", "")


@dataclass(frozen=True, slots=True)
class Asked:
    """The page that a client asks for, and the mark that its cursors bear."""

    window: Window
    mark: Mark


class Direction(StrEnum):
    ASC = "asc"
    DESC = "desc"


describe(
    Direction,
    "Which way a list is sorted.",
    name="OrderDirection",
    ASC="The least first; of times, the earliest.",
    DESC="The greatest first; of times, the latest.",
)


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether the list goes on after the page.")
    has_previous_page: bool = strawberry.field(
        description="Whether the list has something before the page."
    )
    start_cursor: str | None = strawberry.field(description="The cursor of the page's first edge.")
    end_cursor: str | None = strawberry.field(description="The cursor of the page's last edge.")


@strawberry.type(description="One place in a list.")
class Edge(Generic[N]):
    cursor: str = strawberry.field(description="Pass it as `after` or `before`. Opaque.")
    node: N = strawberry.field(description="What is there.")


async def _counted(root: strawberry.Parent[Any]) -> int | None:
    counted: int = await root.count()
    return counted


@strawberry.type(description="One page of a list.")
class Connection(Generic[N]):
    edges: list[Edge[N]] = strawberry.field(description="The page, in the list's order.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")
    count: strawberry.Private[Count]

    total_count: int | None = strawberry.field(
        resolver=_counted, description="How long the whole list is. Counted only if asked for."
    )

    @classmethod
    def of(
        cls,
        page: Page[T],
        asked: Asked,
        *,
        node: Callable[[T], N],
        position: Callable[[T], tuple[str, ...]],
        count: Count,
    ) -> Self:
        """Show a page of models: `node` turns one into its GraphQL type, `position` places it."""
        window = asked.window
        edges = [
            Edge(cursor=to_cursor(position(item), asked.mark), node=node(item))
            for item in page.items
        ]
        beyond_start = window.start is not None
        return cls(
            edges=edges,
            page_info=PageInfo(
                has_next_page=beyond_start if window.backward else page.more,
                has_previous_page=page.more if window.backward else beyond_start,
                start_cursor=edges[0].cursor if edges else None,
                end_cursor=edges[-1].cursor if edges else None,
            ),
            count=count,
        )


def asked_for(
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    *,
    width: int = 1,
    sorting: Sorting | None = None,
    filtered: str = "",
) -> Asked:
    """Return the page that arguments ask for.

    `width` is how many parts a position has in the list's own order; `filtered` stands for what
    else it was asked with.
    """
    if (first is not None or after is not None) and (last is not None or before is not None):
        raise Invalid("Give first and after, or last and before, not both.")
    backward = last is not None or before is not None
    name, size, cursor = ("last", last, before) if backward else ("first", first, after)
    if size is not None and not 1 <= size <= LARGEST_PAGE:
        raise Invalid(f"`{name}` is between 1 and {LARGEST_PAGE}.", field=(name,))
    mark = ("" if sorting is None else f"{sorting.by} {sorting.descending:d}", filtered)
    start = None
    if cursor is not None:
        start = from_cursor(cursor, width if sorting is None else sorting.width, mark)
    return Asked(Window(size or DEFAULT_PAGE, start, backward, sorting), mark)


def to_cursor(position: Sequence[str], mark: Mark = UNMARKED) -> str:
    """Return the cursor of a position in a list that is sorted and filtered as a mark says."""
    return base64.urlsafe_b64encode(orjson.dumps([*mark, *position])).decode().rstrip("=")


def from_cursor(cursor: str, width: int, mark: Mark = UNMARKED) -> tuple[str, ...]:
    """Return the position a cursor stands for. Raises Invalid for one of another list."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        parts = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error) as error:
        raise Invalid("This is not a cursor of this list.") from error
    if not (
        isinstance(parts, list) and len(parts) > 2 and all(isinstance(part, str) for part in parts)
    ):
        raise Invalid("This is not a cursor of this list.")
    for given, wanted, what in zip(parts, mark, ("order", "filter"), strict=False):
        if given != wanted:
            raise Invalid(
                f"This cursor is of a list with another {what}: begin again without it.",
                code="OTHER_LIST",
            )
    if len(parts) != 2 + width:
        raise Invalid("This is not a cursor of this list.")
    return tuple(parts[2:])
