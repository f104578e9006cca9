"""Stored values read as their declared type: null where they are of another, as in dsl.values."""

from dsl.kinds import Kind, ListOf, Text
from dsl.mongo.terms import (
    Code,
    all_of,
    each,
    has_type,
    is_finite,
    kept_if,
    let,
    literal,
    when,
)
from dsl.values import family

_TYPES = {
    "text": ("string",),
    "bool": ("bool",),
    "money": ("int", "long"),
    "timestamp": ("date",),
    "list": ("array",),
    "record": ("object",),
}
_DATE = "^[0-9]{4}-[0-9]{2}-[0-9]{2}\\z"
_TIME = "^([01][0-9]|2[0-3]):[0-5][0-9]\\z"


def read(code: Code, kind: Kind) -> Code:
    """Return a stored value if it is of this type, else null; of a list the elements that are."""
    if isinstance(kind, ListOf):
        return let(code, lambda it: when({"$isArray": [it]}, _elements(it, kind.element)))
    return kept_if(lambda it: is_valid(it, kind), code)


def _elements(array: Code, kind: Kind) -> Code:
    # A list within a list has its own elements looked at when it is read.
    return each(array, "$filter", lambda one: is_valid(one, kind))


def is_valid(code: Code, kind: Kind) -> Code:
    """Whether a stored value is of this type. `code` is evaluated several times."""
    if isinstance(kind, Text) and kind.options is not None:
        return {"$in": [code, literal(kind.options)]}
    match family(kind):
        case "number" | "duration":
            return all_of([has_type(code, "int", "long", "double"), is_finite(code)])
        case "date":
            return when(has_type(code, "string"), _is_date(code), False)
        case "time":
            matched = {"$regexMatch": {"input": code, "regex": _TIME}}
            return when(has_type(code, "string"), matched, False)
        case name:
            return has_type(code, *_TYPES[name])


def _is_date(code: Code) -> Code:
    day = {"dateString": code, "format": "%Y-%m-%d", "onError": None}
    return when(
        {"$regexMatch": {"input": code, "regex": _DATE}},
        # MongoDB has a year 0, Python has none.
        {"$and": [{"$gte": [code, "0001-01-01"]}, {"$ne": [{"$dateFromString": day}, None]}]},
        False,
    )
