"""What of a condition an index can look up: comparisons of one value with literals, and the like.

A condition is all of its conjuncts. Each is read as a literal about one value or one list; what
cannot be is a `Test`, which stays as it is, so that any nesting keeps its meaning.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from dsl.clauses import Length
from dsl.core import Aggregate, AllOf, AnyOf, Apply, Const, Expr, ListSource, Not, Ref
from dsl.kinds import BOOL, Kind, ListOf, Money, Simple, Text
from dsl.values import family

_TURNED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
# Aggregates that are 0 or false of nothing; the others are missing then, and no comparison holds.
_COUNTING = frozenset(("count", "any", "distinct", "sum"))


@dataclass(frozen=True, slots=True)
class Among:
    """A value is one of these (None: any), none of those, or missing where that will do."""

    value: Expr
    allowed: frozenset[Any] | None
    excluded: frozenset[Any] = frozenset()
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Within:
    """A value is on one side of a bound, or missing where that will do."""

    value: Expr
    operator: str  # "<" "<=" ">" ">="
    bound: Any
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Has:
    """A list has an element (with `path`: whose field there) that is one of these texts."""

    source: Ref
    path: tuple[str, ...]
    wanted: frozenset[str]


@dataclass(frozen=True, slots=True)
class Test:
    """A condition that must be true, or must not."""

    condition: Expr
    positive: bool


Literal: TypeAlias = Among | Within | Has | Test


def literals(condition: Expr) -> Iterator[tuple[Literal, Test | None]]:
    """Yield literals that hold together exactly where the condition does.

    Each comes with the same as a test; without one, the literal only follows from another.
    """
    for expr, positive in _conjuncts(condition, positive=True):
        found = _literal(expr, positive)
        if positive and not isinstance(found, Has):
            for necessary in _necessary(expr):
                yield necessary, None
        yield found, Test(expr, positive)


def _conjuncts(expr: Expr, *, positive: bool) -> Iterator[tuple[Expr, bool]]:
    match expr:
        case Not(operand):
            yield from _conjuncts(operand, positive=not positive)
        case AllOf(operands) if positive:
            for operand in operands:
                yield from _conjuncts(operand, positive=True)
        case AnyOf(operands) if not positive:
            for operand in operands:
                yield from _conjuncts(operand, positive=False)
        case _:
            yield expr, positive


def _literal(expr: Expr, positive: bool) -> Literal:
    about_list = _about_list(expr) if positive else None
    return about_list or _about_value(expr, positive) or Test(expr, positive)


def _about_value(expr: Expr, positive: bool) -> Among | Within | None:
    match expr:
        case Ref(kind=kind) if kind == BOOL:
            return _among(expr, (True,), positive)
        case Apply("is known", (value,)) if _is_scalar(value.kind):
            return Among(value, None) if positive else Among(value, frozenset(), missing=True)
        case Apply("in", (value, Const(tuple() as many, ListOf(element)))):
            right = all(map(_is_plain, many)) and _are_alike(value.kind, element)
            return _among(value, many, positive) if right else None
        case Apply(operator, (Const() as const, value)) if operator in _TURNED:
            return _compared(value, _TURNED[operator], const, positive)
        case Apply(operator, (value, Const() as const)) if operator in _TURNED:
            return _compared(value, operator, const, positive)
        case AnyOf(operands) if positive:
            return _among_any([_about_value(operand, positive=True) for operand in operands])
        case _:
            return None


def _compared(value: Expr, operator: str, const: Const, positive: bool) -> Among | Within | None:
    if not (_is_plain(const.value) and _are_alike(value.kind, const.kind)):
        return None
    if operator == "=":
        return _among(value, (const.value,), positive)
    if positive:
        return Within(value, operator, const.value)
    return Within(value, _OPPOSITE[operator], const.value, missing=True)


def _among(value: Expr, these: tuple[Any, ...], positive: bool) -> Among:
    if positive:
        return Among(value, frozenset(these))
    return Among(value, None, frozenset(these), missing=True)


def _among_any(parts: Sequence[Among | Within | None]) -> Among | None:
    """Return one literal for any of several, if they are about one value."""
    these: frozenset[Any] = frozenset()
    value = None
    for part in parts:
        if not isinstance(part, Among) or part.allowed is None or part.missing:
            return None
        if value not in (None, part.value):
            return None
        value, these = part.value, these | part.allowed
    return None if value is None else Among(value, these)


# --- lists ---------------------------------------------------------------------------------------


def _about_list(expr: Expr) -> Has | None:
    match expr:
        case Apply("contains", (Ref(kind=ListOf(Text(options))) as ref, Const(str() as wanted))):
            return Has(ref, (), _possible((wanted,), options))
        case Aggregate("any", ListSource(ref), where=where) if where is not None:
            field = _field(where)
            return Has(ref, field.path, field.wanted) if field and field.exact else None
        case AnyOf(operands):
            return _has_any(list(map(_about_list, operands)))
        case _:
            return None


def _has_any(parts: Sequence[Has | None]) -> Has | None:
    """Return one literal for any of several, if they are about one list."""
    found: Has | None = None
    for part in parts:
        if part is None or (found and (part.source, part.path) != (found.source, found.path)):
            return None
        found = Has(part.source, part.path, part.wanted | (found.wanted if found else frozenset()))
    return found


@dataclass(frozen=True, slots=True)
class _Field:
    """What a filter asks: one of these texts in a field, and where not `exact` more than that."""

    path: tuple[str, ...]
    wanted: frozenset[str]
    exact: bool


def _field(where: Expr) -> _Field | None:
    match where:
        case Apply("=", (Ref("element", path, Text(options)), Const(str() as wanted))) if path:
            return _Field(path, _possible((wanted,), options), exact=True)
        case Apply("in", (Ref("element", path, Text(options)), Const(tuple() as many))) if path:
            return _Field(path, _possible(many, options), exact=True)
        case AllOf(operands):
            found = next(filter(None, map(_field, operands)), None)
            return None if found is None else _Field(found.path, found.wanted, exact=False)
        case AnyOf(operands):
            fields = [field for field in map(_field, operands) if field is not None]
            if len(fields) < len(operands) or len({field.path for field in fields}) != 1:
                return None
            wanted_ = frozenset[str]().union(*(field.wanted for field in fields))
            return _Field(fields[0].path, wanted_, all(field.exact for field in fields))
        case _:
            return None


def _possible(these: tuple[Any, ...], options: tuple[str, ...] | None) -> frozenset[str]:
    return frozenset(these if options is None else {*these} & {*options})


def _necessary(expr: Expr) -> Iterator[Has]:
    """Yield what a list must have if a condition on what is counted or summed in it holds."""
    match expr:
        case Aggregate("any") as aggregate:
            pass
        case Apply(operator, (Aggregate() as aggregate, Const(int() | float() as bound))):
            if aggregate.function in _COUNTING and not _is_more_than_nothing(operator, bound):
                return
        case _:
            return
    if isinstance(aggregate.source, ListSource) and aggregate.where is not None:
        field = _field(aggregate.where)
        if field is not None:
            yield Has(aggregate.source.ref, field.path, field.wanted)


def _is_more_than_nothing(operator: str, bound: float) -> bool:
    return bound > 0 if operator in ("=", ">=") else operator == ">" and bound >= 0


# --- literals ------------------------------------------------------------------------------------


def _is_plain(value: Any) -> bool:
    """Whether a literal is the same at every moment and in every zone, and equal to itself."""
    if isinstance(value, Length):
        return False
    if isinstance(value, datetime):
        return value.tzinfo is not None
    return bool(value == value)  # noqa: PLR0124 - not so a NaN


def _are_alike(kind: Kind, other: Kind) -> bool:
    return _is_scalar(kind) and _is_scalar(other) and family(kind) == family(other)


def _is_scalar(kind: Kind) -> bool:
    return isinstance(kind, Text | Money | Simple)
