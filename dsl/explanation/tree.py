"""A condition judged and explained: every test with what it saw, and what would turn it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from dsl.core import AllOf, AnyOf, Const, Expr, InSegment, Not
from dsl.evaluator import Facts, Scope, plain
from dsl.explanation.changes import Change, change, missing_facts, sides
from dsl.explanation.english import Voice, clause, noun
from dsl.explanation.reading import Look, Reader
from dsl.explanation.targets import magnitude
from dsl.explanation.wording import in_words
from dsl.kinds import BOOL
from dsl.moment import Moment
from dsl.values import MISSING
from dsl.walking import fact_name, facts_read

Shape: TypeAlias = Literal["all", "any", "not", "segment", "test"]


@dataclass(frozen=True, slots=True)
class Seen:
    """A value that a test looked at. `stored` is MISSING if there is none."""

    name: str
    expr: Expr
    stored: Any
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """One condition: what it says, whether it holds, what it saw and what would turn it.

    `changes` are all needed to make it come out otherwise, and the fewest and smallest that do;
    None where no such changes are known. `change` says in English what a single test lacks or has
    to spare. A segment's own condition is its part.
    """

    shape: Shape
    condition: Expr
    text: str
    holds: bool
    parts: tuple["Explanation", ...] = ()
    seen: tuple[Seen, ...] = ()
    missing: tuple[str, ...] = ()
    change: str = ""
    changes: tuple[Change, ...] | None = None
    # With these parts of the condition replaced, it comes out otherwise.
    turned_by: Mapping[Expr, Const] = field(default_factory=dict, repr=False, compare=False)

    @property
    def value(self) -> str:
        """What the test is about, in words; empty if it is about nothing in particular."""
        return self.seen[0].text if self.seen else ""


def explain(condition: Expr, facts: Facts, moment: Moment, element: Any = MISSING) -> Explanation:
    """Judge a condition as dsl.holds does, and say why."""
    return Explainer(facts, moment, element).explain(condition)


class Explainer:
    """Explains conditions on the same facts. What several of them look at is looked at once.

    `look` gives the value of a fact as dsl.value does, for whoever has a quicker way.
    """

    def __init__(
        self, facts: Facts, moment: Moment, element: Any = MISSING, look: Look | None = None
    ) -> None:
        cart = facts.get("cart")
        currency = cart.get("currency") if isinstance(cart, Mapping) else None
        if not isinstance(currency, str):
            currency = moment.program.currency
        reader = Reader(Scope(facts, moment, element), look)
        self._walker = _Walker(Voice(moment.zone, currency), reader)

    def explain(self, condition: Expr) -> Explanation:
        """Judge a condition, and say why it holds or does not."""
        return self._walker.tree(condition)

    def value(self, expr: Expr) -> Any:
        """Return an expression's value as dsl.value does."""
        return plain(self._walker.reader.value(expr))


