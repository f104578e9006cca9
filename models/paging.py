"""A window on a sorted list: which way to walk, from where, and how far."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Window:
    """`limit` items after the position `start` (exclusive), or before it if `backward`.

    A position is what the list is sorted by, ending in the id, as strings.
    """

    limit: int
    start: tuple[str, ...] | None = None
    backward: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Items in list order, and whether there are more in the direction walked."""

    items: Sequence[T]
    more: bool
