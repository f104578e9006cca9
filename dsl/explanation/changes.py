"""The smallest change that would turn one test."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dsl.core import Aggregate, Apply, Const, Expr, Now, Ref, Today
from dsl.explanation.english import Voice, find_predicate, noun
from dsl.explanation.gaps import gap, spare
from dsl.explanation.reading import Reader
from dsl.explanation.targets import distance, nearest
from dsl.kinds import BOOL, NUMBER, ListOf
from dsl.operators import apply, find_operator
from dsl.values import MISSING, read
from dsl.walking import fact_name, facts_read, nodes

_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True)
class Change:
    """Bring `subject` from `seen` to `to`.

    `name` is what rules call the subject, `what` the same in English. `to` is MISSING where no one
    value is meant ("anything but"), `by` None where it is no distance: see
    dsl.explanation.targets.distance for its unit. `text` says it of a test that should turn out
    otherwise, `spare` of one that is as it should be.
    """

    subject: Expr
    name: str
    what: str
    seen: Any
    to: Any
    by: Any
    text: str
    spare: str = ""


def change(test: Expr, wanted: bool, reader: Reader, voice: Voice) -> Change | None:
    """Return what would make a test come out as wanted, if one thing would."""
    found = _change(test, wanted, reader, voice)
    if found is None or found.to is MISSING:
        return found
    otherwise = {found.subject: Const(found.to, found.subject.kind)}
    return found if reader.judge(test, otherwise) is wanted else None


def missing_facts(test: Expr, reader: Reader) -> tuple[str, ...]:
    """Return the names of the facts that a test reads and that are not known."""
    found = (name for name, fact in facts_read(test) if reader.value(fact) is MISSING)
    return tuple(dict.fromkeys(found))


def is_fixed(expr: Expr) -> bool:
    """Whether an expression has the same value whatever the facts and the moment."""
    return all(isinstance(node, Const | Apply) for node in nodes(expr))


def sides(test: Expr) -> tuple[Expr, ...]:
    """Return what a test looks at, that could be otherwise: what it is about comes first."""
    match test:
        case Apply(_, arguments):
            return tuple(argument for argument in arguments if not is_fixed(argument))
        case Const():
            return ()
        case Aggregate("any"):
            return (_count(test),)
        case _:
            return (test,)


def _change(test: Expr, wanted: bool, reader: Reader, voice: Voice) -> Change | None:
    match test:
        case Aggregate("any"):
            return _existence(test, wanted, reader, voice)
        case Ref() | Aggregate():
            words = f"would have to be {'true' if wanted else 'false'}"
            return _plain(test, words, reader, voice, to=wanted)
        case Apply("is known", (subject,)) if isinstance(subject, Ref | Aggregate):
            words = f"would have to be {'known' if wanted else 'missing'}"
            return _plain(subject, words, reader, voice)
        case Apply("=" | "<" | "<=" | ">" | ">=" as operator, (left, right)):
            if _is_about_the_right(left, right, reader):
                test = Apply(_MIRRORED[operator], (right, left), BOOL)
            return _comparison(test, wanted, reader, voice)
        case Apply("in", (subject, _)) if not is_fixed(subject):
            return _among(test, wanted, reader, voice)
        case Apply(_, (subject, *_)) if not is_fixed(subject):
            return _plain(subject, _demand(test, wanted, voice), reader, voice)
        case _:
            return None


def _is_about_the_right(left: Expr, right: Expr, reader: Reader) -> bool:
    """Whether it is the right side of a comparison that should change."""
    if is_fixed(left) or is_fixed(right):
        return is_fixed(left)
    if (reader.value(left) is MISSING) != (reader.value(right) is MISSING):
        return reader.value(right) is MISSING
    return _passes_by_itself(left) and not _passes_by_itself(right)


def _passes_by_itself(expr: Expr) -> bool:
    return not any(isinstance(node, Ref | Aggregate) for node in nodes(expr)) and any(
        isinstance(node, Now | Today) for node in nodes(expr)
    )


def _demand(test: Expr, wanted: bool, voice: Voice) -> str:
    predicate = find_predicate(test, voice) or "be true"
    return f"would have to {predicate}" if wanted else f"must not {predicate}"


def _plain(subject: Expr, words: str, reader: Reader, voice: Voice, *, to: Any = MISSING) -> Change:
    return Change(subject, *_names(subject, voice), reader.value(subject), to, None, words)


def _names(subject: Expr, voice: Voice) -> tuple[str, str]:
    english = noun(subject, voice)
    return fact_name(subject) or english, english


def _count(test: Aggregate) -> Aggregate:
    return Aggregate("count", test.source, (), test.where, test.window, NUMBER)


def _existence(test: Aggregate, wanted: bool, reader: Reader, voice: Voice) -> Change:
    count = _count(test)
    seen = reader.value(count)
    by = 1 - seen if wanted else -seen
    names = fact_name(test) or "", noun(count, voice)
    return Change(test, *names, seen, wanted, by, gap(count, by, voice), spare(count, by, voice))


def _comparison(test: Expr, wanted: bool, reader: Reader, voice: Voice) -> Change | None:
    assert isinstance(test, Apply)
    subject, other = test.arguments
    seen, bound = reader.value(subject), reader.value(other)
    row = find_operator(test.operator, test.arguments)
    if is_fixed(subject) or bound is MISSING or row is None:
        return None

    def accepts(candidate: Any) -> bool:
        return (apply(row, reader.moment, (candidate, bound)) is True) is wanted

    if test.operator == "=" and not wanted and subject.kind != BOOL:
        # Anything else would do, and which is not for us to say.
        return _plain(subject, _demand(test, wanted, voice), reader, voice)
    to = nearest(subject, bound, seen, accepts, reader.moment)
    if to is MISSING:
        return None
    by = distance(seen, to, subject)
    names = _names(subject, voice)
    if by is None:
        return Change(subject, *names, seen, to, None, _demand(test, wanted, voice))
    rough = distance(seen, bound, subject) if _is_beyond(to, bound) else None
    return Change(
        *(subject, *names, seen, to, by),
        gap(subject, by, voice, rough),
        spare(subject, by, voice, rough),
    )


def _is_beyond(to: Any, bound: Any) -> bool:
    """Whether a number is the double next to its bound, which nobody wants to read."""
    return isinstance(to, float) and to != bound


def _among(test: Apply, wanted: bool, reader: Reader, voice: Voice) -> Change | None:
    subject, many = test.arguments
    values, seen = reader.value(many), reader.value(subject)
    if values is MISSING or (wanted and not values):
        return None
    to, by = MISSING, None
    if wanted:
        usable = [v for v in values if read(v, subject.kind) is not MISSING]
        closest: Callable[[Any], Any] = lambda v: abs(distance(seen, v, subject) or 0)  # noqa: E731
        to = min(usable, key=closest, default=MISSING)
        by = distance(seen, to, subject)
    assert isinstance(many.kind, ListOf)
    return Change(subject, *_names(subject, voice), seen, to, by, _demand(test, wanted, voice))
