"""A checked promotion: who, when, what it takes off, and how it combines."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias

from dsl.clauses import Active, Amount, Goal, Length, Limit
from dsl.core import Expr
from dsl.diagnostics import Span


@dataclass(frozen=True, slots=True)
class Target:
    """What a discount is on: `what` of "cart" "items" "each" "cheapest" "dearest" "shipping"."""

    what: str
    where: Expr | None = None  # a condition over the line: Ref("element", …)
    count: int = 0  # units, for cheapest and dearest


@dataclass(frozen=True, slots=True)
class Off:
    """A reduction: exactly one of percent (15 = 15%) and amount is given."""

    percent: Decimal | None = None
    amount: Amount | None = None


@dataclass(frozen=True, slots=True)
class Take:
    """`take 15% off T [up to M]`. `free shipping` is Take(100% off shipping)."""

    off: Off
    target: Target
    cap: Amount | None = None
    span: Span = field(default=Span(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Tiers:
    """`take off T by EXPR { from X: off … }`: thresholds in the stored form of `by`."""

    target: Target
    by: Expr
    steps: tuple[tuple[int | float, Off], ...]
    cap: Amount | None = None
    span: Span = field(default=Span(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class FixedPrice:
    """`price items where … at 9.99 USD`."""

    target: Target
    price: Amount
    cap: Amount | None = None
    span: Span = field(default=Span(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class BuyGet:
    """`buy N T get M [dearest] T free | at P% off | for X each [at most K times] [up to M]`.

    `price` is the unit price of a rewarded unit for `for 1 USD`; else `off` says what is taken.
    """

    buy: int
    buy_where: Expr | None
    get: int
    get_where: Expr | None
    dearest: bool
    off: Off | None
    price: Amount | None
    times: int | None = None
    cap: Amount | None = None
    span: Span = field(default=Span(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Bundle:
    """`bundle { N of items where … } for X [at most K times]`: parts are (count, where)."""

    parts: tuple[tuple[int, Expr | None], ...]
    price: Amount
    times: int | None = None
    cap: Amount | None = None
    span: Span = field(default=Span(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Gift:
    sku: str
    quantity: int
    span: Span = field(default=Span(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Award:
    """`award N points`, or `award N points per X of EXPR` (full multiples of `per`)."""

    points: int
    per: int | float | None = None
    of: Expr | None = None
    span: Span = field(default=Span(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """`grant PROMOTION [for D]`."""

    promotion: str
    duration: Length | None
    span: Span = field(default=Span(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class SplitEffects:
    """`split NAME { P% arm { effects } … }`; shares in percent, summing to 100."""

    name: str
    arms: tuple[tuple[Decimal, str, tuple["Effect", ...]], ...]
    span: Span = field(default=Span(), compare=False, repr=False)


Effect: TypeAlias = (
    Take | Tiers | FixedPrice | BuyGet | Bundle | Gift | Award | Grant | SplitEffects
)


@dataclass(frozen=True, slots=True)
class Promotion:
    name: str
    title: str | None = None
    active: tuple[Active, ...] = ()  # all must hold; empty: always
    audience: Expr | None = None
    codes: tuple[str, ...] = ()  # `code "X"`, as written
    unique_codes: bool = False
    when: Expr | None = None
    effects: tuple[Effect, ...] = ()
    limits: tuple[Limit, ...] = ()
    budget: Amount | None = None
    priority: int = 0
    exclusive: bool = False
    best_of: str | None = None
    first_of: str | None = None
    holdout: Decimal | None = None
    goal: Goal | None = None
    currency: str | None = None  # of all money outside `for`; None: names none
    campaign: str | None = None
    span: Span = field(default=Span(), compare=False, repr=False)
