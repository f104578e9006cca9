"""An order: the quote that it was placed at, what it took, and what has come of it since."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from math import floor
from typing import Any

from models.paging import EVER, Span
from models.points import Extent
from models.quote import Quote, Taken
from models.redemption import Reserved, Taking


class OrderState(StrEnum):
    PLACED = "placed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Granted:
    """A code that came with the order."""

    promotion: str
    code: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Owed:
    """What is to be given back to a counter; `act` is unique, so that it is done once.

    `own` says that the buyer's own use is forgotten as well.
    """

    act: str
    name: str
    uses: int
    money: int
    own: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """A change that is yet to be told, to the feed, and as an event to rules if there is a buyer.

    `id` is unique to the event among all of its name.
    """

    name: str
    id: str
    at: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Returned:
    """Units of one line that came back: what was paid for them, and what promotions had taken.

    `reserved` are the reservations whose units are among them.
    """

    line: int
    quantity: int
    refund: int
    shares: tuple[Taken, ...] = ()
    reserved: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Return:
    """Things that came back together. `key` is the shop's: the same return is taken once."""

    key: str
    at: datetime
    lines: tuple[Returned, ...]

    @property
    def refund(self) -> int:
        return sum(line.refund for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """`id` is the key it was placed under, `attempt` the one of several tries that succeeded.

    `items` are name, category and brand of each line; `tells_money` says that its currency is the
    workspace's, which is that of events. `settle_at` (wall time) is set while something
    that follows from a change is yet to be done: `owed`, `untold`, or settling what was taken.
    `imported_at` is set if a file told of it: what happened until then is not told again.
    """

    id: str
    attempt: str
    fingerprint: str
    placed_at: datetime
    publication: int
    quote: Quote
    items: tuple[Mapping[str, Any], ...]
    takings: tuple[Taking, ...]
    tells_money: bool = True
    user_id: str | None = None
    codes: tuple[tuple[str, str], ...] = ()
    reserved: tuple[Reserved, ...] = ()
    granted: tuple[Granted, ...] = ()
    state: OrderState = OrderState.PLACED
    cancelled_at: datetime | None = None
    returns: tuple[Return, ...] = ()
    owed: tuple[Owed, ...] = ()
    untold: tuple[Told, ...] = ()
    settle_at: datetime | None = None
    imported_at: datetime | None = None
    revision: int = field(default=1)

    @property
    def returned(self) -> int:
        """Return what was paid for all that came back."""
        return sum(each.refund for each in self.returns)

    @property
    def refunded(self) -> int:
        """Return what the buyer gets back in money: after a cancellation all that was paid so."""
        undone = self.quote.total if self.state is OrderState.CANCELLED else self.returned
        return undone - floor(self.quote.worth * self.share_undone)

    @property
    def points_returned(self) -> int:
        """Return how many of the points that paid for it the buyer gets back."""
        return floor(self.quote.redeemed * self.share_undone)

    @property
    def extent(self) -> Extent:
        """Return how much it was, as events tell of it."""
        money = self.quote.total if self.tells_money else None
        return Extent(money, sum(line.quantity for line in self.quote.lines))

    def extent_of(self, came: Return) -> Extent:
        """Return how much came back, as events tell of it."""
        money = came.refund if self.tells_money else None
        return Extent(money, sum(line.quantity for line in came.lines))

    @property
    def share_undone(self) -> Fraction:
        """Return which part of it came back or was cancelled."""
        if self.state is OrderState.CANCELLED:
            return Fraction(1)
        came = (self.extent_of(each).share_of(self.extent) for each in self.returns)
        return min(Fraction(1), sum(came, Fraction()))

    def units_returned(self, line: int) -> int:
        """Return how many units of a line have come back."""
        return sum(r.quantity for each in self.returns for r in each.lines if r.line == line)

    @property
    def changed_at(self) -> datetime:
        """Return when it was cancelled, or else when something last came back, or was placed."""
        if self.cancelled_at is not None:
            return self.cancelled_at
        return self.returns[-1].at if self.returns else self.placed_at

    @property
    def unreserved(self) -> tuple[Reserved, ...]:
        """Return the reservations whose units were cancelled or came back."""
        if self.state is OrderState.CANCELLED:
            return self.reserved
        came = {name for each in self.returns for line in each.lines for name in line.reserved}
        return tuple(each for each in self.reserved if each.id in came)

    @property
    def is_undone(self) -> bool:
        """Whether nothing of it is kept, so that it counts as no use of anything."""
        return self.state is OrderState.CANCELLED or all(
            self.units_returned(place) == line.quantity
            for place, line in enumerate(self.quote.lines)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which orders to list: those of a buyer, with a thing, in a state, placed then; or all."""

    user_id: str | None = None
    sku: str | None = None
    state: OrderState | None = None
    placed: Span = EVER


ALL = Which()
