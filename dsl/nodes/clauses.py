"""The surface tree's clauses: what stands between a declaration's braces."""

from dataclasses import dataclass
from typing import TypeAlias

from dsl.nodes.expressions import (
    Date,
    Duration,
    Expr,
    Money,
    Name,
    Node,
    Number,
    Path,
    Percent,
    Text,
    Time,
    Timestamp,
)


@dataclass(frozen=True, slots=True)
class EventMatch(Node):
    """An event's name, with what must hold of it."""

    event: Name
    where: Expr | None = None


# --- clauses of several kinds of declaration -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class Active(Node):
    """`active from W to W in "Zone"`."""

    start: Date | Timestamp
    end: Date | Timestamp | None = None
    zone: Text | None = None


@dataclass(frozen=True, slots=True)
class ActiveEvery(Node):
    """`active every friday 17:00 to 19:00 in "Zone"`; weekday None is `every day`."""

    weekday: str | None
    start: Time
    end: Time
    zone: Text | None = None


@dataclass(frozen=True, slots=True)
class Audience(Node):
    """`for EXPR`."""

    condition: Expr


@dataclass(frozen=True, slots=True)
class Limit(Node):
    """`limit N per user`, `limit N per user per D`, `limit N total`; `per` of user total."""

    count: Number
    per: str
    within: Duration | None = None


@dataclass(frozen=True, slots=True)
class Budget(Node):
    amount: Money


@dataclass(frozen=True, slots=True)
class Priority(Node):
    number: Number
    negative: bool = False


@dataclass(frozen=True, slots=True)
class Holdout(Node):
    share: Percent


@dataclass(frozen=True, slots=True)
class Goal(Node):
    event: EventMatch
    within: Duration | None = None


# --- a promotion's -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Code(Node):
    code: Text


@dataclass(frozen=True, slots=True)
class UniqueCodes(Node):
    pass


@dataclass(frozen=True, slots=True)
class When(Node):
    condition: Expr


@dataclass(frozen=True, slots=True)
class Exclusive(Node):
    pass


@dataclass(frozen=True, slots=True)
class BestOf(Node):
    group: Name


@dataclass(frozen=True, slots=True)
class FirstOf(Node):
    group: Name


@dataclass(frozen=True, slots=True)
class Target(Node):
    """`what` of cart items each cheapest dearest shipping; `count` for cheapest and dearest."""

    what: str
    where: Expr | None = None
    count: Number | None = None


@dataclass(frozen=True, slots=True)
class Take(Node):
    """`take 15% off T [up to M]`."""

    off: Percent | Money
    target: Target
    cap: Money | None = None


@dataclass(frozen=True, slots=True)
class TierStep(Node):
    """`from 50 USD: 5%`."""

    threshold: Number | Money
    off: Percent | Money


@dataclass(frozen=True, slots=True)
class TakeTiers(Node):
    """`take off T by EXPR { from … } [up to M]`."""

    target: Target
    by: Expr
    steps: tuple[TierStep, ...]
    cap: Money | None = None


@dataclass(frozen=True, slots=True)
class FreeShipping(Node):
    """`free shipping [up to M]`."""

    cap: Money | None = None


@dataclass(frozen=True, slots=True)
class FixedPrice(Node):
    """`price items where … at M [up to M]`."""

    target: Target
    price: Money
    cap: Money | None = None


@dataclass(frozen=True, slots=True)
class Free(Node):
    """The reward `free` of a `buy … get …`."""


@dataclass(frozen=True, slots=True)
class BuyGet(Node):
    """`buy N items where … get N [dearest] items where … REWARD [at most N times] [up to M]`.

    The reward is Free, a Percent (`at 50% off`), or Money (`for 1 USD`, each).
    """

    buy: Number
    buy_where: Expr | None
    get: Number
    get_where: Expr | None
    dearest: bool
    reward: Free | Percent | Money
    times: Number | None = None
    cap: Money | None = None


@dataclass(frozen=True, slots=True)
class BundlePart(Node):
    count: Number
    where: Expr | None = None


@dataclass(frozen=True, slots=True)
class Bundle(Node):
    """`bundle { N of items where … } for M [at most N times] [up to M]`."""

    parts: tuple[BundlePart, ...]
    price: Money
    times: Number | None = None
    cap: Money | None = None


@dataclass(frozen=True, slots=True)
class Gift(Node):
    """`gift sku "X" [quantity N]`; quantity None is one."""

    sku: Text
    quantity: Number | None = None


@dataclass(frozen=True, slots=True)
class Award(Node):
    """`award N points [per X of EXPR]`; as a step never with `per`."""

    points: Number
    per: Number | Money | None = None
    of: Expr | None = None


@dataclass(frozen=True, slots=True)
class Grant(Node):
    """`grant PROMOTION [for D]`; as a step always with a duration."""

    promotion: Name
    duration: Duration | None = None


@dataclass(frozen=True, slots=True)
class EffectArm(Node):
    share: Percent
    name: Name
    effects: tuple["Effect", ...]


@dataclass(frozen=True, slots=True)
class SplitEffects(Node):
    name: Name
    arms: tuple[EffectArm, ...]


Effect: TypeAlias = (
    Take
    | TakeTiers
    | FreeShipping
    | FixedPrice
    | BuyGet
    | Bundle
    | Gift
    | Award
    | Grant
    | SplitEffects
)


# --- those of loyalty, flash_sale, group_buy, lottery --------------------------------------------


@dataclass(frozen=True, slots=True)
class EarnPer(Node):
    """`earn N points per X of EVENT.field [where …]`."""

    points: Number
    per: Number | Money
    of: Path
    where: Expr | None = None


@dataclass(frozen=True, slots=True)
class EarnOn(Node):
    """`earn N points on EVENT [where …]`."""

    points: Number
    event: EventMatch


@dataclass(frozen=True, slots=True)
class Tier(Node):
    """`tier NAME at N points in D`."""

    name: Name
    points: Number
    within: Duration


@dataclass(frozen=True, slots=True)
class PointsExpire(Node):
    after: Duration


@dataclass(frozen=True, slots=True)
class Redeem(Node):
    """`redeem N points for M`."""

    points: Number
    worth: Money


@dataclass(frozen=True, slots=True)
class FlashSku(Node):
    """`sku "A" at M stock N`."""

    sku: Text
    price: Money
    stock: Number


@dataclass(frozen=True, slots=True)
class Hold(Node):
    duration: Duration


@dataclass(frozen=True, slots=True)
class GroupSku(Node):
    """`sku "A" at M for N people within D [stock N]`."""

    sku: Text
    price: Money
    people: Number
    within: Duration
    stock: Number | None = None


@dataclass(frozen=True, slots=True)
class EnterOn(Node):
    event: EventMatch


@dataclass(frozen=True, slots=True)
class EnterFor(Node):
    """`enter for N points`."""

    points: Number


@dataclass(frozen=True, slots=True)
class LimitEntries(Node):
    """`limit N entries per user`."""

    count: Number


@dataclass(frozen=True, slots=True)
class DrawAt(Node):
    at: Timestamp


@dataclass(frozen=True, slots=True)
class Prize(Node):
    """`prize "Title" quantity N [grants PROMOTION]`."""

    title: Text
    quantity: Number
    grants: Name | None = None
