"""Which types go together: what may be compared, ordered, added up."""

from dsl.core import Aggregate, Apply, Const, Expr, Now, Ref, Today
from dsl.diagnostics import Span
from dsl.kinds import (
    DATE,
    DURATION,
    NUMBER,
    PERCENT,
    TIME,
    TIMESTAMP,
    Kind,
    ListOf,
    Money,
    Record,
    Simple,
    Text,
)

# The type of what was already found wrong: it agrees with all, so that nothing is said twice.
UNKNOWN = Simple("unknown")

NAMED = {"bool": "true or false", "percent": "a percentage"}

ORDERED = frozenset((NUMBER, PERCENT, DATE, TIME, TIMESTAMP, DURATION))


def poison(span: Span) -> Const:
    """Return the expression that stands for one already reported."""
    return Const(None, UNKNOWN, span=span)


def is_ordered(kind: Kind) -> bool:
    return isinstance(kind, Money) or kind in ORDERED


def is_scalar(kind: Kind) -> bool:
    return not isinstance(kind, ListOf | Record)


def agree(left: Kind, right: Kind) -> bool:
    """Whether two values can be compared, their currencies aside."""
    match left, right:
        case (Text(), Text()) | (Money(), Money()):
            return True
        case ListOf() | Record(), _:
            return False
        case _:
            return left == right or {left, right} == {DATE, TIMESTAMP}


def fits(value: Kind, wanted: Kind) -> bool:
    """Whether a value may be kept where a type is wanted, its currency aside."""
    match value, wanted:
        case (Text(), Text()) | (Money(), Money()):
            return True
        case ListOf(element), ListOf(other):
            return fits(element, other)
        case Record(fields), Record():
            return all(
                (kind := wanted.get(name)) is not None and fits(field, kind)
                for name, field in fields
            )
        case _:
            return value == wanted


def currencies_clash(left: Kind, right: Kind) -> bool:
    """Whether both are money of different, known currencies."""
    match left, right:
        case Money(str(mine)), Money(str(theirs)):
            return mine != theirs
        case _:
            return False


def joint_money(left: Money, right: Money) -> Money:
    """Return the type of a sum: the cart's own money beside named money is the named."""
    return left if left.currency else right


def in_words(kind: Kind) -> str:
    """Name a type in a message."""
    match kind:
        case Text(options) if options is not None and len(options) <= 6:
            return str(kind)
        case Text():
            return "text"
        case ListOf():
            return "a list"
        case Record():
            return "a record"
        case Money():
            return str(kind)
        case Simple(name):
            return NAMED.get(name, f"a {name}")


def described(expr: Expr) -> str:
    """Name an expression in a message, in backquotes where it can be written so."""
    match expr:
        case Ref("element", path):
            return f"`{'.'.join(path)}`" if path else "an element"
        case Ref(root, path):
            return f"`{'.'.join((root, *path))}`"
        case Now():
            return "`now`"
        case Today():
            return "`today`"
        case Aggregate(function):
            return f"`{function}(…)`"
        case Apply(operator) if operator.isidentifier():
            return f"`{operator}(…)`"
        case _:
            return "this"
