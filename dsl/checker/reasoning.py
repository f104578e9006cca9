"""Whether a condition can never be true, or always is: what its comparisons leave of each fact."""

from typing import Any, TypeAlias

from dsl.checker.agreement import UNKNOWN
from dsl.checker.ranges import Domain, Ranges, Words, compared, points
from dsl.core import Aggregate, AllOf, AnyOf, Apply, Const, Expr, Not, Now, Ref, Today
from dsl.kinds import BOOL, DATE, TIMESTAMP, Kind, ListOf, Money, Record, Text

# One way for a condition to be true: what each fact must be in it.
Case: TypeAlias = dict[Expr, Domain]

MOST_CASES = 256
MOST_EFFORT = 200_000  # ranges looked at in one condition
TRUTHS = Words(frozenset((True, False)))
FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}

# What a cart always has, in whole numbers, none of them negative.
ALWAYS_THERE = {
    ("cart", "subtotal"),
    ("cart", "remaining"),
    ("cart", "quantity"),
}


class _TooManyCases(Exception):
    pass


def never(condition: Expr) -> bool:
    """Whether no facts make the condition true, as far as ranges of single facts can tell."""
    return _cases_or_none(condition, True) == []


def always(condition: Expr) -> bool:
    """Whether every facts make the condition true; what may be missing counts."""
    return _cases_or_none(condition, False) == []


def conflict(condition: Expr) -> Expr | None:
    """Return the fact that what can never be true asks too much of, if there is such a one."""
    operands = condition.operands if isinstance(condition, AllOf) else (condition,)
    so_far: Case = {}
    for operand in operands:
        cases = _cases_or_none(operand, True)
        if not cases:
            fact, _ = _atom(operand)
            return _itself(fact) if cases is not None and fact is not operand else None
        if len(cases) == 1:
            for fact, domain in cases[0].items():
                so_far[fact] = so_far[fact].meet(domain) if fact in so_far else domain
                if not so_far[fact]:
                    return _itself(fact)
    return None


def _itself(fact: Expr) -> Expr:
    match fact:
        case Apply("among days", (instant,)):
            return instant
        case _:
            return fact


def implies(condition: Expr, other: Expr) -> bool:
    """Whether the second is true wherever the first is."""
    return never(AllOf((condition, Not(other))))


def _cases_or_none(condition: Expr, truth: bool) -> list[Case] | None:
    try:
        return _cases(condition, truth)
    except _TooManyCases:
        return None


def _cases(condition: Expr, truth: bool) -> list[Case]:
    match condition:
        case Not(operand):
            return _cases(operand, not truth)
        case AllOf(operands) if truth:
            return _all(operands, truth)
        case AnyOf(operands) if not truth:
            return _all(operands, truth)
        case AllOf(operands) | AnyOf(operands):
            return _limited([case for part in operands for case in _cases(part, truth)])
        case Const(bool(value)):
            return [{}] if value is truth else []
        case Const(kind=kind) if kind == UNKNOWN:
            return [{}]  # stands for what is in error elsewhere, each time for something else
        case _:
            fact, domain = _atom(condition)
            wanted = (domain if truth else domain.rest()).meet(_universe(fact))
            needed = _known_with(condition, fact) if truth else {}
            return [{**needed, fact: wanted}] if wanted else []


def _known_with(condition: Expr, about: Expr) -> Case:
    """Return the facts that must be there where a test is true, beside the one that it is about."""
    if not isinstance(condition, Apply) or about in condition.arguments:
        return {}
    return {
        fact: Domain(_everything(fact.kind)).meet(_universe(fact))
        for fact in condition.arguments
        if not isinstance(fact, Const) and _is_simple(fact.kind) and fact.kind != BOOL
    }


def _all(operands: tuple[Expr, ...], truth: bool) -> list[Case]:
    cases: list[Case] = [{}]
    effort = 0
    for operand in operands:
        more = _cases(operand, truth)
        _limited(cases, len(more))
        # A thousand tests of one fact would be met a thousand times a thousand times.
        effort += sum(domain.values.size for case in cases for domain in case.values())
        if effort > MOST_EFFORT:
            raise _TooManyCases
        cases = [met for one in cases for other in more if (met := _met(one, other)) is not None]
    return cases


def _limited(cases: list[Case], times: int = 1) -> list[Case]:
    if len(cases) * times > MOST_CASES:
        raise _TooManyCases
    return cases


