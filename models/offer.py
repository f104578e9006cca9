"""What someone could make use of: promotions as they stand for them, and codes that are theirs."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from models.paging import Page
from models.quote import Reason
from models.unique_code import Code


class OfferStatus(StrEnum):
    """How a promotion stands for someone. The names are part of the API."""

    APPLIED = "applied"  # to the cart asked about
    USABLE = "usable"  # theirs to use, though this cart has nothing for it or does better
    ALMOST = "almost"  # something of the cart is missing
    USED_UP = "used_up"  # by them, or by everyone


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A promotion for one person. `saved` is what it takes off the cart, in minor units.

    `ends_at` is when it ends, or today's window does; `left` and `left_in_all` are the uses that
    limits leave to the person and to everyone, None: without limit.
    """

    name: str
    title: str | None
    status: OfferStatus
    saved: int = 0
    reason: Reason | None = None
    ends_at: datetime | None = None
    left: int | None = None
    left_in_all: int | None = None

    @property
    def position(self) -> tuple[str, str]:
        """Return its place: what applies first, what is used up last."""
        return (str(list(OfferStatus).index(self.status)), self.name)


@dataclass(frozen=True, slots=True)
class Offers:
    """A window on someone's offers, of how many, and the currency of what they save."""

    currency: str
    page: Page[Offer]
    total: int


@dataclass(frozen=True, slots=True)
class OwnCode:
    """A code that only its owner can use; `is_on`: the promotion that it opens is on now."""

    code: Code
    title: str | None
    is_on: bool
