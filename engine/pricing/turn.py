"""A promotion's turn: who is asking, what they see, and which lines a condition selects."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dsl import MISSING, Moment
from dsl.core import Expr
from engine.matching import Judges

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """`seen` remembers, across the combinations tried, which lines a condition selects."""

    facts: Facts
    moment: Moment
    user_id: str
    seen: dict[int, Sequence[int]]
    judges: Judges

    def lines(self, where: Expr | None) -> Sequence[int]:
        """Return the places of the lines for which a condition holds."""
        known = self.seen.get(id(where))
        if known is None:
            items = self.facts["cart"]["items"]
            known = self.seen[id(where)] = [
                at
                for at, item in enumerate(items)
                if where is None or self.judges.holds(where, self.facts, self.moment, item)
            ]
        return known

    def number(self, expr: Expr) -> int | float | None:
        """Return the number or minor units that an expression gives; None if it is missing."""
        found = self.judges.value(expr, self.facts, self.moment)
        return None if found is MISSING else found
