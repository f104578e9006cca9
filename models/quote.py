"""A quote: what a cart costs, which promotion took how much, and why others did not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple


class Why(StrEnum):
    """Why a promotion did not apply. The names are part of the API."""

    PAUSED = "paused"
    NOT_ACTIVE = "not_active"
    CURRENCY = "currency"
    SIGN_IN = "sign_in"
    CODE = "code"
    LIMIT = "limit"
    HOLDOUT = "holdout"
    AUDIENCE = "audience"
    WHEN = "when"
    BUDGET = "budget"
    OUTDONE = "outdone"  # another legal combination saves more, or wins the tie
    NOTHING = "nothing"  # it applied, but found nothing to take or to give


@dataclass(frozen=True, slots=True)
class Unlock:
    """The smallest change that would make a promotion apply: bring `path` to `to`, by so much.

    `text` says it for people, all of it: where one change is not enough, `also` are the others.
    """

    path: str
    to: Any
    by: Any = None
    text: str = field(default="", compare=False)
    also: tuple["Unlock", ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """The clause that stopped a promotion, and the values it saw."""

    code: Why
    clause: str
    values: Mapping[str, Any] = field(default_factory=dict)
    unlock: Unlock | None = None


# Of these a quote makes so many that they are tuples, which are made in half the time.
class Verdict(NamedTuple):
    """What became of one promotion. `reason` is given exactly when it did not apply."""

    name: str
    title: str | None
    applied: bool
    saved: int = 0
    reason: Reason | None = None
    points: int = 0


class Taken(NamedTuple):
    promotion: str
    amount: int


@dataclass(frozen=True, slots=True)
class UnitRun:
    """`count` units of a line that cost the same: `total` each, after what each promotion took.

    `reserved` names the reservation that one unit was priced by.
    """

    count: int
    total: int
    applied: tuple[Taken, ...]
    reserved: str | None = None


class QuoteLine(NamedTuple):
    """`units` is filled only when per-unit shares were asked for; they sum to the line's."""

    sku: str
    quantity: int
    subtotal: int
    discount: int
    applied: tuple[Taken, ...]
    units: tuple[UnitRun, ...] = ()

    @property
    def total(self) -> int:
        return self.subtotal - self.discount


@dataclass(frozen=True, slots=True)
class ShippingQuote:
    price: int
    discount: int = 0
    applied: tuple[Taken, ...] = ()


@dataclass(frozen=True, slots=True)
class GiftGiven:
    promotion: str
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class GrantGiven:
    """A code of `granted` that the buyer gets with the order; `lasts` as written ("14 days")."""

    promotion: str
    granted: str
    lasts: str | None


@dataclass(frozen=True, slots=True)
class Quote:
    """Amounts in minor units. `reduced`: there were too many combinations to try them all.

    `points` are what the order brings, `redeemed` what it takes in place of money, and `worth` what
    those are worth.
    """

    currency: str
    lines: tuple[QuoteLine, ...]
    shipping: ShippingQuote
    points: int
    verdicts: tuple[Verdict, ...]
    gifts: tuple[GiftGiven, ...] = ()
    grants: tuple[GrantGiven, ...] = ()
    reduced: bool = False
    redeemed: int = 0
    worth: int = 0

    @property
    def subtotal(self) -> int:
        return sum(line.subtotal for line in self.lines)

    @property
    def saved(self) -> int:
        return sum(line.discount for line in self.lines) + self.shipping.discount

    @property
    def total(self) -> int:
        return self.subtotal + self.shipping.price - self.saved

    @property
    def to_pay(self) -> int:
        """Return what is left to pay in money."""
        return self.total - self.worth
