"""A promotion's turn: who is asking, what they see, and which lines a condition selects."""

from collections.abc import Sequence
from itertools import compress, repeat
from typing import Any

from dsl import MISSING, Moment
from dsl.core import Expr
from engine.matching import Judges

Facts = dict[str, Any]


class Conditions:
    """The different conditions on lines that a program's effects have, each with a number.

    Many promotions have the same one, which is then judged once for a cart. 0 is every line.
    """

    def __init__(self) -> None:
        self.all: list[Expr | None] = [None]
        self._numbers: dict[Expr | None, int] = {None: 0}

    def number(self, where: Expr | None) -> int:
        """Return the number of a condition."""
        found = self._numbers.setdefault(where, len(self.all))
        if found == len(self.all):
            self.all.append(where)
        return found


class Turn:
    """What effects see. It remembers what it found: one serves all promotions that see the same."""

    __slots__ = ("_conditions", "_facts", "_judges", "_lines", "_moment", "_numbers", "user_id")

    def __init__(
        self, facts: Facts, moment: Moment, user_id: str, conditions: Conditions, judges: Judges
    ) -> None:
        self.user_id = user_id
        self._facts = facts
        self._moment = moment
        self._conditions = conditions
        self._judges = judges
        self._lines: dict[int, Sequence[int]] = {}
        self._numbers: dict[int, int | float | None] = {}

    def lines(self, condition: int) -> Sequence[int]:
        """Return the places of the lines for which the condition of this number holds."""
        found = self._lines.get(condition)
        if found is None:
            found = self._lines[condition] = self._select(self._conditions.all[condition])
        return found

    def number(self, expr: Expr) -> int | float | None:
        """Return the number or minor units that an expression gives; None if it is missing."""
        key = id(expr)
        if key not in self._numbers:
            found = self._judges.value(expr, self._facts, self._moment)
            self._numbers[key] = None if found is MISSING else found
        return self._numbers[key]

    def _select(self, where: Expr | None) -> Sequence[int]:
        items = self._facts["cart"]["items"]
        if where is None:
            return range(len(items))
        holds = map(self._judges.judge(where), repeat(self._facts), repeat(self._moment), items)
        return list(compress(range(len(items)), holds))
