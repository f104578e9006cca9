"""Loyalty points: a ledger of transfers, and each person's account in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Any

from models.feed import FeedEntry


class Reason(StrEnum):
    """Why points moved. `UNDONE` moves none: it notes what has become of an order."""

    EARNED = "earned"
    PROMOTION = "promotion"
    AWARDED = "awarded"
    TAKEN_BACK = "taken_back"
    EXPIRED = "expired"
    REDEEMED = "redeemed"
    ENTERED = "entered"
    GIVEN_BACK = "given_back"
    UNDONE = "undone"


GAINS = frozenset({Reason.EARNED, Reason.PROMOTION, Reason.AWARDED})
SPENDINGS = frozenset({Reason.REDEEMED, Reason.ENTERED})

# The account that each kind of transfer takes from or gives to, beside the user's own.
_OTHER_SIDE = {
    Reason.EARNED: "issued",
    Reason.PROMOTION: "issued",
    Reason.AWARDED: "issued",
    Reason.TAKEN_BACK: "issued",
    Reason.EXPIRED: "expired",
    Reason.REDEEMED: "redeemed",
    Reason.GIVEN_BACK: "redeemed",
    Reason.ENTERED: "entries",
    Reason.UNDONE: "issued",
}


@dataclass(frozen=True, slots=True)
class Extent:
    """How much an order, or what came back of it, is: money in minor units, else pieces."""

    money: int | None = None
    units: int | float | None = None

    def share_of(self, whole: "Extent | None") -> Fraction:
        """Return which part of an order this is; nothing where the two cannot be compared."""
        if whole is None:
            return Fraction()
        if whole.money and self.money is not None:
            return Fraction(self.money, whole.money)
        if whole.units and self.units is not None:
            return Fraction(self.units) / Fraction(whole.units)
        return Fraction()


@dataclass(frozen=True, slots=True)
class Leg:
    """One side of a transfer."""

    account: str
    points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Points that moved to a user's account, or from it where `points` is below zero.

    `id` is what it is, so that it is done once. What is gained is a lot, which may expire; `of`
    names the lot or the spending that a transfer corrects. `extent` is that of the order or, of one
    undone, of what came back: None there means all of it.
    """

    id: str
    user_id: str
    reason: Reason
    points: int
    at: datetime
    expires_at: datetime | None = None
    of: str | None = None
    order: str | None = None
    extent: Extent | None = None
    campaign_id: str | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def legs(self) -> tuple[Leg, Leg]:
        """Return both sides, which sum to zero."""
        other = _OTHER_SIDE[self.reason]
        return Leg(f"user:{self.user_id}", self.points), Leg(other, -self.points)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Points set aside for a spending that is not decided yet; `transfer` is what it becomes.

    `until` is wall time: who was to decide is given up for lost after it. `data` is what it takes
    to finish in their place, and is told to nobody.
    """

    transfer: Transfer
    until: datetime
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def points(self) -> int:
        return -self.transfer.points


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What the ledger came to when it was last replayed, and the holds that no replay knows.

    `terms` names the tiers it was judged by, `due_at` is when time alone changes it.
    `version` counts changes: one is decided on what was read, and written if that still holds.
    """

    user_id: str
    version: int = 0
    balance: int = 0
    tier: str | None = None
    terms: str = ""
    due_at: datetime | None = None
    holds: tuple[Hold, ...] = ()
    untold: Sequence[FeedEntry] = ()


def correction_id(reason: Reason, of: str, number: int) -> str:
    """Return the id of the `number`th transfer, from 0, that corrects a lot or spending so."""
    verb = {Reason.EXPIRED: "expire", Reason.TAKEN_BACK: "take", Reason.GIVEN_BACK: "return"}
    return f"{verb[reason]}:{of}{f'#{number + 1}' if number else ''}"