class _Walker:
    """Walks conditions, and into the segments that they name."""

    def __init__(self, voice: Voice, reader: Reader, segments: "_Segments | None" = None) -> None:
        self.reader = reader
        self._voice = voice
        self._segments: _Segments = {} if segments is None else segments
        self._tests: dict[Expr, Explanation] = {}

    def tree(self, condition: Expr) -> Explanation:
        match condition:
            case AllOf(operands):
                parts = tuple(map(self.tree, operands))
                return self._joined("all", condition, parts, all(p.holds for p in parts))
            case AnyOf(operands):
                parts = tuple(map(self.tree, operands))
                return self._joined("any", condition, parts, any(p.holds for p in parts))
            case InSegment() | Not(InSegment()):
                return self._segment(condition)
            case Not(AllOf() | AnyOf() | Not() as operand):
                part = self.tree(operand)
                return Explanation(
                    "not",
                    condition,
                    "not",
                    not part.holds,
                    (part,),
                    changes=part.changes,
                    turned_by=part.turned_by,
                )
            case _:
                if condition not in self._tests:
                    self._tests[condition] = self._test(condition)
                return self._tests[condition]

    def _test(self, condition: Expr) -> Explanation:
        test = condition.operand if isinstance(condition, Not) else condition
        came_out = self.reader.judge(test)
        held = came_out is (test is condition)
        found = change(test, not came_out, self.reader, self._voice)
        missing = missing_facts(test, self.reader)
        return Explanation(
            "test",
            condition,
            clause(condition, self._voice),
            held,
            seen=self._seen(test),
            missing=missing,
            change=_told(found, held, missing),
            changes=None if found is None else (found,),
            turned_by=_replacements(found, test, came_out),
        )

    def _seen(self, test: Expr) -> tuple[Seen, ...]:
        found: dict[Expr, Seen] = {}
        for side in sides(test):
            for name, expr in ((fact_name(side), side), *facts_read(side)):
                if expr not in found:
                    found[expr] = self._seen_one(name or noun(expr, self._voice), expr)
        # What the test is about comes first.
        return tuple(sorted(found.values(), key=lambda seen: seen.expr not in sides(test)))

    def _seen_one(self, name: str, expr: Expr) -> Seen:
        stored, voice = self.reader.value(expr), self._voice
        text = in_words(stored, expr.kind, currency=voice.currency, zone=voice.zone)
        return Seen(name, expr, stored, text)

    def _segment(self, condition: Expr) -> Explanation:
        denied = isinstance(condition, Not)
        test = condition.operand if isinstance(condition, Not) else condition
        assert isinstance(test, InSegment)
        inner = self._inside(test.segment)
        is_member = self.reader.judge(test) if inner is None else inner.holds
        turned_by: Mapping[Expr, Const] = {}
        if inner is not None and inner.changes is not None:
            turned_by = {**inner.turned_by, test: Const(not is_member, BOOL)}
        return Explanation(
            "segment",
            condition,
            clause(condition, self._voice),
            is_member is not denied,
            () if inner is None else (inner,),
            changes=None if inner is None else inner.changes,
            turned_by=turned_by,
        )

    def _inside(self, name: str) -> Explanation | None:
        """Explain a segment's condition; None where the facts say who is in, or nobody can be."""
        scope = self.reader.scope
        known = scope.facts.get("segments")
        if isinstance(known, list | tuple | set | frozenset) and name in known:
            return None
        segment = scope.moment.program.segments.get(name)
        if segment is None or name in scope.segments:
            return None
        within = scope.segments | {name}
        key = (name, within)
        if key not in self._segments:
            inner = Scope(scope.facts, scope.moment.in_workspace, segments=within)
            voice = Voice(inner.moment.zone, self._voice.currency)
            own = _Walker(voice, Reader(inner), self._segments)
            self._segments[key] = own.tree(segment.condition)
        return self._segments[key]

    def _joined(
        self, shape: Shape, condition: Expr, parts: tuple[Explanation, ...], held: bool
    ) -> Explanation:
        text = "all of these" if shape == "all" else "at least one of these"
        in_the_way = [part for part in parts if part.holds is held]
        way: _Way | None
        if held is (shape == "all"):  # any one of them decides
            ways = [(p.changes, p.turned_by) for p in in_the_way if p.changes is not None]
            way = min(ways, key=lambda each: _cost(each[0]), default=None)
        else:
            way = self._all_of(in_the_way, condition, held)
        changes, turned_by = way or (None, {})
        return Explanation(
            shape, condition, text, held, parts, changes=changes, turned_by=turned_by
        )

    def _all_of(self, parts: Iterable[Explanation], condition: Expr, held: bool) -> "_Way | None":
        """Return the changes that turn all these parts, if together they turn the whole."""
        changes: dict[Expr, Change] = {}
        turned_by: dict[Expr, Const] = {}
        for part in parts:
            if part.changes is None:
                return None
            for each in part.changes:
                before = changes.get(each.subject)
                if before is None or abs(each.by or 0) >= abs(before.by or 0):
                    changes[each.subject] = each
            turned_by |= part.turned_by
        turned_by |= {
            subject: Const(each.to, subject.kind)
            for subject, each in changes.items()
            if each.to is not MISSING
        }
        if self.reader.judge(condition, turned_by) is held:
            return None
        return tuple(changes.values()), turned_by


_Segments: TypeAlias = dict[tuple[str, frozenset[str]], Explanation]
_Way: TypeAlias = tuple[tuple[Change, ...], Mapping[Expr, Const]]


def _told(found: Change | None, held: bool, missing: Sequence[str]) -> str:
    if held:
        return found.spare if found else ""
    unknown = f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not known"
    needed = found.text if found and not found.text.endswith("be known") else ""
    return "; ".join(each for each in (unknown if missing else "", needed) if each)


def _replacements(found: Change | None, test: Expr, came_out: bool) -> Mapping[Expr, Const]:
    if found is None:
        return {}
    if found.to is MISSING:
        return {test: Const(not came_out, BOOL)}
    return {found.subject: Const(found.to, found.subject.kind)}


def _cost(changes: tuple[Change, ...]) -> tuple[int, float]:
    return len(changes), sum(magnitude(each.seen, each.to, each.by) for each in changes)
