"""Reading facts once, and judging conditions as if some parts of them were otherwise."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from dsl.core import Aggregate, Const, Expr, InSegment, Ref
from dsl.evaluator import Scope, evaluate
from dsl.moment import Moment
from dsl.walking import substitute

# Gives the value of a fact, or MISSING.
Look: TypeAlias = Callable[[Expr], Any]
# Whether a condition is true.
Judge: TypeAlias = Callable[[Expr], bool]

_AS_IT_IS: Mapping[Expr, Const] = {}


@dataclass(frozen=True, slots=True)
class Reader:
    """Evaluates within a scope. Facts, aggregates above all, are worked out once and kept.

    `look` gives the same value of a fact as evaluating it does, but sooner, and `quick` the same
    verdict on a condition.
    """

    scope: Scope
    look: Look | None = None
    quick: Judge | None = None
    _known: dict[Expr, Const] = field(default_factory=dict)

    @property
    def moment(self) -> Moment:
        return self.scope.moment

    def value(self, expr: Expr, otherwise: Mapping[Expr, Const] = _AS_IT_IS) -> Any:
        """Return a value, or MISSING; with these parts of the expression as given."""
        if not otherwise and (fact := self._fact(expr)) is not None:
            return fact.value
        kinds = {type(part) for part in otherwise}

        def known(part: Expr) -> Expr | None:
            if type(part) in kinds and part in otherwise:
                return otherwise[part]
            return self._fact(part)

        return evaluate(substitute(expr, known), self.scope)

    def judge(self, condition: Expr, otherwise: Mapping[Expr, Const] = _AS_IT_IS) -> bool:
        """Whether a condition is true; with these parts of it as given."""
        if self.quick is not None and not otherwise:
            return self.quick(condition)
        return self.value(condition, otherwise) is True

    def _fact(self, part: Expr) -> Const | None:
        if not isinstance(part, Ref | Aggregate | InSegment):
            return None
        found = self._known.get(part)  # once, as to hash an expression takes long
        if found is None:
            read = evaluate(part, self.scope) if self.look is None else self.look(part)
            found = self._known[part] = Const(read, part.kind)
        return found
