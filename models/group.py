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
    """Who is in a group; `order` and the attempt at it, once it is complete and they ordered."""

    user_id: str
    at: datetime
    order: str | None = None
    holder: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One group. `id` is the secret in its link; `buy` is the stock's id.

    `seat` is its place in the stock, which has room for so many groups; None without a stock.
    `price` is in minor units of `currency`: what each pays, whatever the rules say later.
    """

    id: str
    buy: str
    name: str
    campaign_id: str | None
    sku: str
    price: int | None = None
    currency: str | None = None
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

    def member(self, user_id: str) -> Member | None:
        """Return someone who is in it."""
        return next((each for each in self.members if each.user_id == user_id), None)

    @property
    def missing(self) -> int:
        return self.size - len(self.members)
