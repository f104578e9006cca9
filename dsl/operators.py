"""Every operator and function of the language: what it takes, and what it does in each backend.

This table is their meaning. The interpreter, the compiler, MongoDB's pipelines and the explanations
in English all read it, so a new operator is one new row. Arguments are never missing: a missing one
makes a condition false and a value missing. A result may still be MISSING in Python, null in
MongoDB, where `partial`.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from dsl import functions as py
from dsl.clauses import Length
from dsl.core import Const, Expr
from dsl.moment import Moment
from dsl.mongo import functions as mongo
from dsl.mongo.patterns import has_pattern
from dsl.mongo.terms import Code, double
from dsl.values import MISSING, family, integer

InPython = Callable[..., Any]
InMongo = Callable[..., Code]


@dataclass(frozen=True, slots=True)
class Operator:
    """One row: the families of its arguments, and both backends' functions of (moment, *arguments).

    MongoDB's raises NotPushable where the database would answer differently. `english` is a phrase
    around the arguments; a condition's says in the infinitive what holds of the first one.
    """

    takes: tuple[frozenset[str], ...]
    python: InPython
    mongo: InMongo
    partial: bool = False
    variadic: bool = False  # the last family repeats
    english: str = ""

    def accepts(self, families: tuple[str, ...]) -> bool:
        """Whether this row is for arguments of these families; one alternative serves them all."""
        takes = self.takes
        if self.variadic:
            takes += takes[-1:] * (len(families) - len(takes))
        if len(families) != len(takes):
            return False
        shared = {given for given, allowed in zip(families, takes, strict=True) if len(allowed) > 1}
        return len(shared) <= 1 and all(
            given in allowed for given, allowed in zip(families, takes, strict=True)
        )


_GROUPS = {
    "any": "number money date time timestamp duration text bool",
    "ordered": "number money date time timestamp duration",
    "amount": "number duration",
    "size": "number money duration",
    "when": "date time timestamp",
}


def _row(
    takes: str,
    python: InPython,
    in_mongo: InMongo,
    *,
    partial: bool = False,
    variadic: bool = False,
) -> Operator:
    words = [_GROUPS.get(word, word).split() for word in takes.split()]
    families = tuple(frozenset(word) for word in words)
    return Operator(families, python, in_mongo, partial, variadic)


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adapt a function for which the moment makes no difference."""
    return lambda _moment, *arguments: function(*arguments)


def _pure(takes: str, python: InPython, in_mongo: InMongo, **more: bool) -> Operator:
    return _row(takes, _plain(python), _plain(in_mongo), **more)


def _told(english: str, *rows: Operator) -> tuple[Operator, ...]:
    return tuple(replace(row, english=english) for row in rows)


def _compare(takes: str, test: Callable[[Any, Any], bool], name: str) -> tuple[Operator, ...]:
    """Build a comparison's rows. A date beside a timestamp stands for its first instant."""
    refused = mongo.refuse("a stored date beside a timestamp begins when its zone says")
    return (
        _pure(takes, test, lambda a, b: {name: [a, b]}),
        _row("date timestamp", lambda moment, a, b: test(py.start_of(moment, a), b), refused),
        _row("timestamp date", lambda moment, a, b: test(a, py.start_of(moment, b)), refused),
    )


def _order(
    of_sizes: str, of_times: str, test: Callable[[Any, Any], bool], name: str
) -> tuple[Operator, ...]:
    sizes, *_ = _compare("size size", test, name)
    return (*_told(of_sizes, sizes), *_told(of_times, *_compare("when when", test, name)))


def _move(sign: int) -> tuple[Operator, ...]:
    """Build the rows of moving an instant or a date."""
    refused = mongo.refuse("months and years are counted by the calendar of a zone")
    return (
        _pure(
            "timestamp duration",
            lambda instant, by: py.move_instant(instant, by, sign),
            lambda instant, by: mongo.move_instant(instant, by, sign),
            partial=True,
        ),
        _pure(
            "date duration",
            lambda day, by: py.move_date(day, by, sign),
            lambda day, by: mongo.move_date(day, by, sign),
            partial=True,
        ),
        _row(
            "timestamp calendar",
            lambda moment, instant, by: py.move_instant_by_calendar(moment, instant, by, sign),
            refused,
            partial=True,
        ),
        _pure(
            "date calendar",
            lambda day, by: py.move_date_by_calendar(day, by, sign),
            refused,
            partial=True,
        ),
    )


def _turned(row: Operator) -> Operator:
    """Return a row with its two arguments the other way round."""
    return replace(
        row,
        takes=row.takes[::-1],
        python=lambda moment, a, b: row.python(moment, b, a),
        mongo=lambda moment, a, b: row.mongo(moment, b, a),
    )


