"""The two clocks: business time, which a demo may run fast, and wall time, which is real."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from models.errors import Invalid


@dataclass(frozen=True, slots=True)
class Clock:
    """Business time was `start` when wall time was `anchor`; it runs `speed` times as fast.

    It never runs ahead of wall time: once it has caught up, both are the same.
    """

    start: datetime | None = None
    anchor: datetime | None = None
    speed: float = 1.0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `START@ANCHOR*SPEED` (RFC 3339 instants), or nothing at all for the plain clock.

        Every process given the same text agrees about business time.
        """
        if not text:
            return cls()
        try:
            instants, _, speed = text.partition("*")
            start, _, anchor = instants.partition("@")
            clock = cls(_instant(start), _instant(anchor), float(speed or 1))
        except ValueError as error:
            raise Invalid(f"a clock is START@ANCHOR*SPEED, not {text!r}: {error}") from error
        if clock.speed <= 0:
            raise Invalid("a clock's speed must be above 0")
        return clock

    def __str__(self) -> str:
        if self.start is None or self.anchor is None:
            return ""
        return f"{self.start.isoformat()}@{self.anchor.isoformat()}*{self.speed:g}"

    def wall(self) -> datetime:
        """Return the real time: for tokens, leases, throttles and sweeps."""
        return datetime.now(UTC)

    def now(self) -> datetime:
        """Return the time that rules, events, campaigns and runs live in."""
        wall = self.wall()
        return min(wall, self._fast(wall))

    def has_caught_up(self) -> bool:
        """Whether business time is real time, now and from now on."""
        wall = self.wall()
        return self._fast(wall) >= wall

    def _fast(self, wall: datetime) -> datetime:
        if self.start is None or self.anchor is None:
            return wall
        return self.start + max(wall - self.anchor, timedelta()) * self.speed


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text.strip())
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} lacks a time zone")
    return instant.astimezone(UTC)
