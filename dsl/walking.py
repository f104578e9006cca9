"""Walking over a checked expression: its parts, and the facts that it reads."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import assert_never

from dsl.core import (
    Aggregate,
    AllOf,
    AnyOf,
    Apply,
    Const,
    EventSource,
    Expr,
    InSegment,
    ListSource,
    Not,
    Now,
    Ref,
    Today,
)


def parts(expr: Expr) -> Sequence[Expr]:
    """Return what an expression is directly made of."""
    match expr:
        case Apply(_, arguments):
            return arguments
        case AllOf(operands) | AnyOf(operands):
            return operands
        case Not(operand):
            return (operand,)
        case Aggregate(_, source, _, where, _):
            found = (source.ref if isinstance(source, ListSource) else None, where)
            return tuple(each for each in found if each is not None)
        case Const() | Ref() | Now() | Today() | InSegment():
            return ()
        case _:
            assert_never(expr)


def nodes(expr: Expr | None) -> Iterator[Expr]:
    """Yield an expression and everything within it, the outer before the inner."""
    if expr is None:
        return
    yield expr
    for part in parts(expr):
        yield from nodes(part)


def facts_read(expr: Expr) -> Iterator[tuple[str, Expr]]:
    """Yield the facts that an expression reads, under the names by which rules call them.

    An aggregate is one fact, whatever it reads of its elements.
    """
    name = fact_name(expr)
    if name is not None:
        yield name, expr
        return
    for part in parts(expr):
        yield from facts_read(part)


def fact_name(expr: Expr) -> str | None:
    """Return what rules call a fact or an aggregate of facts; None for anything else."""
    match expr:
        case Ref(root, path):
            return ".".join((root, *path)[root == "element" :]) or None
        case Aggregate(function, EventSource(event, nested), field):
            return f"{function}({'.'.join((event, *nested, *field))})"
        case Aggregate(function, ListSource(ref), field):
            names = (ref.root, *ref.path, *field)[ref.root == "element" :]
            return f"{function}({'.'.join(names)})"
        case _:
            return None


def substitute(expr: Expr, by: Callable[[Expr], Expr | None]) -> Expr:
    """Return an expression with parts replaced by what `by` gives for them, the outer ones first.

    What aggregates do with their elements stays as it is.
    """
    found = by(expr)
    if found is not None:
        return found
    match expr:
        case Apply(_, arguments):
            return replace(expr, arguments=tuple(substitute(each, by) for each in arguments))
        case AllOf(operands) | AnyOf(operands):
            return replace(expr, operands=tuple(substitute(each, by) for each in operands))
        case Not(operand):
            return replace(expr, operand=substitute(operand, by))
        case _:
            return expr
