"""The surface tree's names, literals, types and expressions, near to how they were written."""

from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import TypeAlias

from dsl.diagnostics import Span


@dataclass(frozen=True, slots=True)
class Node:
    # Where the node was written. Left out of equality: positions do not count.
    span: Span = field(default=Span(), compare=False, repr=False, kw_only=True)


# --- names ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Name(Node):
    """One name, in Unicode's NFC form."""

    text: str


@dataclass(frozen=True, slots=True)
class Path(Node):
    """Names joined by dots: `user.consent.email`, or a bare `category`."""

    parts: tuple[Name, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The parts without their places."""
        return tuple(part.text for part in self.parts)

    def __str__(self) -> str:
        return ".".join(self.names)


# --- literals ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Number(Node):
    """An unsigned number; `text` is how it was written (`20_000`), `value` keeps its decimals."""

    value: Decimal
    text: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class Percent(Node):
    number: Number


@dataclass(frozen=True, slots=True)
class Money(Node):
    """An amount and a three-letter currency, not yet known to exist."""

    number: Number
    currency: str


@dataclass(frozen=True, slots=True)
class Text(Node):
    """Text with its escapes resolved."""

    value: str


@dataclass(frozen=True, slots=True)
class Date(Node):
    value: date


@dataclass(frozen=True, slots=True)
class Time(Node):
    value: time


@dataclass(frozen=True, slots=True)
class Timestamp(Node):
    """A date and time; aware if an offset was written."""

    value: datetime


@dataclass(frozen=True, slots=True)
class Duration(Node):
    """`3 days`; `unit` in the singular: minute hour day week month year."""

    count: Number
    unit: str


@dataclass(frozen=True, slots=True)
class Bool(Node):
    value: bool


@dataclass(frozen=True, slots=True)
class List(Node):
    """`["a", "b"]`; every element is a literal, or Negative of a Number or Money."""

    elements: tuple["Expr", ...]


# --- windows -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Last(Node):
    """`last 90 days`; any unit of a duration."""

    duration: Duration


@dataclass(frozen=True, slots=True)
class This(Node):
    """`this month`; `unit` of day week month year."""

    unit: str


@dataclass(frozen=True, slots=True)
class Since(Node):
    date: Date


@dataclass(frozen=True, slots=True)
class Ever(Node):
    pass


Window: TypeAlias = Last | This | Since | Ever


# --- expressions ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Now(Node):
    pass


@dataclass(frozen=True, slots=True)
class Today(Node):
    pass


@dataclass(frozen=True, slots=True)
class Group(Node):
    """Parentheses that somebody wrote."""

    inner: "Expr"


@dataclass(frozen=True, slots=True)
class Negative(Node):
    operand: "Expr"


@dataclass(frozen=True, slots=True)
class Arithmetic(Node):
    """`operator` of + - * /; chains lean to the left."""

    operator: str
    left: "Expr"
    right: "Expr"


@dataclass(frozen=True, slots=True)
class Comparison(Node):
    """`operator` of = != < <= > >= contains "starts with" "ends with" matches in "not in".

    The right side of "in" and "not in" is a List or a Path, that of "matches" a Text.
    """

    operator: str
    left: "Expr"
    right: "Expr"


@dataclass(frozen=True, slots=True)
class Between(Node):
    value: "Expr"
    low: "Expr"
    high: "Expr"


@dataclass(frozen=True, slots=True)
class InSegment(Node):
    """`user in segment X`; only `user` makes sense as the subject."""

    subject: "Expr"
    segment: Name
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Is(Node):
    """`is known`, or `is missing`."""

    operand: "Expr"
    known: bool


@dataclass(frozen=True, slots=True)
class Not(Node):
    operand: "Expr"


@dataclass(frozen=True, slots=True)
class And(Node):
    """Two or more operands joined by `and`."""

    operands: tuple["Expr", ...]


@dataclass(frozen=True, slots=True)
class Or(Node):
    """Two or more operands joined by `or`."""

    operands: tuple["Expr", ...]


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function of values; whether there is one of that name is the checker's to say."""

    function: Name
    arguments: tuple["Expr", ...]


@dataclass(frozen=True, slots=True)
class Aggregate(Node):
    """`count(order_placed where …, last 90 days)`.

    Also whatever is called with a `where` or a window: the function's name may be unknown.
    """

    function: Name
    source: Path
    where: "Expr | None" = None
    window: Window | None = None


Literal: TypeAlias = (
    Number | Percent | Money | Text | Date | Time | Timestamp | Duration | Bool | List
)
Expr: TypeAlias = (
    Literal
    | Path
    | Now
    | Today
    | Group
    | Negative
    | Arithmetic
    | Comparison
    | Between
    | InSegment
    | Is
    | Not
    | And
    | Or
    | Call
    | Aggregate
)


# --- types ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SimpleType(Node):
    """`name` of text number bool date time timestamp percent duration."""

    name: str


@dataclass(frozen=True, slots=True)
class MoneyType(Node):
    currency: str


@dataclass(frozen=True, slots=True)
class OneOfType(Node):
    options: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class ListType(Node):
    element: "Type"


@dataclass(frozen=True, slots=True)
class Field(Node):
    name: Name
    type: "Type"


@dataclass(frozen=True, slots=True)
class RecordType(Node):
    fields: tuple[Field, ...]


Type: TypeAlias = SimpleType | MoneyType | OneOfType | ListType | RecordType
