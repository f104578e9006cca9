"""The checked form of an expression: names resolved, types known, sugar gone.

The checker lowers surface trees (dsl.nodes) to these; every backend reads only these. `a != b` is
`Not(=)`, `not in` is `Not(in)`, `between` is two comparisons, a list's name is its elements.
Every expression is total: it gives a value or MISSING, and a condition gives true or false.
"""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from dsl.diagnostics import Span
from dsl.kinds import BOOL, DATE, TIMESTAMP, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    # Where the node came from. Left out of equality: positions do not count.
    span: Span = field(default=Span(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Const(_Node):
    """A literal in its stored form (dsl.kinds). A list's value is a tuple of stored forms.

    A duration of months or years, whose seconds depend on the calendar, is a dsl.clauses.Length.
    """

    value: Any
    kind: Kind


@dataclass(frozen=True, slots=True)
class Ref(_Node):
    """A fact: `root` is "user", "cart", "event" (or a name bound by `wait for … as NAME`), or
    "element", a field of the innermost aggregate's element (an empty `path`: the element itself).
    """

    root: str
    path: tuple[str, ...]
    kind: Kind


@dataclass(frozen=True, slots=True)
class Now(_Node):
    kind: Kind = TIMESTAMP


@dataclass(frozen=True, slots=True)
class Today(_Node):
    kind: Kind = DATE


@dataclass(frozen=True, slots=True)
class Apply(_Node):
    """An operator or function of dsl.operators on its arguments.

    Conditions: "=" "<" "<=" ">" ">=" "in" (the second argument a list: Const or Ref) "contains"
    "starts with" "ends with" "matches" "is known". Values: "+" "-" "*" "/" "neg", "days_until",
    "years_since", "days_since", "lower", "length", "round", "least", "greatest", "hour", "weekday".
    """

    operator: str
    arguments: tuple["Expr", ...]
    kind: Kind


@dataclass(frozen=True, slots=True)
class Not(_Node):
    operand: "Expr"
    kind: Kind = BOOL


@dataclass(frozen=True, slots=True)
class AllOf(_Node):
    operands: tuple["Expr", ...]
    kind: Kind = BOOL


@dataclass(frozen=True, slots=True)
class AnyOf(_Node):
    operands: tuple["Expr", ...]
    kind: Kind = BOOL


@dataclass(frozen=True, slots=True)
class InSegment(_Node):
    """Whether the user is a member of a segment."""

    segment: str
    kind: Kind = BOOL


@dataclass(frozen=True, slots=True)
class Last:
    """`last N days|weeks|months|hours|minutes`; unit in the singular."""

    count: int
    unit: str


@dataclass(frozen=True, slots=True)
class This:
    """`this day|week|month|year`."""

    unit: str


@dataclass(frozen=True, slots=True)
class Since:
    date: str


@dataclass(frozen=True, slots=True)
class Ever:
    pass


Window: TypeAlias = Last | This | Since | Ever


@dataclass(frozen=True, slots=True)
class EventSource:
    """A user's events of a name; with `nested`, the elements of that list field of all of them."""

    event: str
    nested: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ListSource:
    """The elements of a list that is a fact: `cart.items`, `event.items`, `items` of an element."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class Aggregate(_Node):
    """`function` of count any sum avg min max distinct latest earliest.

    `value` is the field within the element (empty for count and any); `where` sees the element as
    Ref("element", …). `window` is given exactly when the source is an EventSource.
    """

    function: str
    source: EventSource | ListSource
    value: tuple[str, ...]
    where: "Expr | None"
    window: Window | None
    kind: Kind


Expr: TypeAlias = Const | Ref | Now | Today | Apply | Not | AllOf | AnyOf | InSegment | Aggregate
