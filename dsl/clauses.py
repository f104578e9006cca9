"""Clauses that several kinds of declaration share: windows, limits, budgets, goals."""

from dataclasses import dataclass
from datetime import datetime

from dsl.core import Expr


@dataclass(frozen=True, slots=True)
class Length:
    """A length of time: `count` of "minute" "hour" "day" "week" "month" "year"."""

    count: int
    unit: str

    @property
    def words(self) -> str:
        """Return it as rules have it: `14 days`."""
        return f"{self.count} {self.unit}{'' if self.count == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Recurring:
    """`every friday 17:00 to 19:00`; weekday None means every day; may pass midnight."""

    weekday: str | None
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Active:
    """Half-open [start, end) in UTC; `recurring` is judged in `zone` (None: the workspace's)."""

    start: datetime | None = None
    end: datetime | None = None
    recurring: Recurring | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """`limit N per user`, `per user per D`, `N total`. `per` is "user" or "total"."""

    count: int
    per: str
    within: Length | None = None


@dataclass(frozen=True, slots=True)
class Amount:
    """Money in minor units of its currency."""

    minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Goal:
    event: str
    where: Expr | None
    within: Length | None
