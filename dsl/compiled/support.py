"""What compiled code calls: readings of odd values, windows, whole aggregates."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol, TypeAlias

from dsl.aggregates import combine, elements_of, value_kind
from dsl.buckets import of_measures
from dsl.core import Aggregate, Expr, Window
from dsl.evaluator import Facts, Scope, evaluate
from dsl.evaluator import judge as judge_slowly
from dsl.kinds import Kind
from dsl.measures import Measure
from dsl.moment import Moment
from dsl.program import Program
from dsl.values import MISSING, read, walk

# Of facts, a moment, and the element of a list where one is asked about.
Function: TypeAlias = Callable[..., Any]


class Compiler(Protocol):
    """What a writer asks of the program's compiler."""

    program: Program

    def function(self, expr: Expr, segments: frozenset[str], *, truth: bool) -> Function: ...

    def membership(self, segment: str, segments: frozenset[str]) -> Function: ...


NOTHING: Mapping[str, Any] = {}
_BEGINNING = datetime.min.replace(tzinfo=UTC)


def interpreted(expr: Expr, segments: frozenset[str], *, truth: bool) -> Function:
    """Return a function that walks an expression, for facts that compiled code stumbles over."""
    walked = judge_slowly if truth else evaluate

    def again(facts: Facts, moment: Moment, element: Any) -> Any:
        return walked(expr, Scope(facts, moment, element, segments))

    return again


def reader(kind: Kind) -> Function:
    """Return the reading of a stored value as one of this type."""
    return lambda stored: read(stored, kind)


def comparison(kind: Kind, test: Callable[[Any, Any], bool], wanted: Any) -> Function:
    """Return the comparison of an odd stored value with a literal."""

    def compare(stored: Any) -> bool:
        found = read(stored, kind)
        return found is not MISSING and test(found, wanted)

    return compare


def elements(stored: Any) -> Sequence[Any]:
    """Return what is stored for a list, or nothing where it is none."""
    return stored if isinstance(stored, list | tuple) else ()


def is_document(stored: Any) -> bool:
    return isinstance(stored, Mapping)


def start_of(window: Window) -> Callable[[Moment], datetime]:
    """Return the function that works out a window's first instant, and keeps it for the moment."""
    key = key_of(window)

    def start(moment: Moment) -> datetime:
        found = moment.start_of(window) or _BEGINNING
        if found.year == 1 and found is not _BEGINNING:
            # Instants of other zones may lie before UTC's calendar: this is left to walking.
            raise TypeError(found)
        moment.starts[key] = found
        return found

    return start


def key_of(window: Window) -> str:
    """Return the name under which a moment keeps a window's first instant."""
    return repr(window)


def finish(function: str, kind: Kind) -> Callable[[list[Any]], Any]:
    """Return what makes an aggregate of the values of its elements."""
    return lambda values: combine(function, [values], kind)


def measured_aggregate(
    aggregate: Aggregate,
    measures: Sequence[Measure],
    program: Program,
    filtered: Callable[[], Function | None],
) -> Function:
    """Return the function of an aggregate over facts with measures, which may not be live.

    Its filter is compiled when such facts come.
    """

    def run(base: Any, facts: Facts, moment: Moment) -> Any:
        known, where = facts["measures"], filtered()
        if not known.covers(aggregate, measures, moment):
            return whole_aggregate(aggregate, program, where)(base, facts, moment)
        test = None if where is None else partial(where, facts, moment)
        return of_measures(aggregate, measures, known, base, moment, test)

    return run


def whole_aggregate(aggregate: Aggregate, program: Program, where: Function | None) -> Function:
    """Return the function of an aggregate that no loop is written for; its filter is compiled."""
    function, path = aggregate.function, aggregate.value
    kind = value_kind(aggregate, program)

    def run(base: Any, facts: Facts, moment: Moment) -> Any:
        groups = elements_of(aggregate, base, moment)
        if where is not None:
            groups = [[one for one in group if where(facts, moment, one)] for group in groups]
        if function == "count":
            return sum(map(len, groups))
        if function == "any":
            return any(groups)
        values = [[read(walk(one, path), kind) for one in group] for group in groups]
        return combine(function, values, kind)

    return run


# What code may name, and what it may stumble with.
NAMES: Mapping[str, Any] = {
    "MISSING": MISSING,
    "NOTHING": NOTHING,
    "type": type,
    "str": str,
    "int": int,
    "float": float,
    "list": list,
    "dict": dict,
    "reversed": reversed,
    "elements": elements,
    "is_document": is_document,
    "AttributeError": AttributeError,
    "KeyError": KeyError,
    "OverflowError": OverflowError,
    "TypeError": TypeError,
}
STUMBLES = ("AttributeError", "KeyError", "OverflowError", "TypeError")
