"""A condition judged and explained: every test with what it saw, and what would turn it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from dsl.core import AllOf, AnyOf, Expr, InSegment, Not
from dsl.evaluator import Facts, Scope, plain
from dsl.explanation.changes import Change, missing_facts, sides
from dsl.explanation.english import Voice, clause, noun
from dsl.explanation.reading import Judge, Look, Reader
from dsl.explanation.turning import Turner, Way
from dsl.explanation.wording import in_words
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

    `way` is None where nothing is known to turn it. `change` says in English what a single test
    lacks or has to spare. A segment's own condition is its part.
    """

    shape: Shape
    condition: Expr
    text: str
    holds: bool
    parts: tuple["Explanation", ...] = ()
    seen: tuple[Seen, ...] = ()
    missing: tuple[str, ...] = ()
    change: str = ""
    way: Way | None = field(default=None, repr=False, compare=False)

    @property
    def changes(self) -> tuple[Change, ...] | None:
        """What would turn it: all of these changes together."""
        return None if self.way is None else self.way.changes

    @property
    def value(self) -> str:
        """What the test is about, in words; empty if it is about nothing in particular."""
        return self.seen[0].text if self.seen else ""


def explain(condition: Expr, facts: Facts, moment: Moment, element: Any = MISSING) -> Explanation:
    """Judge a condition as dsl.holds does, and say why."""
    return Explainer(facts, moment, element).explain(condition)


class Explainer:
    """Explains conditions on the same facts. What several of them look at is looked at once.

    `look` gives the value of a fact as dsl.value does, and `judge` says of a condition what
    dsl.holds does, for whoever has a quicker way.
    """

    def __init__(
        self,
        facts: Facts,
        moment: Moment,
        element: Any = MISSING,
        look: Look | None = None,
        judge: Judge | None = None,
    ) -> None:
        cart = facts.get("cart")
        currency = cart.get("currency") if isinstance(cart, Mapping) else None
        if not isinstance(currency, str):
            currency = moment.program.currency
        reader = Reader(Scope(facts, moment, element), look, judge)
        self._turner = Turner(Voice(moment.zone, currency), reader)

    def explain(self, condition: Expr) -> Explanation:
        """Judge a condition, and say why it holds or does not."""
        return _Walker(self._turner).tree(condition)

    def way(self, condition: Expr) -> tuple[Change, ...] | None:
        """Return the changes that would turn a condition, as `explain` does, without the rest."""
        way = self._turner.way(condition)
        return None if way is None else way.changes

    def holds(self, condition: Expr) -> bool:
        """Whether a condition is true."""
        return self._turner.reader.judge(condition)

    def value(self, expr: Expr) -> Any:
        """Return an expression's value as dsl.value does."""
        return plain(self._turner.reader.value(expr))


class _Walker:
    """Walks conditions, and into the segments that they name."""

    def __init__(self, turner: Turner) -> None:
        self._turner = turner
        self._reader, self._voice = turner.reader, turner.voice

    def tree(self, condition: Expr) -> Explanation:
        match condition:
            case AllOf(operands):
                return self._joined("all", "all of these", condition, operands)
            case AnyOf(operands):
                return self._joined("any", "at least one of these", condition, operands)
            case InSegment(name) | Not(InSegment(name)):
                return self._segment(condition, name)
            case Not(AllOf() | AnyOf() | Not() as operand):
                return self._joined("not", "not", condition, (operand,))
            case _:
                return self._test(condition)

    def _joined(
        self, shape: Shape, text: str, condition: Expr, operands: Sequence[Expr]
    ) -> Explanation:
        parts = tuple(map(self.tree, operands))
        held, way = self._reader.judge(condition), self._turner.way(condition)
        return Explanation(shape, condition, text, held, parts, way=way)

    def _test(self, condition: Expr) -> Explanation:
        test = condition.operand if isinstance(condition, Not) else condition
        held = self._reader.judge(test) is (test is condition)
        way = self._turner.way(condition)
        missing = missing_facts(test, self._reader)
        return Explanation(
            "test",
            condition,
            clause(condition, self._voice),
            held,
            seen=self._seen(test),
            missing=missing,
            change=_told(way.changes[0] if way else None, held, missing),
            way=way,
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
        stored, voice = self._reader.value(expr), self._voice
        text = in_words(stored, expr.kind, currency=voice.currency, zone=voice.zone)
        return Seen(name, expr, stored, text)

    def _segment(self, condition: Expr, name: str) -> Explanation:
        inside = self._turner.inside(name)
        return Explanation(
            "segment",
            condition,
            clause(condition, self._voice),
            self._reader.judge(condition),
            () if inside is None else (_Walker(inside.turner).tree(inside.condition),),
            way=self._turner.way(condition),
        )


def _told(found: Change | None, held: bool, missing: Sequence[str]) -> str:
    if held:
        return found.spare if found else ""
    unknown = f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not known"
    needed = found.text if found and not found.text.endswith("be known") else ""
    return "; ".join(each for each in (unknown if missing else "", needed) if each)
