"""Filters that use indexes: what every document for which a condition holds has in common."""

from collections.abc import Callable
from datetime import date, timedelta
from operator import eq, ge, gt, le, lt
from typing import Any, TypeAlias

from dsl.core import Aggregate, AllOf, AnyOf, Apply, Expr, InSegment, ListSource, Ref
from dsl.kinds import BOOL, ListOf
from dsl.mongo.expressions import aligned, fixed_value
from dsl.mongo.places import Place, is_fixed
from dsl.values import MISSING, family

Filter: TypeAlias = dict[str, Any]
Fields: TypeAlias = Callable[[Ref], str | None]

_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_RANGES = {"=": "$eq", "<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}
_HOLDS = {"=": eq, "<": lt, "<=": le, ">": gt, ">=": ge}
_LEAP_YEAR = 2024
_MOST_DAYS = 62  # of more days in a year, looking at everyone is as quick
_LAST_CHARACTER = 0x10FFFF
_SURROGATES = (0xD800, 0xE000)


def necessary(expr: Expr, fields: Fields, place: Place) -> Filter | None:
    """Return a filter that matches wherever a condition holds, or None if nothing is known.

    It may match elsewhere too: a filter looks into arrays, and cannot tell one number from another.
    """
    match expr:
        case AllOf(operands):
            found = [necessary(one, fields, place) for one in operands]
            return _joined("$and", [one for one in found if one is not None])
        case AnyOf(operands):
            found = [necessary(one, fields, place) for one in operands]
            return _joined("$or", [one for one in found if one]) if all(found) else None
        case InSegment(name) if place.layout.segments is None:
            segment = place.moment.program.segments.get(name)
            return None if segment is None else _in_segment(segment.condition, name, fields, place)
        case Ref(kind=kind) if kind == BOOL:
            field = fields(expr)
            return None if field is None else {field: {"$eq": True}}
        case Aggregate("any", ListSource(ref), where=where):
            field = fields(ref)
            return None if field is None else _of_any(field, where, place)
        case Apply():
            return _of_test(expr, fields, place)
        case _:
            return None


def _in_segment(condition: Expr, name: str, fields: Fields, place: Place) -> Filter | None:
    if name in place.segments:
        return None
    within = Place(
        place.moment.in_workspace,
        place.layout,
        place.events,
        segments=place.segments | {name},
    )
    return necessary(condition, fields, within)


def _of_any(field: str, where: Expr | None, place: Place) -> Filter | None:
    """Return what a document has one of whose list's elements passes: filters look into lists."""
    if where is None:
        return {field: {"$exists": True}}

    def within(ref: Ref) -> str | None:
        return ".".join((field, *ref.path)) if ref.root == "element" else None

    return necessary(where, within, place)


def _joined(operator: str, filters: list[Filter]) -> Filter | None:
    if len(filters) < 2:
        return filters[0] if filters else None
    return {operator: filters}


def _of_test(expr: Apply, fields: Fields, place: Place) -> Filter | None:
    arguments = aligned(expr, place)
    match expr.operator, arguments:
        case "is known", (Ref() as ref,):
            return _on(ref, fields, {"$exists": True})
        case operator, (Apply("days_until", (Ref() as ref,)), other) if (
            operator in _RANGES and is_fixed(other)
        ):
            return _on_days(ref, operator, other, fields, place)
        case operator, (Ref() as ref, other) if operator in _RANGES and is_fixed(other):
            return _compared(ref, operator, other, fields, place)
        case operator, (other, Ref() as ref) if operator in _RANGES and is_fixed(other):
            return _compared(ref, _MIRRORED[operator], other, fields, place)
        case "in", (Ref() as ref, other) if is_fixed(other):
            wanted = fixed_value(other, place)
            return _on(ref, fields, {"$in": list(wanted)})
        case "contains", (Ref(kind=ListOf()) as ref, other) if is_fixed(other):
            return _compared(ref, "=", other, fields, place)
        case "starts with", (Ref() as ref, other) if is_fixed(other):
            return _on(ref, fields, _starting_with(fixed_value(other, place)))
        case _:
            return None


def _on(ref: Ref, fields: Fields, test: Filter | None) -> Filter | None:
    field = fields(ref)
    return None if field is None or test is None else {field: test}


def _compared(ref: Ref, operator: str, other: Expr, fields: Fields, place: Place) -> Filter | None:
    if {family(ref.kind), family(other.kind)} == {"date", "timestamp"}:
        return None  # a stored date begins when its zone says
    wanted = fixed_value(other, place)
    return None if wanted is MISSING else _on(ref, fields, {_RANGES[operator]: wanted})


def _on_days(ref: Ref, operator: str, other: Expr, fields: Fields, place: Place) -> Filter | None:
    """Return the days of the year that are so far ahead, if their field is there to be asked."""
    field = place.layout.days.get(fields(ref) or "")
    wanted = fixed_value(other, place)
    if field is None or wanted is MISSING:
        return None
    year = [date(_LEAP_YEAR, 1, 1) + timedelta(days=number) for number in range(366)]
    days = [day for day in year if _HOLDS[operator](place.moment.days_until(day), wanted)]
    return {field: {"$in": [f"{day:%m-%d}" for day in days]}} if len(days) <= _MOST_DAYS else None


def _starting_with(prefix: Any) -> Filter | None:
    """Return the range of the texts that start with another."""
    if prefix is MISSING or not prefix or ord(prefix[-1]) == _LAST_CHARACTER:
        return None
    following = ord(prefix[-1]) + 1
    if following == _SURROGATES[0]:
        following = _SURROGATES[1]
    return {"$gte": prefix, "$lt": prefix[:-1] + chr(following)}
