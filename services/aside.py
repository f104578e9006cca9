"""Waiting for one's turn at something scarce, without taking a place from those who want others."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol


class Places(Protocol):
    """Where whoever is worked on has a place."""

    def leave(self) -> None:
        """Let go of one."""

    def take(self) -> None:
        """Have it again, whether there is room or not."""


PLACES: ContextVar[Places | None] = ContextVar("places", default=None)


@contextmanager
def aside() -> Iterator[None]:
    """Let go of one's place meanwhile, if one has any."""
    places = PLACES.get()
    if places is None:
        yield
        return
    places.leave()
    try:
        yield
    finally:
        places.take()
