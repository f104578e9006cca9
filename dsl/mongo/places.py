"""Where an expression is computed: for a user's document, an event, or an element of a list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from dsl.core import (
    Aggregate,
    AllOf,
    AnyOf,
    Apply,
    EventSource,
    Expr,
    InSegment,
    ListSource,
    Not,
    Ref,
)
from dsl.moment import Moment
from dsl.mongo.layout import Layout
from dsl.mongo.terms import Code, NotPushable


@dataclass(frozen=True, slots=True)
class Term:
    """An expression, and whether it may be null. A condition never is."""

    code: Code
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class Place:
    """What names mean to MongoDB while an expression is computed."""

    moment: Moment
    layout: Layout
    # Has an aggregate of events computed beforehand, and tells where to find it.
    events: Callable[[Aggregate, Place], Term]
    # Where the fields of the innermost element are.
    element: Callable[[tuple[str, ...]], Code] | None = None
    # Inside a $lookup: the place around it, and what carries a value from there inside.
    outer: Place | None = None
    carry: Callable[[Code], Code] | None = None
    segments: frozenset[str] = field(default=frozenset())

    def is_outside(self, expr: Expr) -> bool:
        """Whether this is better computed around the $lookup: it depends on no element."""
        return self.outer is not None and not uses_element(expr)

    def path(self, ref: Ref) -> Code:
        """Return where a fact is stored. Raises NotPushable if it is not in the database."""
        if ref.root == "element":
            return self.element(ref.path) if self.element else None
        found = self.layout.fact(ref.root, ref.path)
        if found is None:
            raise NotPushable(f"`{ref.root}` is not in the database", ref)
        return "$" + found


def uses_element(expr: Expr) -> bool:
    """Whether an expression depends on the element around it."""
    match expr:
        case Ref(root="element"):
            return True
        case Aggregate(source=ListSource(ref)):
            return uses_element(ref)  # its `where` sees only its own elements
        case Apply(_, operands) | AllOf(operands) | AnyOf(operands):
            return any(uses_element(operand) for operand in operands)
        case Not(operand):
            return uses_element(operand)
        case _:
            return False


def is_fixed(expr: Expr) -> bool:
    """Whether an expression depends on the moment alone."""
    match expr:
        case Ref() | Aggregate() | InSegment():
            return False
        case Apply(_, operands) | AllOf(operands) | AnyOf(operands):
            return all(is_fixed(operand) for operand in operands)
        case Not(operand):
            return is_fixed(operand)
        case _:
            return True


def depth_of(expr: Expr | None, moment: Moment, seen: frozenset[str] = frozenset()) -> int:
    """Return how many aggregates of events an expression has within one another."""
    match expr:
        case Aggregate(source=EventSource(), where=where):
            return 1 + depth_of(where, moment, seen)
        case Aggregate(where=where):
            return depth_of(where, moment, seen)
        case Apply(_, operands) | AllOf(operands) | AnyOf(operands):
            return max((depth_of(operand, moment, seen) for operand in operands), default=0)
        case Not(operand):
            return depth_of(operand, moment, seen)
        case InSegment(name) if name in moment.program.segments and name not in seen:
            condition = moment.program.segments[name].condition
            return depth_of(condition, moment, seen | {name})
        case _:
            return 0
