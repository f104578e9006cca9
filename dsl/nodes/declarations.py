"""The surface tree's declarations, and the file that holds them."""

from dataclasses import dataclass, field
from typing import TypeAlias

from dsl.diagnostics import Span
from dsl.nodes.clauses import (
    Active,
    ActiveEvery,
    Audience,
    BestOf,
    Budget,
    Code,
    DrawAt,
    EarnOn,
    EarnPer,
    Effect,
    EnterFor,
    EnterOn,
    Exclusive,
    FirstOf,
    FlashSku,
    Goal,
    GroupSku,
    Hold,
    Holdout,
    Limit,
    LimitEntries,
    PointsExpire,
    Priority,
    Prize,
    Redeem,
    Tier,
    UniqueCodes,
    When,
)
from dsl.nodes.expressions import (
    Date,
    Expr,
    List,
    Money,
    Name,
    Node,
    Number,
    Path,
    RecordType,
    Text,
    Timestamp,
)
from dsl.nodes.steps import Pace, Quiet, Reenter, Start, Then

CampaignClause: TypeAlias = Active | ActiveEvery | Budget | Holdout | Goal
PromotionClause: TypeAlias = (
    Active
    | ActiveEvery
    | Audience
    | Code
    | UniqueCodes
    | When
    | Effect
    | Limit
    | Budget
    | Priority
    | Exclusive
    | BestOf
    | FirstOf
    | Holdout
    | Goal
)
TriggerClause: TypeAlias = (
    Start
    | Active
    | ActiveEvery
    | Audience
    | Limit
    | Holdout
    | Goal
    | Priority
    | Quiet
    | Pace
    | Reenter
    | Then
)
LoyaltyClause: TypeAlias = EarnPer | EarnOn | Tier | PointsExpire | Redeem
FlashSaleClause: TypeAlias = Active | ActiveEvery | FlashSku | Limit | Hold
GroupBuyClause: TypeAlias = Active | ActiveEvery | GroupSku | Limit
LotteryClause: TypeAlias = Active | ActiveEvery | EnterOn | EnterFor | LimitEntries | DrawAt | Prize


# --- facts ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Event(Node):
    name: Name
    record: RecordType


@dataclass(frozen=True, slots=True)
class Attributes(Node):
    """`subject` is "user" or "item"."""

    subject: str
    record: RecordType


@dataclass(frozen=True, slots=True)
class NamedList(Node):
    name: Name
    elements: List


# --- what is published ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Campaign(Node):
    name: Name
    title: Text | None
    clauses: tuple[CampaignClause, ...]


@dataclass(frozen=True, slots=True)
class Segment(Node):
    name: Name
    title: Text | None
    condition: Expr


@dataclass(frozen=True, slots=True)
class Promotion(Node):
    name: Name
    title: Text | None
    clauses: tuple[PromotionClause, ...]


@dataclass(frozen=True, slots=True)
class Trigger(Node):
    name: Name
    title: Text | None
    clauses: tuple[TriggerClause, ...]


@dataclass(frozen=True, slots=True)
class Loyalty(Node):
    name: Name
    title: Text | None
    clauses: tuple[LoyaltyClause, ...]


@dataclass(frozen=True, slots=True)
class FlashSale(Node):
    name: Name
    title: Text | None
    clauses: tuple[FlashSaleClause, ...]


@dataclass(frozen=True, slots=True)
class GroupBuy(Node):
    name: Name
    title: Text | None
    clauses: tuple[GroupBuyClause, ...]


@dataclass(frozen=True, slots=True)
class Lottery(Node):
    name: Name
    title: Text | None
    clauses: tuple[LotteryClause, ...]


# --- examples ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fact(Node):
    """`birthday: 1980-02-29`, `consent.email: true`."""

    path: Path
    value: Expr


@dataclass(frozen=True, slots=True)
class CartLine(Node):
    """`3 of { category: "COFFEE", price: 4 USD }`."""

    quantity: Number
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class CartShipping(Node):
    amount: Money


@dataclass(frozen=True, slots=True)
class CartCode(Node):
    code: Text


@dataclass(frozen=True, slots=True)
class ExampleCart(Node):
    entries: tuple[CartLine | CartShipping | CartCode, ...]


@dataclass(frozen=True, slots=True)
class ExampleUser(Node):
    """`user { … } in segment a, b`; facts None where no braces were written."""

    facts: tuple[Fact, ...] | None
    segments: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class ExampleAt(Node):
    at: Date | Timestamp


@dataclass(frozen=True, slots=True)
class ExpectTotal(Node):
    amount: Money


@dataclass(frozen=True, slots=True)
class ExpectTakes(Node):
    promotion: Name
    amount: Money


@dataclass(frozen=True, slots=True)
class ExpectApplied(Node):
    promotion: Name
    applied: bool


ExampleClause: TypeAlias = (
    ExampleCart | ExampleUser | ExampleAt | ExpectTotal | ExpectTakes | ExpectApplied
)


@dataclass(frozen=True, slots=True)
class Example(Node):
    title: Text
    clauses: tuple[ExampleClause, ...]


# --- the file ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Broken(Node):
    """A declaration with a syntax error inside, already reported.

    Its name is known, so that a use of it elsewhere is no second error; and so are the words of its
    `head`, any of which may have been meant as its name, and all `words` in it, which may have been
    meant as fields. `keyword` as written. `rest` is the declaration without its clauses in error,
    if so much could be read.
    """

    keyword: str
    name: Name | None
    rest: "Declaration | None" = field(default=None, compare=False)
    head: frozenset[str] = field(default=frozenset(), compare=False)
    words: frozenset[str] = field(default=frozenset(), compare=False)


Declaration: TypeAlias = (
    Event
    | Attributes
    | NamedList
    | Campaign
    | Segment
    | Promotion
    | Trigger
    | Loyalty
    | FlashSale
    | GroupBuy
    | Lottery
    | Example
    | Broken
)


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment, its `#` included; `alone` where nothing else stands before it on its line."""

    text: str
    span: Span = field(compare=False)
    alone: bool


@dataclass(frozen=True, slots=True)
class File:
    """A parsed file. `version` is the header's (`fanfare 1`), None where it has none.

    `comments` and `blanks` (the numbers of blank lines, from 1) are kept beside the tree for the
    formatter; they do not count for equality.
    """

    name: str
    version: Number | None
    declarations: tuple[Declaration, ...]
    comments: tuple[Comment, ...] = field(default=(), compare=False)
    blanks: tuple[int, ...] = field(default=(), compare=False)