def _met(one: Case, other: Case) -> Case | None:
    met = dict(one)
    for fact, domain in other.items():
        met[fact] = met[fact].meet(domain) if fact in met else domain
        if not met[fact]:
            return None
    return met


def _atom(condition: Expr) -> tuple[Expr, Domain]:
    """Return the fact that a comparison is about and what it admits; else the condition itself."""
    match condition:
        case Apply("is known", (fact,)) if _is_simple(fact.kind):
            return fact, Domain(_everything(fact.kind))
        case Apply("in", (fact, Const(tuple(values)))) if _is_simple(fact.kind):
            return fact, Domain(_exactly(fact.kind, values))
        case Apply(operator, (fact, Const() as const)) if operator in FLIPPED:
            if _comparable(fact.kind, const.kind):
                return fact, Domain(_admitted(fact.kind, operator, const.value))
            if fact.kind == TIMESTAMP and const.kind == DATE:
                return _among_days(fact), Domain(compared(operator, const.value))
        case Apply(operator, (Const() as const, fact)) if operator in FLIPPED:
            if _comparable(fact.kind, const.kind):
                return fact, Domain(_admitted(fact.kind, FLIPPED[operator], const.value))
            if fact.kind == TIMESTAMP and const.kind == DATE:
                return _among_days(fact), Domain(compared(FLIPPED[operator], const.value))
        case Ref():
            return condition, Domain(Words(frozenset((True,))))
    return condition, Domain(Words(frozenset((True,))))


def _is_simple(kind: Kind) -> bool:
    return not isinstance(kind, ListOf | Record)


def _among_days(instant: Expr) -> Expr:
    """Return where an instant lies among the first instants of days: which they are is open."""
    return Apply("among days", (instant,), TIMESTAMP, span=instant.span)


def _comparable(fact: Kind, const: Kind) -> bool:
    # A date beside a timestamp stands for an instant that depends on a zone.
    return _is_simple(fact) and {fact, const} != {DATE, TIMESTAMP}


def _admitted(kind: Kind, operator: str, value: Any) -> Ranges | Words:
    if isinstance(kind, Text) or kind == BOOL:
        return Words(frozenset((value,)))
    return compared(operator, value)


def _exactly(kind: Kind, values: tuple[Any, ...]) -> Ranges | Words:
    if isinstance(kind, Text) or kind == BOOL:
        return Words(frozenset(values))
    return points(values)


def _everything(kind: Kind) -> Ranges | Words:
    match kind:
        case Text(options) if options is not None:
            return Words(frozenset(options))
        case Text():
            return Words(frozenset(), others=True)
        case _ if kind == BOOL:
            return TRUTHS
        case _:
            return Ranges(whole=kind == DATE or isinstance(kind, Money))


def _universe(fact: Expr) -> Domain:  # noqa: C901, PLR0911, PLR0912 - one case each
    """Return what a fact can be at all."""
    match fact:
        case Aggregate(function="count" | "distinct"):
            return Domain(_from(0))
        case Aggregate(function="sum"):
            return Domain(_everything(fact.kind))
        case Ref(root, (name,)) if (root, name) in ALWAYS_THERE:
            return Domain(_from(0))
        case Ref() if _is_simple(fact.kind):
            return Domain(_everything(fact.kind), missing=True)
        case Aggregate() if fact.function != "any":
            return Domain(_everything(fact.kind), missing=True)
        case Apply("hour"):
            return Domain(_from(0).meet(compared("<=", 23)), missing=True)
        case Apply("days_until"):
            return Domain(_from(0).meet(compared("<=", 366)), missing=True)
        case Apply("length"):
            return Domain(_from(0), missing=True)
        case Apply("days_since" | "years_since" | "round"):
            return Domain(Ranges(whole=True), missing=True)
        case Apply() if fact.kind != BOOL:
            return Domain(_everything(fact.kind), missing=True)
        case Const(str() | int() | float() as value) if _is_simple(fact.kind):
            return Domain(_exactly(fact.kind, (value,)))
        case Now() | Today():
            return Domain(_everything(fact.kind))
        case _:
            # A condition taken as a whole: it holds or it does not.
            return Domain(TRUTHS)


def _from(least: int) -> Ranges:
    return Ranges((compared(">=", least).parts[0],), whole=True)
