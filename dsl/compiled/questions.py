"""What the writer of compiled code asks about expressions."""

from datetime import datetime

from dsl.clauses import Length
from dsl.core import Aggregate, AllOf, AnyOf, Apply, Const, Expr, Not, Now, Ref, Today

_NEVER_MISSING = frozenset(("count", "any", "distinct"))


def is_local(const: Const) -> bool:
    """Whether a literal's value depends on the moment, or is a length of time."""
    values = const.value if isinstance(const.value, tuple) else (const.value,)
    return any(
        isinstance(value, Length) or (isinstance(value, datetime) and value.tzinfo is None)
        for value in values
    )


def never_missing(expr: Expr) -> bool:
    """Whether an expression has a value whatever is stored."""
    match expr:
        case Const() | Now() | Today():
            return True
        case Aggregate(function):
            return function in _NEVER_MISSING
        case _:
            return False


def begins_with_element(where: Expr) -> bool:
    """Whether judging a condition begins with a look into the element."""
    match where:
        case Ref("element", path):
            return bool(path)
        case AllOf(operands) | AnyOf(operands) if operands:
            return begins_with_element(operands[0])
        case Not(operand) | Apply(_, (operand,)):
            return begins_with_element(operand)
        case Apply(_, (Ref("element", path), *_)):
            return bool(path)
        case _:
            return False