def _swapped(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda a, b: function(b, a)


OPERATORS: dict[str, tuple[Operator, ...]] = {
    # --- conditions
    "=": _told("be {1}", *_compare("any any", operator.eq, "$eq")),
    "<": _order("be less than {1}", "be before {1}", operator.lt, "$lt"),
    "<=": _order("be at most {1}", "be no later than {1}", operator.le, "$lte"),
    ">": _order("be more than {1}", "be after {1}", operator.gt, "$gt"),
    ">=": _order("be at least {1}", "be no earlier than {1}", operator.ge, "$gte"),
    "in": _told(
        "be one of {1}",
        _pure("any list", lambda one, many: one in many, mongo.is_among),
    ),
    "contains": _told(
        "contain {1}",
        _pure("text text", operator.contains, mongo.has_text),
        _pure("list any", operator.contains, _swapped(mongo.is_among)),
    ),
    "starts with": _told(
        "start with {1}",
        _pure("text text", str.startswith, mongo.starts_with),
    ),
    "ends with": _told(
        "end with {1}",
        _pure("text text", str.endswith, mongo.ends_with),
    ),
    "matches": _told(
        "match {1}",
        _pure("text text", py.matches, has_pattern),
    ),
    # --- arithmetic
    "+": _told(
        "{0} + {1}",
        _pure("amount amount", py.add_numbers, mongo.add_numbers, partial=True),
        _pure("money money", lambda a, b: integer(a + b), mongo.add_money, partial=True),
        *_move(1),
        *(_turned(row) for row in _move(1)),
    ),
    "-": _told(
        "{0} - {1}",
        _pure("amount amount", py.subtract_numbers, mongo.subtract_numbers, partial=True),
        _pure("money money", lambda a, b: integer(a - b), mongo.subtract_money, partial=True),
        *_move(-1),
    ),
    "*": _told(
        "{0} × {1}",
        _pure("number number", py.multiply_numbers, mongo.multiply_numbers, partial=True),
        _pure("duration number", py.multiply_numbers, mongo.multiply_numbers, partial=True),
        _pure("number duration", py.multiply_numbers, mongo.multiply_numbers, partial=True),
        _pure("money number", py.scale, mongo.scale, partial=True),
        _pure("number money", _swapped(py.scale), _swapped(mongo.scale), partial=True),
    ),
    "/": _told(
        "{0} ÷ {1}",
        _pure("amount amount", py.divide_numbers, mongo.divide_numbers, partial=True),
        _pure("duration number", py.divide_numbers, mongo.divide_numbers, partial=True),
        _pure("money money", py.divide_numbers, mongo.divide_money, partial=True),
        _pure("money number", py.shrink, mongo.shrink, partial=True),
    ),
    "neg": _told(
        "-{0}",
        _pure("amount", lambda a: -float(a), lambda a: {"$multiply": [double(a), -1.0]}),
        _pure("money", lambda a: integer(-a), lambda a: mongo.subtract_money(0, a), partial=True),
    ),
    # --- functions
    "round": _told(
        "{0} rounded",
        _pure("number", py.round_number, mongo.round_number),
    ),
    "least": _told(
        "the least of {0}",
        _pure("ordered", lambda *all_: min(all_), lambda *all_: {"$min": [*all_]}, variadic=True),
    ),
    "greatest": _told(
        "the greatest of {0}",
        _pure("ordered", lambda *all_: max(all_), lambda *all_: {"$max": [*all_]}, variadic=True),
    ),
    "lower": _told(
        "{0} in lower case",
        _pure("text", str.lower, mongo.refuse("MongoDB changes the case of ASCII letters only")),
    ),
    "length": _told(
        "the length of {0}",
        _pure("text", len, lambda text: {"$strLenCP": text}),
        _pure("list", len, lambda many: {"$size": many}),
    ),
    "days_until": _told(
        "the days until the next anniversary of {0}",
        _row("date", lambda moment, day: moment.days_until(py.day_of(day)), mongo.days_until),
    ),
    "years_since": _told(
        "the years since {0}",
        _row("date", lambda moment, day: moment.years_since(py.day_of(day)), mongo.years_since),
    ),
    "days_since": _told(
        "the days since {0}",
        _row("date", py.days_since, mongo.days_since),
        _row("timestamp", py.days_since_instant, mongo.days_since_instant),
    ),
    "hour": _told(
        "the hour of {0}",
        _row("timestamp", lambda moment, at: moment.local(at).hour, mongo.hour),
    ),
    "weekday": _told(
        "the weekday of {0}",
        _pure("date", py.weekday, mongo.weekday),
        _row("timestamp", py.weekday_of_instant, mongo.weekday_of_instant),
    ),
}


def find_operator(name: str, arguments: tuple[Expr, ...]) -> Operator | None:
    """Return the row for these arguments, or None: what no row is for is always missing."""
    return _find(name, tuple(family_of(argument) for argument in arguments))


def family_of(argument: Expr) -> str:
    """Return an argument's family; months and years, of no fixed length, are one of their own."""
    if isinstance(argument, Const) and isinstance(argument.value, Length):
        return "calendar"
    return family(argument.kind)


@lru_cache(maxsize=4096)
def _find(name: str, families: tuple[str, ...]) -> Operator | None:
    return next((row for row in OPERATORS.get(name, ()) if row.accepts(families)), None)


def apply(row: Operator | None, moment: Moment, arguments: tuple[Any, ...]) -> Any:
    """Run a row's Python side: MISSING if any argument is."""
    if row is None or any(argument is MISSING for argument in arguments):
        return MISSING
    return row.python(moment, *arguments)
