"""What was looked up a moment ago, and need not be looked up again yet."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

FRESH = 2.0  # seconds for which a look is good: so long what was revoked may still work
_KEPT = 10_000

T = TypeVar("T")


@dataclass(slots=True)
class Recent(Generic[T]):
    """Looks for things by their ids; one per process and kind. What is not there is kept, too."""

    look: Callable[[str], Awaitable[T | None]]
    _seen: dict[str, tuple[float, T | None]] = field(default_factory=dict)

    async def find(self, id: str) -> T | None:
        """Return what has this id, as it was at most two seconds ago."""
        found = self._seen.get(id)
        if found is None or found[0] < time.monotonic():
            if len(self._seen) > _KEPT:
                self._seen.clear()
            # The look is as old as its question: what changes before the answer may not be in it.
            asked = time.monotonic()
            found = self._seen[id] = (asked + FRESH, await self.look(id))
        return found[1]
