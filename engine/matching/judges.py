"""A program's expressions as functions, each compiled when it is first asked for."""

from collections.abc import Mapping
from typing import Any

from dsl import MISSING, Compiler, Moment, Program
from dsl.compiled import Judge, Valuer
from dsl.core import Expr


class Judges:
    """Judges expressions of one program, as dsl.holds and dsl.value do."""

    def __init__(self, program: Program) -> None:
        self.compiler = Compiler(program)
        # By identity, as to compare expressions costs more than to judge them; they are kept, so
        # that no id is given to another one.
        self._conditions: dict[int, tuple[Expr, Judge]] = {}
        self._values: dict[int, tuple[Expr, Valuer]] = {}
        self._equal: dict[Expr, Valuer] = {}

    def holds(
        self, expr: Expr, facts: Mapping[str, Any], moment: Moment, element: Any = MISSING
    ) -> bool:
        """Whether a condition is true of these facts, and of an element where it asks."""
        return self.judge(expr)(facts, moment, element)

    def judge(self, expr: Expr) -> Judge:
        """Return the function that judges a condition, for whoever asks it of many elements."""
        found = self._conditions.get(id(expr))
        if found is None:
            found = self._conditions[id(expr)] = (expr, self.compiler.condition(expr))
        return found[1]

    def value(self, expr: Expr, facts: Mapping[str, Any], moment: Moment) -> Any:
        """Return an expression's value in its stored form, or MISSING."""
        found = self._values.get(id(expr))
        if found is None:
            found = self._values[id(expr)] = (expr, self.compiler.value(expr))
        return found[1](facts, moment)

    def look(self, expr: Expr, facts: Mapping[str, Any], moment: Moment) -> Any:
        """Return the same of an expression that was made up, maybe again and again."""
        found = self._equal.get(expr)
        if found is None:
            found = self._equal[expr] = self.compiler.value(expr)
        return found(facts, moment)
