"""A checked program: every declaration with its expressions lowered to dsl.core."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from dsl.clauses import Active, Amount, Goal
from dsl.core import Expr
from dsl.diagnostics import Span
from dsl.kinds import Record
from dsl.offers import FlashSale, GroupBuy, Lottery, Loyalty
from dsl.promotions import Promotion
from dsl.triggers import Trigger

# No facts at all.
NOTHING = Record(())


@dataclass(frozen=True, slots=True)
class Settings:
    """What a program is checked against: the workspace's zone and currency (None: the file's)."""

    zone: str = "UTC"
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Campaign:
    name: str
    title: str | None = None
    active: tuple[Active, ...] = ()
    budget: Amount | None = None
    holdout: Decimal | None = None
    goal: Goal | None = None
    span: Span = field(default=Span(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Segment:
    """Who is in: a condition over `user` and its events, in the workspace's zone."""

    name: str
    condition: Expr
    title: str | None = None
    span: Span = field(default=Span(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ExampleLine:
    """One entry of an example's cart: fields in stored form, under the names of an item."""

    quantity: int
    fields: tuple[tuple[str, object], ...]


@dataclass(frozen=True, slots=True)
class Expectation:
    """`expect total X` | `expect NAME takes X` | `expect NAME applied|not applied`."""

    what: str  # "total" "takes" "applied" "not applied"
    promotion: str | None = None
    amount: Amount | None = None
    span: Span = field(default=Span(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Example:
    title: str
    lines: tuple[ExampleLine, ...]
    shipping: Amount | None
    codes: tuple[str, ...]
    user: tuple[tuple[str, object], ...] | None
    segments: tuple[str, ...]
    at: datetime | None
    expectations: tuple[Expectation, ...]
    currency: str | None = None  # of all money in it; None: it names none
    span: Span = field(default=Span(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Program:
    """Everything that a set of files declares, by name; the unit that is published and evaluated.

    `events`, `user` and `item` include what is built in. `currency` is the workspace's, or the one
    the files' own `order_placed` gives, else USD.
    """

    zone: str = "UTC"
    currency: str = "USD"
    events: Mapping[str, Record] = field(default_factory=dict)
    user: Record = NOTHING
    item: Record = NOTHING
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    campaigns: Mapping[str, Campaign] = field(default_factory=dict)
    segments: Mapping[str, Segment] = field(default_factory=dict)
    promotions: Mapping[str, Promotion] = field(default_factory=dict)
    triggers: Mapping[str, Trigger] = field(default_factory=dict)
    loyalty: Loyalty | None = None
    flash_sales: Mapping[str, FlashSale] = field(default_factory=dict)
    group_buys: Mapping[str, GroupBuy] = field(default_factory=dict)
    lotteries: Mapping[str, Lottery] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
