"""The arguments of lists that come in pages, in one place: fields say `Paged` and take `asked`."""

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from inspect import isawaitable
from typing import Any, Protocol, runtime_checkable

import orjson
import strawberry
from strawberry import UNSET
from strawberry.annotation import StrawberryAnnotation
from strawberry.extensions import FieldExtension
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from models.errors import Invalid
from models.paging import Sorting
from schema.context import Context
from schema.paging import Direction, asked_for

_ARGUMENTS: tuple[tuple[str, Any, str], ...] = (
    ("first", int | None, "How many, from the start."),
    ("after", str | None, "Only those after this cursor."),
    ("last", int | None, "How many, from the end."),
    ("before", str | None, "Only those before this cursor."),
)


class OrderBy(Protocol):
    """What clients send to have a list sorted; the field's value is what it is sorted by."""

    @property
    def field(self) -> Any:
        """An enum of what the list can be sorted by."""

    @property
    def direction(self) -> Direction:
        """Which way."""


@runtime_checkable
class Implying(Protocol):
    """A filter by which a list has an order of its own: that of the index it is read from."""

    def sorting(self) -> Sorting | None:
        """Return the order of a list that is filtered so, if it is not the list's own."""


class Paged(FieldExtension):
    """Gives a field the arguments of a list in pages, and its resolver `asked`, which they make.

    `width` is how many parts a position has in the list's own order; `order` is the input by which
    clients may have it sorted.
    """

    def __init__(self, *, width: int = 1, order: type[OrderBy] | None = None) -> None:
        self.width = width
        self.order = order

    def apply(self, field: StrawberryField) -> None:
        """Exchange `asked` for what it is made of."""
        kept = [each for each in field.arguments if each.python_name != "asked"]
        own = [_argument(*each) for each in _ARGUMENTS]
        if self.order is not None:
            own.append(_argument("order_by", self.order | None, "How to sort it."))
        field.arguments = [*kept, *own]

    # Positional only, for fields have arguments named `source`.
    async def resolve_async(  # type: ignore[override]
        self,
        next_: Any,
        source: Any,
        info: strawberry.Info[Context, None],
        /,
        *,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        order_by: OrderBy | None = None,
        **given: Any,
    ) -> Any:
        """Resolve with the page that is asked for."""
        asked = asked_for(
            first,
            after,
            last,
            before,
            width=self.width,
            sorting=_sorting(order_by, given.get("filter")),
            filtered=digest(given),
        )
        result = next_(source, info, asked=asked, **given)
        return await result if isawaitable(result) else result


def _argument(name: str, kind: Any, description: str) -> StrawberryArgument:
    return StrawberryArgument(
        python_name=name,
        graphql_name=None,
        type_annotation=StrawberryAnnotation(kind),
        description=description,
        default=None,
    )


def _sorting(order_by: OrderBy | None, filter: Any) -> Sorting | None:
    implied = filter.sorting() if isinstance(filter, Implying) else None
    if order_by is None:
        return implied
    if implied is not None and implied.by != order_by.field.value:
        raise Invalid(
            "What is filtered by a time can only be sorted by it.", field=("orderBy", "field")
        )
    return Sorting(order_by.field.value, order_by.direction is Direction.DESC)


def digest(given: Mapping[str, Any]) -> str:
    """Return some letters for what a list was asked with; none if that was nothing."""
    said = {name: value for name, value in given.items() if value is not None}
    if not said:
        return ""
    options = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS
    text = orjson.dumps(said, default=_said, option=options)
    return hashlib.blake2s(text, digest_size=4).hexdigest()


def _said(value: Any) -> Any:
    """Return what an input says: what it leaves out may be more in a later version."""
    if not is_dataclass(value):
        return str(value)
    parts = {part.name: getattr(value, part.name) for part in fields(value)}
    return {name: part for name, part in parts.items() if part is not None and part is not UNSET}
