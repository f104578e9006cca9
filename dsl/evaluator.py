"""Judge expressions on one document of facts: the language's meaning, walked node by node.

Total: whatever is stored, an expression gives a value or MISSING, and a condition true or false.
dsl.compiled and dsl.mongo must agree with it on every program: tests/dsl/test_backends.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, assert_never

from dsl.aggregates import combine, elements_of, value_kind
from dsl.buckets import Test, read_aggregate
from dsl.clauses import Length
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
from dsl.kinds import BOOL
from dsl.moment import Moment, seconds_of
from dsl.operators import apply, find_operator
from dsl.values import MISSING, read, walk
from dsl.zones import instant_of

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Scope:
    """What names mean while an expression is judged."""

    facts: Facts
    moment: Moment
    element: Any = MISSING
    # Segments being judged: a cycle, which no checked program has, ends as false.
    segments: frozenset[str] = frozenset()


def holds(condition: Expr, facts: Facts, moment: Moment, element: Any = MISSING) -> bool:
    """Whether a condition is true of these facts, and of an element of a list where it asks."""
    return judge(condition, Scope(facts, moment, element))


def value(expr: Expr, facts: Facts, moment: Moment, element: Any = MISSING) -> Any:
    """Return an expression's value in its stored form, or MISSING. Whole numbers come as int."""
    return plain(evaluate(expr, Scope(facts, moment, element)))


def plain(found: Any) -> Any:
    """Return a value with whole numbers as int."""
    whole = isinstance(found, float) and abs(found) < 2**53 and found.is_integer()
    return int(found) if whole else found


def stored_constant(const: Const, moment: Moment) -> Any:
    """Return a literal's value: seconds for a fixed duration, an instant for a wall clock."""
    found = const.value
    if isinstance(found, Length):
        seconds = seconds_of(found)
        return found if seconds is None else seconds
    if isinstance(found, datetime) and found.tzinfo is None:
        return instant_of(found, moment.zone)
    return found


def judge(condition: Expr, scope: Scope) -> bool:
    """Whether a condition is true within a scope."""
    return evaluate(condition, scope) is True


def evaluate(expr: Expr, scope: Scope) -> Any:  # noqa: C901, PLR0911 - one case per node
    """Return an expression's value within a scope, or MISSING."""
    match expr:
        case Const():
            return stored_constant(expr, scope.moment)
        case Ref():
            return read(_raw(expr, scope), expr.kind)
        case Now():
            return scope.moment.now
        case Today():
            return scope.moment.today.isoformat()
        case Apply("is known", (operand,)):
            return evaluate(operand, scope) is not MISSING
        case Apply(name, arguments, kind):
            row = find_operator(name, arguments)
            found = apply(row, scope.moment, tuple(evaluate(one, scope) for one in arguments))
            # A condition is false then, also where another asks for its answer.
            return False if found is MISSING and kind == BOOL else found
        case Not(operand):
            return not judge(operand, scope)
        case AllOf(operands):
            return all(judge(operand, scope) for operand in operands)
        case AnyOf(operands):
            return any(judge(operand, scope) for operand in operands)
        case InSegment(name):
            return _is_member(name, scope)
        case Aggregate():
            return _aggregate(expr, scope)
        case _:
            assert_never(expr)


def _raw(ref: Ref, scope: Scope) -> Any:
    base = scope.element if ref.root == "element" else scope.facts.get(ref.root, MISSING)
    return walk(base, ref.path)


def _is_member(name: str, scope: Scope) -> bool:
    known = scope.facts.get("segments")
    if isinstance(known, list | tuple | set | frozenset) and name in known:
        return True
    segment = scope.moment.program.segments.get(name)
    if segment is None or name in scope.segments:
        return False
    inner = Scope(scope.facts, scope.moment.in_workspace, segments=scope.segments | {name})
    return judge(segment.condition, inner)


def _aggregate(aggregate: Aggregate, scope: Scope) -> Any:
    source, where, moment = aggregate.source, aggregate.where, scope.moment
    base = _raw(source.ref, scope) if isinstance(source, ListSource) else scope.facts.get("events")
    test: Test | None = None
    if where is not None:
        inside = partial(Scope, scope.facts, moment, segments=scope.segments)
        test = partial(_passes, where, inside)
    known = scope.facts.get("measures")
    if known is not None and isinstance(source, EventSource):
        found = read_aggregate(aggregate, known, base, moment, test)
        if found is not None:
            return found
    groups = elements_of(aggregate, base, moment)
    if test is not None:
        groups = [[one for one in group if test(one)] for group in groups]
    if aggregate.function == "count":
        return sum(map(len, groups))
    if aggregate.function == "any":
        return any(groups)
    kind = value_kind(aggregate, moment.program)
    values = [[read(walk(one, aggregate.value), kind) for one in group] for group in groups]
    return combine(aggregate.function, values, kind)


def _passes(where: Expr, inside: Callable[..., Scope], element: Any) -> bool:
    return judge(where, inside(element=element))
