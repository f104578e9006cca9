"""Expressions as English, read off the table of operators."""

from dataclasses import dataclass
from typing import assert_never

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
from dsl.explanation.wording import in_words, listed, noun_of, plural, window_in_words
from dsl.kinds import ListOf
from dsl.operators import find_operator

# What an aggregate says of the values, or elements, that it is made of.
_AGGREGATES = {
    "count": "the number of {0}",
    "any": "there being {0}",
    "sum": "the sum of {1} over {0}",
    "avg": "the average {1} over {0}",
    "min": "the smallest {1} over {0}",
    "max": "the largest {1} over {0}",
    "distinct": "the number of different values of {1} over {0}",
    "latest": "the latest {1} of {0}",
    "earliest": "the earliest {1} of {0}",
}
_ARITHMETIC = ("+", "-", "*", "/", "neg")


@dataclass(frozen=True, slots=True)
class Voice:
    """The zone in which instants are told, and the currency of money that names none."""

    zone: str = "UTC"
    currency: str = ""


def to_english(expr: Expr, voice: Voice = Voice()) -> str:
    """Return an expression in English: a condition as a clause, anything else as a noun."""
    return clause(expr, voice) if _is_condition(expr) else noun(expr, voice)


def clause(condition: Expr, voice: Voice, *, denied: bool = False) -> str:
    """Return a condition as a clause of a sentence, or its denial."""
    match condition:
        case AllOf(operands) | AnyOf(operands):
            word = " and " if isinstance(condition, AllOf) else " or "
            text = word.join(_nested(operand, condition, voice) for operand in operands)
            return f"it is not true that ({text})" if denied else text
        case Not(operand):
            return clause(operand, voice, denied=not denied)
        case InSegment(name):
            return f"user is{_not(denied)} in segment {name}"
        case Aggregate("any"):
            return f"there are {'no ' if denied else ''}{_elements(condition, voice)}"
        case Apply(_, (subject, *_)) if find_predicate(condition, voice) is not None:
            return f"{noun(subject, voice)} {conjugated(condition, voice, denied=denied)}"
        case Const(bool() as value):
            return "always" if value is not denied else "never"
        case _:
            return f"{noun(condition, voice)} is{_not(denied)} true"


def find_predicate(condition: Expr, voice: Voice) -> str | None:
    """Return what a test says of its first argument, in the infinitive: "be at least 3"."""
    match condition:
        case Apply("is known"):
            return "be known"
        case Apply(operator, arguments) if _is_condition(condition):
            row = find_operator(operator, arguments)
            joint = "or" if operator == "in" else "and"
            names = [noun(argument, voice, joint) for argument in arguments]
            return row.english.format(*names) if row else f"{operator} {' and '.join(names[1:])}"
        case _:
            return None


def conjugated(condition: Expr, voice: Voice, *, denied: bool = False) -> str:
    """Return what a test says of its first argument: "is at least 3", "does not contain 3"."""
    verb, _, rest = (find_predicate(condition, voice) or "be true").partition(" ")
    if verb == "be":
        return f"is{_not(denied)} {rest}"
    if denied:
        return f"does not {verb} {rest}"
    return f"{verb}{'es' if verb.endswith('ch') else 's'} {rest}"


def noun(expr: Expr, voice: Voice, joint: str = "and") -> str:
    """Return an expression as a noun: facts under the names that rules give them."""
    match expr:
        case Const(tuple() as values, ListOf(element)):
            words = (in_words(v, element, currency=voice.currency) for v in values)
            return listed(words, len(values), joint)
        case Const(value, kind):
            return in_words(value, kind, currency=voice.currency, zone=voice.zone)
        case Ref():
            return ref_name(expr)
        case Now():
            return "now"
        case Today():
            return "today"
        case Aggregate(function, _, value):
            text = _AGGREGATES[function]
            return text.format(_elements(expr, voice), ".".join(value) or "value")
        case Apply() if not _is_condition(expr):
            return _applied(expr, voice)
        case Apply() | Not() | AllOf() | AnyOf() | InSegment():
            return f"({clause(expr, voice)})"
        case _:
            assert_never(expr)


def _applied(expr: Apply, voice: Voice) -> str:
    row = find_operator(expr.operator, expr.arguments)
    names = [_operand(argument, voice) for argument in expr.arguments]
    if row is None:
        return f"{expr.operator} of {' and '.join(names)}"
    if row.variadic:
        return row.english.format(listed(names, len(names)))
    return row.english.format(*names)


def ref_name(ref: Ref) -> str:
    """Return a fact's name as rules write it."""
    root = () if ref.root == "element" else (ref.root,)
    return ".".join((*root, *ref.path)) or "the value"


def things(aggregate: Aggregate) -> str:
    """Return what one of the elements of an aggregate is called."""
    source = aggregate.source
    if isinstance(source, EventSource):
        last = source.nested[-1:]
        return _singular(last[0]) if last else noun_of(source.event)
    path = source.ref.path
    if (source.ref.root, *path) == ("cart", "items"):
        return "line"
    return _singular(path[-1]) if path else "element"


def _elements(aggregate: Aggregate, voice: Voice) -> str:
    source = aggregate.source
    match source:
        case EventSource(event, ()):
            text = plural(noun_of(event))
        case EventSource(event, nested):
            text = f"{'.'.join(nested)} of {plural(noun_of(event))}"
        case ListSource(Ref("cart", ("items",))):
            text = "lines of the cart"
        case ListSource(ref):
            text = ref_name(ref)
    text += window_in_words(aggregate.window)
    if aggregate.where is None:
        return text
    return f"{text} (where {clause(aggregate.where, voice)})"


def _singular(name: str) -> str:
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name


def _nested(operand: Expr, around: Expr, voice: Voice) -> str:
    text = clause(operand, voice)
    other = isinstance(operand, AllOf | AnyOf) and type(operand) is not type(around)
    return f"({text})" if other else text


def _operand(argument: Expr, voice: Voice) -> str:
    text = noun(argument, voice)
    compound = isinstance(argument, Apply) and argument.operator in _ARITHMETIC
    return f"({text})" if compound else text


def _is_condition(expr: Expr) -> bool:
    match expr:
        case AllOf() | AnyOf() | Not() | InSegment() | Aggregate("any"):
            return True
        case Apply():
            return str(expr.kind) == "bool"
        case _:
            return str(expr.kind) == "bool" and not isinstance(expr, Const | Ref | Aggregate)


def _not(denied: bool) -> str:
    return " not" if denied else ""
