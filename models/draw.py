"""Draws of lotteries, the entries in them, and who won."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any

from models.beacon import Pulse
from models.claim import Told


class DrawState(StrEnum):
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"
    DRAWN = "drawn"


@dataclass(frozen=True, slots=True)
class DrawPrize:
    title: str
    quantity: int
    grants: str | None = None


@dataclass(frozen=True, slots=True)
class Winner:
    """A ticket and the place of its prize among the prizes, counting from 0.

    `code` is what the prize grants; only its winner is told.
    """

    prize: int
    ticket: str
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One lottery's draw. `promise` is what `commitment` is the hash of.

    `secret` is told to nobody before the draw. `closing_at` and `rooted_at` are real times: of the
    last entry, and of the tickets' publication. `waiting` says why it is late.
    """

    id: str
    name: str
    title: str | None
    campaign_id: str | None
    prizes: tuple[DrawPrize, ...]
    promise: Mapping[str, Any]
    commitment: str
    secret: bytes
    state: DrawState
    opened_at: datetime
    closes_at: datetime
    draw_at: datetime
    entries: int = 0
    closing_at: datetime | None = None
    rooted_at: datetime | None = None
    root: str | None = None
    waiting: str | None = None
    pulse: Pulse | None = None
    winners: tuple[Winner, ...] = ()
    untold: Sequence[Told] = ()

    @property
    def spoken_at(self) -> datetime | None:
        """Return when the beacon says what the draw depends on; None without a beacon."""
        promised = self.promise["beacon"]
        if promised is None:
            return None
        seconds = promised["genesis"] + (promised["round"] - 1) * promised["period"]
        return datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds)

    @property
    def is_operator_trusted(self) -> bool:
        """Whether the operator could have chosen tickets knowing what they would win."""
        if self.spoken_at is None:
            return True
        return self.rooted_at is not None and self.rooted_at >= self.spoken_at

    def record(self, tickets: Sequence[str]) -> dict[str, Any]:
        """Return everything that is public by now, which is all that checking the draw takes."""
        drawn = self.state is DrawState.DRAWN
        return {
            "promise": dict(self.promise),
            "commitment": self.commitment,
            "trust": "operator" if self.is_operator_trusted else "beacon",
            "root": self.root,
            "tickets": list(tickets) if self.root is not None else [],
            "secret": self.secret.hex() if drawn else None,
            "beacon": None if self.pulse is None else self.pulse.record(),
            "winners": [{"prize": won.prize, "ticket": won.ticket} for won in self.winners],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One chance of one person. With `nonce` its owner can show that the ticket is theirs.

    `frozen` once the draw has closed with it: it takes part.
    """

    id: str
    draw: str
    user_id: str
    source: str
    ticket: str
    nonce: str
    slot: str | None
    at: datetime
    frozen: bool = False


def entry_id(draw: str, user_id: str, source: str) -> str:
    """Return the id of an entry: the same source enters the same person once."""
    return f"{draw}|{sha256(f'{user_id}|{source}'.encode()).hexdigest()[:32]}"
