"""What an order takes of things that run out, and the hold on it until the order is there."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class PerUser:
    """At most `count` uses by one user; with `within`, in any such length of time (7, "day")."""

    count: int
    within: tuple[int, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """One use of something counted: of a promotion, or of the money of its campaign.

    `most` uses and `budget` in minor units bound what everyone may take together, `per_user` what
    the buyer may; None and nothing: without bound. `uses` is 0 for a campaign's money alone.
    `promotions` are those whose saving the money is.
    """

    name: str
    promotions: tuple[str, ...]
    uses: int = 1
    money: int = 0
    most: int | None = None
    budget: int | None = None
    per_user: tuple[PerUser, ...] = ()
    zone: str = "UTC"

    @property
    def is_shared(self) -> bool:
        """Whether it draws on something that others draw on as well."""
        return self.most is not None or self.budget is not None


class Reserve(StrEnum):
    """How a unit was reserved: by claiming it in a flash sale, or with a group that is complete."""

    CLAIM = "claim"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class Reserved:
    """One unit of a line (its place in the cart, from 0) that the buyer has reserved at a price."""

    how: Reserve
    id: str
    line: int
    price: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Redemption:
    """What one attempt at an order takes, all of it or nothing.

    A further kind of thing that orders take is a field here and of the order, and a line in each of
    `take`, `_release`, `_settle` and `_give_back` of services/settling.py.

    `id` is unique to the attempt, `order` the same for all attempts at one order. Nobody gives it
    back before `until`, which is wall time; `at` is business time and what windows count from.
    """

    id: str
    order: str
    takings: tuple[Taking, ...]
    at: datetime
    until: datetime
    user_id: str | None = None
    codes: tuple[tuple[str, str], ...] = ()  # single-use: the code as it is compared, its promotion
    reserved: tuple[Reserved, ...] = ()
    points: int = 0

    @property
    def takes_something(self) -> bool:
        """Whether there is anything to give back should the order not come."""
        return bool(self.takings or self.codes or self.reserved or self.points)
