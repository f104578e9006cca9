"""A window on a sorted list: which way to walk, from where, and how far."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sorting:
    """What a list is sorted by: `id`, or a time of that name and then the id."""

    by: str
    descending: bool = False

    @property
    def width(self) -> int:
        """How many parts a position has."""
        return 1 if self.by == "id" else 2


@dataclass(frozen=True, slots=True)
class Window:
    """`limit` items after the position `start` (exclusive), or before it if `backward`.

    A position is what the list is sorted by, ending in the id, as strings. Without an order, the
    list is sorted as it is by itself.
    """

    limit: int
    start: tuple[str, ...] | None = None
    backward: bool = False
    sorting: Sorting | None = None

    def position(self, id: str, **times: datetime) -> tuple[str, ...]:
        """Return where something stands in a list that can be sorted by these times, or by id."""
        at = times.get(self.sorting.by) if self.sorting else None
        return (id,) if at is None else (at.isoformat(), id)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Items in list order, and whether there are more in the direction walked."""

    items: Sequence[T]
    more: bool


@dataclass(frozen=True, slots=True)
class Span:
    """From a time on, and before another; None is no bound."""

    since: datetime | None = None
    until: datetime | None = None


EVER = Span()
