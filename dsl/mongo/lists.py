"""Aggregates as MongoDB expressions: of one array, and of one array per event.

An array of values holds null where an element lacks the value.
"""

from collections.abc import Callable

from dsl.kinds import Kind, Money
from dsl.mongo.functions import divide_whole
from dsl.mongo.terms import Code, double, each, has_type, let, rounded, to_long, when
from dsl.values import MICRO


def of_array(function: str, values: Code, kind: Kind) -> Code:
    """Return an aggregate of an array of values, as dsl.aggregates does."""
    return let(values, lambda them: _OF_ARRAY[function](them, kind))


def summand(value: Code, kind: Kind) -> Code:
    """Return what a value adds to a sum: minor units, or millionths of a number.

    A number too large for that stays a double, which makes a double of the whole sum.
    """
    if isinstance(kind, Money):
        return value

    def millionths(scaled: Code) -> Code:
        fits = {"$lt": [{"$abs": scaled}, 2.0**63]}
        return when(fits, to_long(rounded(scaled)), scaled)

    def added(it: Code) -> Code:
        # Small integers, the most by far, need no rounding.
        exactly = {"$multiply": [it, int(MICRO)]}
        roughly = let({"$multiply": [{"$toDouble": it}, MICRO]}, millionths)
        return when(has_type(it, "int"), exactly, roughly)

    return let(value, added)


def sum_of(total: Code, kind: Kind) -> Code:
    """Return a sum from the sum of summands: null where that has become a double."""
    if isinstance(kind, Money):
        return let(total, lambda it: when(_is_whole(it), it))
    return let(total, lambda it: when(_is_whole(it), {"$divide": [double(it), MICRO]}))


def average_of(total: Code, count: Code, kind: Kind) -> Code:
    """Return an average from the sum of summands and their number, which may be 0."""
    if isinstance(kind, Money):
        average = let(total, lambda it: when(_is_whole(it), divide_whole(it, count)))
    else:
        average = {"$divide": [sum_of(total, kind), {"$toDouble": count}]}
    return when({"$gt": [count, 0]}, average)


def known(values: Code) -> Code:
    """Return an array without its nulls."""
    return each(values, "$filter", lambda one: {"$ne": [one, None]})


def size_of_set(values: Code) -> Code:
    """Return how many different values an array has, null not counted."""
    return {"$size": {"$setDifference": [values, [None]]}}


def _is_whole(total: Code) -> Code:
    return has_type(total, "int", "long")


def _total(values: Code, kind: Kind) -> Code:
    return {"$sum": values if isinstance(kind, Money) else summands(values, kind)}


def summands(values: Code, kind: Kind) -> Code:
    """Return what each value of an array adds to a sum."""
    if isinstance(kind, Money):
        return values
    return each(values, "$map", lambda one: summand(one, kind))


_OF_ARRAY: dict[str, Callable[[Code, Kind], Code]] = {
    "sum": lambda values, kind: sum_of(_total(values, kind), kind),
    "avg": lambda values, kind: average_of(_total(values, kind), {"$size": known(values)}, kind),
    "min": lambda values, _: {"$min": values},
    "max": lambda values, _: {"$max": values},
    "distinct": lambda values, _: size_of_set(values),
    "latest": lambda values, _: {"$ifNull": [{"$last": known(values)}, None]},
    "earliest": lambda values, _: {"$ifNull": [{"$first": known(values)}, None]},
}
