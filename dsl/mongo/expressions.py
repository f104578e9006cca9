"""Expressions of the language as MongoDB expressions, null standing for a missing value."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, assert_never

from dsl.aggregates import element_kind, value_kind
from dsl.clauses import Length
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
from dsl.evaluator import Scope, evaluate
from dsl.functions import start_of
from dsl.kinds import BOOL, DATE, TIMESTAMP, ListOf, Text
from dsl.mongo.lists import of_array
from dsl.mongo.places import Place, Term, is_fixed
from dsl.mongo.reads import is_valid, read
from dsl.mongo.terms import (
    Code,
    NotPushable,
    all_of,
    any_of,
    each,
    has_type,
    let,
    literal,
    when,
)
from dsl.operators import find_operator
from dsl.values import MISSING

_FALSE = Term(False, nullable=False)
_MISSING = Term(None)
# Comparisons that are false by themselves when the first, or the second, argument is null.
_NULL_FIRST = frozenset({"=", ">", ">=", "in"})
_NULL_SECOND = frozenset({"=", "<", "<="})


def condition(expr: Expr, place: Place) -> Code:
    """Return an expression that is true or false, never null."""
    term = expression(expr, place)
    return {"$eq": [term.code, True]} if term.nullable else term.code


def expression(expr: Expr, place: Place) -> Term:  # noqa: C901, PLR0911 - one case per node
    """Return an expression's value. Raises NotPushable where MongoDB cannot compute it exactly."""
    if is_fixed(expr):
        return _fixed(fixed_value(expr, place), expr)
    if place.is_outside(expr) and place.outer and place.carry:
        term = expression(expr, place.outer)
        return replace(term, code=place.carry(term.code))
    match expr:
        case Ref(kind=kind):
            return Term(read(_path(expr, place), kind))
        case Apply():
            return _apply(expr, place)
        case Not(operand):
            return Term({"$not": [condition(operand, place)]}, nullable=False)
        case AllOf(operands):
            return Term(all_of([condition(one, place) for one in operands]), nullable=False)
        case AnyOf(operands):
            return Term(any_of([condition(one, place) for one in operands]), nullable=False)
        case InSegment(name):
            return Term(_membership(name, place), nullable=False)
        case Aggregate(source=ListSource()):
            return _of_list(expr, place)
        case Aggregate():
            return place.events(expr, place)
        case Const() | Now() | Today():
            raise AssertionError("constants are fixed")
        case _:
            assert_never(expr)


def fixed_value(expr: Expr, place: Place) -> Any:
    """Return what depends on the moment alone, a double still being one: money minds 15 digits."""
    return evaluate(expr, Scope({}, place.moment))


def _fixed(found: Any, expr: Expr) -> Term:
    if found is MISSING:
        return _MISSING
    if isinstance(found, Length):
        raise NotPushable("months and years are counted by the calendar of a zone", expr)
    return Term(literal(found), nullable=False)


def _path(ref: Ref, place: Place) -> Code:
    """Return where a fact is; of a list within a document, only if that is a document."""
    path = place.path(ref)
    if isinstance(ref.kind, ListOf) and len(ref.path) > 1 and isinstance(path, str):
        # MongoDB reads a path through an array as the list of what its elements have.
        return when(has_type(path.rpartition(".")[0], "object"), path)
    return path


# --- operators and functions ---------------------------------------------------------------------


def _apply(expr: Apply, place: Place) -> Term:
    arguments = aligned(expr, place)
    if expr.operator == "is known":
        term = expression(arguments[0], place)
        return Term({"$ne": [term.code, None]} if term.nullable else True, nullable=False)
    missing = _FALSE if expr.kind == BOOL else _MISSING
    row = find_operator(expr.operator, arguments)
    if row is None:
        return missing
    if (quick := _compare_raw(expr.operator, arguments, place)) is not None:
        return Term(quick, nullable=False)
    terms = [expression(argument, place) for argument in arguments]
    if any(term.code is None for term in terms):
        return missing
    doubtful = _may_mislead(expr.operator, terms)

    def guarded(codes: Sequence[Code]) -> Code:
        try:
            code = row.mongo(place.moment, *codes)
        except NotPushable as problem:
            raise NotPushable(problem.reason, problem.part or expr) from None
        tests = [{"$eq": [codes[at], None]} for at in doubtful]
        return when(any_of(tests), missing.code, code) if tests else code

    code = _let_all([term.code for term in terms], guarded)
    return Term(code, nullable=missing.nullable and (row.partial or bool(doubtful)))


def _may_mislead(operator: str, terms: Sequence[Term]) -> list[int]:
    """Return the places of the arguments whose being null must be looked for."""
    doubtful = [at for at, term in enumerate(terms) if term.nullable]
    if (operator in _NULL_FIRST and doubtful == [0]) or (
        operator in _NULL_SECOND and doubtful == [1]
    ):
        return []
    return doubtful


