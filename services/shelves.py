"""The units of a stock that seem free to this process. The database has the last word on each."""

import random
import time
from collections.abc import Awaitable, Callable, Mapping

FRESH = 0.5  # seconds


class Shelf:
    """One per stock and process. `read` tells which claim has which unit."""

    def __init__(
        self, read: Callable[[], Awaitable[Mapping[str, int]]], *, fresh: float = FRESH
    ) -> None:
        self._read = read
        self._fresh = fresh
        self._free: list[int] = []
        self._owners: Mapping[str, int] = {}
        self._read_at = float("-inf")
        self._empty = False

    def is_sold_out(self, owner: str) -> bool:
        """Whether everything was taken a moment ago, and nothing of it by this owner.

        This asks nobody: it is what makes refusing cheap once all is gone.
        """
        return (
            self._empty
            and time.monotonic() - self._read_at < self._fresh
            and owner not in self._owners
        )

    async def look(self, size: int) -> None:
        """See what is free of a stock of this size."""
        began = time.monotonic()
        self._owners = await self._read()
        taken = set(self._owners.values())
        self._free = [unit for unit in range(size) if unit not in taken]
        # In an order of its own, so that processes do not all reach for the same unit.
        random.shuffle(self._free)
        self._empty = not self._free
        self._read_at = began

    def pick(self) -> int | None:
        """Take a unit that seems free; None if none does, and it is time to look again."""
        return self._free.pop() if self._free else None

    def put_back(self, unit: int) -> None:
        """Return a unit that was not needed after all."""
        self._free.append(unit)
