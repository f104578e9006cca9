"""Pieces of MongoDB aggregation expressions. A missing value is null in all of them."""

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any, TypeAlias

from dsl.values import LARGEST_NUMBER

Code: TypeAlias = Any  # an aggregation expression: a path, a literal or a document


class NotPushable(Exception):
    """Part of a condition that MongoDB cannot judge exactly as Python does."""

    def __init__(self, reason: str, part: Any = None) -> None:
        self.part = part
        self.reason = reason
        super().__init__(reason)


def literal(value: Any) -> Code:
    """Return a constant that can never be taken for a path or an operator."""
    if value is None or isinstance(value, bool):
        return value
    return {"$literal": list(value) if isinstance(value, tuple) else value}


def constant(code: Code) -> Any:
    """Return what `literal` was given, or None if this is no constant."""
    return code.get("$literal") if isinstance(code, dict) and len(code) == 1 else None


def is_simple(code: Code) -> bool:
    """Whether repeating this costs nothing: a path or a constant."""
    return not isinstance(code, dict | list) or constant(code) is not None


# How many names are bound around the expression being built: each gets a name of its own.
_depth: ContextVar[int] = ContextVar("depth", default=0)


def let(code: Code, body: Callable[[Code], Code]) -> Code:
    """Name a value, so that `body` can use it more than once."""
    if is_simple(code):
        return body(code)
    return _bind(body, lambda name, inner: {"$let": {"vars": {name: code}, "in": inner}})


def _bind(
    body: Callable[[Code], Code], build: Callable[[str, Code], Code], prefix: str = "x"
) -> Code:
    """Build an expression that binds a name: `body` gets the variable, `build` name and body."""
    name = f"{prefix}{_depth.get()}"
    token = _depth.set(_depth.get() + 1)
    try:
        return build(name, body("$$" + name))
    finally:
        _depth.reset(token)


def when(test: Code, then: Code, otherwise: Code = None) -> Code:
    """Choose; only the chosen one is evaluated."""
    return {"$cond": [test, then, otherwise]}


def kept_if(test: Callable[[Code], Code], code: Code) -> Code:
    """Return a value where a test of it holds, else null."""
    return let(code, lambda it: when(test(it), it))


def or_empty(code: Code, empty: Any) -> Code:
    """Return a value that is never null, though it be used only where it is not null anyway.

    In a $lookup, what comes from around it is constant for each user; MongoDB computes constants
    beforehand, even in branches never taken, where some functions fail on null.
    """
    return code if constant(code) is not None else {"$ifNull": [code, empty]}


def each(array: Code, operator: str, body: Callable[[Code], Code]) -> Code:
    """Filter ("$filter") or map ("$map") an array by an expression of its element."""
    part = "cond" if operator == "$filter" else "in"
    return _bind(
        body, lambda name, inner: {operator: {"input": array, "as": name, part: inner}}, "e"
    )


def has_type(code: Code, *types: str) -> Code:
    """Whether a value has one of these BSON types."""
    if len(types) == 1:
        return {"$eq": [{"$type": code}, types[0]]}
    return {"$in": [{"$type": code}, list(types)]}


def all_of(tests: Sequence[Code]) -> Code:
    return tests[0] if len(tests) == 1 else {"$and": list(tests)}


def any_of(tests: Sequence[Code]) -> Code:
    return tests[0] if len(tests) == 1 else {"$or": list(tests)}


def is_finite(code: Code) -> Code:
    return {"$and": [{"$gte": [code, -LARGEST_NUMBER]}, {"$lte": [code, LARGEST_NUMBER]}]}


def finite(code: Code) -> Code:
    """Return a double, or null where it is infinite or not a number."""
    return kept_if(is_finite, code)


def integer(code: Code) -> Code:
    """Return an integer, or null where 64 bits did not hold it and it became a double."""
    return kept_if(lambda it: has_type(it, "int", "long"), code)


def double(code: Code) -> Code:
    value = constant(code)
    return {"$literal": float(value)} if value is not None else {"$toDouble": code}


def rounded(code: Code) -> Code:
    """Round a double or a decimal half away from zero; MongoDB's $round rounds halves to even."""

    def nearest(x: Code) -> Code:
        def away(t: Code) -> Code:
            rest = {"$subtract": [x, t]}
            step = when({"$gte": [rest, 0.5]}, 1, when({"$lte": [rest, -0.5]}, -1, 0))
            return {"$add": [t, step]}

        return let({"$trunc": x}, away)

    return let(code, nearest)


def to_long(code: Code) -> Code:
    """Return a whole number as a 64-bit integer, or null where it does not fit."""
    return {"$convert": {"input": code, "to": "long", "onError": None}}
