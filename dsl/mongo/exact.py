"""Filters that match exactly where a condition holds: as strict as expressions, and cheaper.

A filter looks into arrays, also on the way to a field, and takes any number for money. Here it is
told not to.
"""

import math
from typing import Any

from dsl.core import AllOf, AnyOf, Apply, Const, Expr, Not, Ref
from dsl.kinds import BOOL, Text
from dsl.mongo.expressions import aligned, fixed_value
from dsl.mongo.places import Place, is_fixed
from dsl.mongo.prefilter import Fields, Filter
from dsl.values import MISSING, family

_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_OPERATORS = {"=": "$eq", "<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}
_NO_LIST = {"$not": {"$type": ["array"]}}
# What a filter takes for a number and rules do not, by what they want.
_NO_OTHER = {"number": ["array", "decimal"], "money": ["array", "double", "decimal"]}
# The infinities count as no number. What is no comparison is asked last, of the few that are left.
_NO_INFINITY = {">": math.inf, ">=": math.inf, "<": -math.inf, "<=": -math.inf}


def exact(expr: Expr, fields: Fields, place: Place) -> list[Filter] | None:
    """Return filters that all match exactly where a condition holds, or None if there are none."""
    match expr:
        case AllOf(operands):
            found = [exact(one, fields, place) for one in operands]
            return None if None in found else [one for each in found for one in each or ()]
        case AnyOf(operands):
            found = [exact(one, fields, place) for one in operands]
            return None if None in found else [{"$or": [_all(each or []) for each in found]}]
        case Not(operand):
            negated = exact(operand, fields, place)
            return None if negated is None else [{"$nor": [_all(negated)]}]
        case Ref(kind=kind) if kind == BOOL:
            return _on(expr, fields, {"$eq": True}, place)
        case Apply():
            return _of_test(expr, fields, place)
        case _:
            return None


def _all(filters: list[Filter]) -> Filter:
    return filters[0] if len(filters) == 1 else {"$and": filters}


def _of_test(expr: Apply, fields: Fields, place: Place) -> list[Filter] | None:
    match expr.operator, aligned(expr, place):
        case operator, (Ref() as ref, other) if operator in _OPERATORS and is_fixed(other):
            return _on(ref, fields, _compared(ref, operator, fixed_value(other, place)), place)
        case operator, (other, Ref() as ref) if operator in _OPERATORS and is_fixed(other):
            mirrored = _MIRRORED[operator]
            return _on(ref, fields, _compared(ref, mirrored, fixed_value(other, place)), place)
        case "in", (Ref() as ref, Const(tuple() as wanted)) if all(_is_own(ref, w) for w in wanted):
            return _on(ref, fields, {"$in": list(wanted)}, place)
        case _:
            return None


def _on(ref: Ref, fields: Fields, test: Filter | None, place: Place) -> list[Filter] | None:
    field = fields(ref)
    if field is None or test is None or ref.root != "user":
        return None
    parts = field.split(".")
    around = [".".join(parts[:length]) for length in range(1, len(parts))]
    guarded = [outer for outer in around if outer not in place.layout.documents]
    return [{field: _NO_LIST | test}, *({outer: _NO_LIST} for outer in guarded)]


def _compared(ref: Ref, operator: str, wanted: Any) -> Filter | None:
    """Return the test of one value, or None where what is stored has to be looked at closely."""
    if wanted is MISSING:
        return None
    test = {_OPERATORS[operator]: wanted}
    match family(ref.kind):
        case "text" | "bool" if _is_own(ref, wanted):
            return test
        case "number" | "money" as kind:
            if kind == "number" and operator in _NO_INFINITY:
                test["$ne"] = _NO_INFINITY[operator]
            return test | {"$not": {"$type": _NO_OTHER[kind]}}
        case _:
            return None


def _is_own(ref: Ref, wanted: Any) -> bool:
    """Whether a value that is equal is one of the declared type."""
    match ref.kind:
        case Text(options):
            return isinstance(wanted, str) and (options is None or wanted in options)
        case kind:
            return kind == BOOL and isinstance(wanted, bool)