def _let_all(codes: Sequence[Code], body: Callable[[Sequence[Code]], Code]) -> Code:
    def bind(rest: Sequence[Code], bound: tuple[Code, ...]) -> Code:
        if not rest:
            return body(bound)
        return let(rest[0], lambda it: bind(rest[1:], (*bound, it)))

    return bind(codes, ())


def aligned(expr: Apply, place: Place) -> tuple[Expr, ...]:
    """Return the arguments, a fixed date beside a timestamp being its first instant."""
    kinds = {argument.kind for argument in expr.arguments}
    if expr.kind != BOOL or kinds != {DATE, TIMESTAMP}:
        return expr.arguments
    return tuple(_as_instant(one, place) for one in expr.arguments)


def _as_instant(expr: Expr, place: Place) -> Expr:
    if expr.kind != DATE or not is_fixed(expr):
        return expr
    day = fixed_value(expr, place)
    return expr if day is MISSING else Const(start_of(place.moment, day), TIMESTAMP)


def _compare_raw(operator: str, arguments: tuple[Expr, ...], place: Place) -> Code:
    """Compare a stored value without reading it first, where its type makes no difference.

    No other type equals text or a truth value.
    """
    match operator, arguments:
        case "=", (Ref() as ref, Const(str() | bool() as wanted)) | (
            Const(str() | bool() as wanted),
            Ref() as ref,
        ) if _is_own(ref, wanted, place):
            return {"$eq": [place.path(ref), literal(wanted)]}
        case "in", (Ref() as ref, Const(tuple() as wanted)) if all(
            _is_own(ref, one, place) for one in wanted
        ):
            return {"$in": [place.path(ref), literal(wanted)]}
        case _:
            return None


def _is_own(ref: Ref, wanted: Any, place: Place) -> bool:
    if place.is_outside(ref):
        return False
    match ref.kind:
        case Text(options):
            return isinstance(wanted, str) and (options is None or wanted in options)
        case kind:
            return kind == BOOL and isinstance(wanted, bool)


# --- segments ------------------------------------------------------------------------------------


def _membership(name: str, place: Place) -> Code:
    moment, layout = place.moment, place.layout
    segment = moment.program.segments.get(name)
    if segment is None or name in place.segments:
        judged: Code = False
    else:
        within = replace(place, moment=moment.in_workspace, segments=place.segments | {name})
        judged = condition(segment.condition, within)
    if layout.segments is None:
        return judged
    known = "$" + layout.segments
    return any_of([{"$in": [literal(name), when({"$isArray": [known]}, known, [])]}, judged])


# --- lists ---------------------------------------------------------------------------------------


def _of_list(aggregate: Aggregate, place: Place) -> Term:
    """Return an aggregate over a list of the document at hand."""
    assert isinstance(aggregate.source, ListSource)
    path = _path(aggregate.source.ref, place)
    match aggregate.function:
        case "count":
            return Term({"$size": chosen(aggregate, path, place)}, nullable=False)
        case "any":
            size = {"$size": chosen(aggregate, path, place)}
            return Term({"$gt": [size, 0]}, nullable=False)
        case function:
            kind = value_kind(aggregate, place.moment.program)
            code = of_array(function, values_of(aggregate, path, place), kind)
            return Term(code, nullable=function != "distinct")


def chosen(aggregate: Aggregate, path: Code, place: Place) -> Code:
    """Return those elements of a stored list that an aggregate is about."""
    where, kind = aggregate.where, element_kind(aggregate.source, place.moment.program)

    def test(one: Code) -> Code:
        tests = [is_valid(one, kind)]
        if where is not None:
            tests.append(condition(where, _within(one, place)))
        return all_of(tests)

    return _of_array(path, "$filter", test)


def values_of(aggregate: Aggregate, path: Code, place: Place) -> Code:
    """Return the values of a stored list's elements, null for those left out or without one."""
    where, kind = aggregate.where, value_kind(aggregate, place.moment.program)

    def value_of(one: Code) -> Code:
        # An element of another type than declared has no fields, so that its type needs no test.
        found = read(_field(one, aggregate.value), kind)
        return found if where is None else when(condition(where, _within(one, place)), found)

    return _of_array(path, "$map", value_of)


def _of_array(path: Code, operator: str, body: Callable[[Code], Code]) -> Code:
    return let(path, lambda it: when({"$isArray": [it]}, each(it, operator, body), []))


def _within(one: Code, place: Place) -> Place:
    return replace(place, element=lambda path: _field(one, path))


def _field(one: Code, path: Sequence[str]) -> Code:
    return ".".join((one, *path))
