"""Claims: units of a flash sale that are held for someone until they order or the hold ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

from models.audit import Asked


class ClaimState(StrEnum):
    HELD = "held"
    SOLD = "sold"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Told:
    """A state that the feed is yet to hear of, and the audit log, if `asked` says who wanted it."""

    state: str
    at: datetime
    user_id: str | None = None
    asked: Asked | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One unit of a sale for one person. `unit` and `slots` are there while it is not released.

    `sale` is the stock's id, `slots` are the places it takes among what its user may have. `price`
    is in minor units of `currency`: what the unit costs, whatever the rules say later. `holder` is
    the attempt at an order that sold it.
    """

    id: str
    sale: str
    name: str
    campaign_id: str | None
    user_id: str
    sku: str
    price: int | None = None
    currency: str | None = None
    unit: int | None
    slots: tuple[str, ...]
    state: ClaimState
    at: datetime
    until: datetime
    order: str | None = None
    holder: str | None = None
    version: int = 1
    untold: Sequence[Told] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """What stood in the way: "_id", "unit", or one of the "slots" and which."""

    what: str
    value: Any


@dataclass(frozen=True, slots=True)
class Stock:
    """How much there was at first, and what has become of it: it always adds up."""

    id: str
    initial: int
    held: int
    sold: int

    @property
    def free(self) -> int:
        return max(0, self.initial - self.held - self.sold)


def stock_id(campaign_id: str | None, name: str) -> str:
    """Return the id of a declaration's stock: it outlives new versions of its campaign's rules."""
    return f"{campaign_id or '-'}:{name}"


def claim_id(sale: str, user_id: str, key: str) -> str:
    """Return the id of a claim: the same key of the same person is the same claim."""
    return f"{sale}|{sha256(f'{user_id}|{key}'.encode()).hexdigest()[:24]}"
