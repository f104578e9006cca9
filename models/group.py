"""Groups: people who buy together, if enough of them are found in time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from models.claim import Told


class GroupState(StrEnum):
    OPEN = "open"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Member:
    user_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One group. `id` is the secret in its link; `buy` is the stock's id.

    `seat` is its place in the stock, which has room for so many groups; None without a stock.
    """

    id: str
    buy: str
    name: str
    campaign_id: str | None
    sku: str
    size: int
    seat: int | None
    slots: tuple[str, ...]
    state: GroupState
    members: tuple[Member, ...]
    opened_by: str
    at: datetime
    until: datetime
    version: int = 1
    untold: Sequence[Told] = ()

    def has(self, user_id: str) -> bool:
        """Whether someone is in it."""
        return any(member.user_id == user_id for member in self.members)

    @property
    def missing(self) -> int:
        return self.size - len(self.members)
