"""A public source of randomness: rounds at fixed times, whose values nobody knows before."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class Chain:
    """A beacon of drand's kind: where it answers, which it is, and when its rounds are."""

    url: str
    hash: str
    genesis: int
    period: int

    def round_at(self, at: datetime) -> int:
        """Return the first round whose value is made at this time or after it."""
        late = at - self.time_of(1)
        return max(1, 1 - (-late // timedelta(seconds=self.period)))

    def time_of(self, number: int) -> datetime:
        """Return when a round's value is made."""
        return datetime.fromtimestamp(self.genesis + (number - 1) * self.period, UTC)

    def promise(self, number: int) -> dict[str, Any]:
        """Return a round as a draw commits to it: with all that finding it again takes."""
        return {
            "kind": "drand",
            "url": self.url,
            "chain": self.hash,
            "genesis": self.genesis,
            "period": self.period,
            "round": number,
        }


@dataclass(frozen=True, slots=True)
class Pulse:
    """What a beacon says in a round. Its value is the hash of its signature."""

    round: int
    randomness: bytes
    signature: bytes

    def record(self) -> dict[str, Any]:
        """Return it as it is published."""
        return {
            "round": self.round,
            "randomness": self.randomness.hex(),
            "signature": self.signature.hex(),
        }
