"""How much work a condition can be at most, for carts and histories as large as they may get."""

from collections.abc import Iterator

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
from dsl.program import Program
from dsl.walking import nodes

# What there is to go over at most. A user has more events than this only over years, and a list
# within an event is counted by what a basket usually holds, as it is gone over for each event.
CART_LINES = 500
EVENT_LIST = 1_000
EVENTS = 500
LIST_WITHIN = 20
# Finding the first and last of a window, where nothing else is asked of its events.
FINDING = 10

# About 50 ms in Python.
MOST_STEPS = 1_000_000


def steps_of(expr: Expr) -> int:
    """Return how many elementary steps an expression takes at most."""
    match expr:
        case Const() | Ref() | Now() | Today():
            return 1
        case InSegment():
            return FINDING
        case Not(operand):
            return 1 + steps_of(operand)
        case Apply(_, operands) | AllOf(operands) | AnyOf(operands):
            return 1 + sum(steps_of(operand) for operand in operands)
        case Aggregate(function=function, where=where, value=value) as aggregate:
            if where is None and not value and function in ("count", "any"):
                return FINDING
            each = 1 if where is None else 1 + steps_of(where)
            return FINDING + _elements(aggregate.source) * each


def _elements(source: EventSource | ListSource) -> int:
    match source:
        case EventSource(nested=nested):
            return EVENTS * LIST_WITHIN if nested else EVENTS
        case ListSource(Ref("cart")):
            return CART_LINES
        case ListSource(Ref("element")):
            return LIST_WITHIN
        case ListSource():
            return EVENT_LIST


def steps_within(expr: Expr, program: Program) -> int:
    """Return how many elementary steps an expression takes with all segments that it refers to."""
    inner = (
        program.segments[node.segment].condition
        for node in _memberships(expr)
        if node.segment in program.segments
    )
    return steps_of(expr) + sum(steps_within(condition, program) for condition in inner)


def _memberships(expr: Expr) -> Iterator[InSegment]:
    return (node for node in nodes(expr) if isinstance(node, InSegment))
