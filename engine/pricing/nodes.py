"""Walking over a checked expression."""

from collections.abc import Iterator, Sequence
from typing import assert_never

from dsl.core import (
    Aggregate,
    AllOf,
    AnyOf,
    Apply,
    Const,
    Expr,
    InSegment,
    ListSource,
    Not,
    Now,
    Ref,
    Today,
)


def nodes(expr: Expr | None) -> Iterator[Expr]:
    """Yield an expression and everything within it, the outer before the inner."""
    if expr is None:
        return
    yield expr
    match expr:
        case Apply(_, arguments):
            inner: Sequence[Expr | None] = arguments
        case AllOf(operands) | AnyOf(operands):
            inner = operands
        case Not(operand):
            inner = (operand,)
        case Aggregate(_, source, _, where, _):
            inner = (source.ref if isinstance(source, ListSource) else None, where)
        case Const() | Ref() | Now() | Today() | InSegment():
            inner = ()
        case _:
            assert_never(expr)
    for each in inner:
        yield from nodes(each)
