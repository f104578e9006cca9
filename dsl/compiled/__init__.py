"""Expressions as Python functions, many times faster than walking them: for what is asked often.

    writer ─► trees     Python's own syntax tree, of few kinds of nodes, never text
       └────► support   what the code calls

Code runs without builtins: what a rule says can only become a constant or the choice of a function.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from dsl.compiled.support import Function
from dsl.compiled.writer import Writer
from dsl.core import Expr
from dsl.evaluator import Facts, plain
from dsl.moment import Moment
from dsl.program import Program
from dsl.values import MISSING

# Of facts, a moment, and where a list's element is asked about, that.
Judge: TypeAlias = Callable[..., bool]
Valuer: TypeAlias = Callable[..., Any]


def compiled(condition: Expr, program: Program) -> Judge:
    """Return a function that judges a condition as dsl.holds does.

    Its moments must be of the same program.
    """
    return Compiler(program).condition(condition)


class Compiler:
    """Compiles a program's expressions; its segments are shared by all that name them."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._memberships: dict[tuple[str, frozenset[str]], Function] = {}

    def condition(self, expr: Expr) -> Judge:
        """Return the function that judges a condition as dsl.holds does."""
        return self.function(expr, frozenset(), truth=True)

    def value(self, expr: Expr) -> Valuer:
        """Return the function that gives what dsl.value does."""
        evaluate = self.function(expr, frozenset(), truth=False)
        return lambda facts, moment, element=MISSING: plain(evaluate(facts, moment, element))

    def function(self, expr: Expr, segments: frozenset[str], *, truth: bool) -> Function:
        """Compile an expression within the conditions of these segments."""
        return Writer(self, segments).function(expr, truth=truth)

    def membership(self, segment: str, segments: frozenset[str]) -> Function:
        """Return the test of a segment: known from the facts, or else its condition."""
        key = (segment, segments)
        if key not in self._memberships:
            self._memberships[key] = self._membership(segment, segments)
        return self._memberships[key]

    def _membership(self, name: str, segments: frozenset[str]) -> Function:
        segment = self.program.segments.get(name)
        judge = None
        if segment is not None and name not in segments:
            judge = self.function(segment.condition, segments | {name}, truth=True)

        def is_member(facts: Facts, moment: Moment) -> bool:
            known = facts.get("segments")
            if isinstance(known, list | tuple | set | frozenset) and name in known:
                return True
            return judge is not None and bool(judge(facts, moment.in_workspace))

        return is_member
