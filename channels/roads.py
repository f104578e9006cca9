"""The ways to where messages go, one for each destination: how fast, and whether anyone answers."""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

_FAILURES = 3
_LONGEST = timedelta(seconds=60)


@dataclass(slots=True)
class Road:
    """A breaker and a pace. After some failures in a row nothing is sent for a while; then one
    message goes ahead and finds out, while the others wait for its word.
    """

    per_second: float
    failures: int = 0
    closed_until: datetime | None = None
    # Whether the feed was told that it is closed; None until this process has looked.
    told: bool | None = None
    _next_at: float = 0.0

    def admits(self, wall: datetime) -> bool:
        """Whether a message may be sent now. If it is the one to find out, others may not."""
        if self.closed_until is None:
            return True
        if wall < self.closed_until:
            return False
        self.closed_until = wall + self.pause
        return True

    def note(self, answered: bool, wall: datetime) -> None:
        """Learn whether the other side answered."""
        if answered:
            self.failures, self.closed_until = 0, None
            return
        self.failures += 1
        if self.failures >= _FAILURES:
            self.closed_until = wall + self.pause

    @property
    def is_closed(self) -> bool:
        """Whether nobody has answered of late."""
        return self.closed_until is not None

    @property
    def pause(self) -> timedelta:
        """How long nothing is sent: longer with every failure."""
        return min(timedelta(seconds=2 ** min(self.failures, 10)), _LONGEST)

    async def pace(self) -> None:
        """Wait for one's turn, so that no more leave per second than may."""
        now = time.monotonic()
        turn = max(now, self._next_at)
        self._next_at = turn + 1 / self.per_second
        if turn > now:
            await asyncio.sleep(turn - now)


@dataclass(slots=True)
class Roads:
    """All the ways that this process has been, by destination."""

    per_second: float = 500.0
    _roads: dict[str, Road] = field(default_factory=dict)

    def to(self, destination: str) -> Road:
        """Return the way to a destination."""
        return self._roads.setdefault(destination, Road(self.per_second))
