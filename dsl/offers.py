"""Checked loyalty, flash sales, group buys and lotteries."""

from dataclasses import dataclass, field
from datetime import datetime

from dsl.clauses import Active, Amount, Length, Limit
from dsl.core import Expr
from dsl.diagnostics import Span
from dsl.triggers import OnEvent


@dataclass(frozen=True, slots=True)
class Earn:
    """`earn N points [per X of EVENT.field] [on EVENT] where …`; `per` in its stored form."""

    points: int
    event: OnEvent
    per: int | float | None = None
    of: Expr | None = None


@dataclass(frozen=True, slots=True)
class Tier:
    name: str
    points: int
    within: Length


@dataclass(frozen=True, slots=True)
class Loyalty:
    name: str
    title: str | None
    earn: tuple[Earn, ...]
    tiers: tuple[Tier, ...]
    expire_after: Length | None
    redeem: tuple[int, Amount] | None  # points for money
    campaign: str | None = None
    span: Span = field(default=Span(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class FlashSale:
    name: str
    title: str | None
    active: tuple[Active, ...]
    sku: str
    price: Amount
    stock: int
    limits: tuple[Limit, ...]
    hold: Length | None
    campaign: str | None = None
    span: Span = field(default=Span(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class GroupBuy:
    name: str
    title: str | None
    active: tuple[Active, ...]
    sku: str
    price: Amount
    people: int
    within: Length
    stock: int | None
    limits: tuple[Limit, ...] = ()
    campaign: str | None = None
    span: Span = field(default=Span(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Prize:
    title: str
    quantity: int
    grants: str | None = None


@dataclass(frozen=True, slots=True)
class Lottery:
    """`entries` is the limit per user; `enter_points` what an entry costs, if it can be bought."""

    name: str
    title: str | None
    active: tuple[Active, ...]
    enter_on: tuple[OnEvent, ...]
    enter_points: int | None
    entries: int | None
    draw_at: datetime
    prizes: tuple[Prize, ...]
    campaign: str | None = None
    span: Span = field(default=Span(), compare=False, repr=False)
