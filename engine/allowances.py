"""Limits per user as numbered places: whoever is the third of two finds no place."""

from collections.abc import Sequence
from dataclasses import dataclass

from dsl.clauses import Length, Limit


@dataclass(frozen=True, slots=True)
class Allowance:
    """`limit N per user [per D]`: its places are named by user, so that a unique index can tell."""

    label: str
    count: int
    within: Length | None

    def slot(self, user_id: str, place: int) -> str:
        """Return the name of a user's place, counting from 0."""
        return f"{self.label}|{place}|{user_id}"

    def owns(self, slot: str) -> bool:
        """Whether this is a place of this allowance."""
        return slot.startswith(f"{self.label}|")


def allowances(limits: Sequence[Limit]) -> tuple[Allowance, ...]:
    """Return what one user may have: of several limits over the same time the smallest."""
    found: dict[str, Allowance] = {}
    for limit in limits:
        if limit.per == "user":
            within = limit.within
            label = "ever" if within is None else f"{within.count} {within.unit}"
            if label not in found or limit.count < found[label].count:
                found[label] = Allowance(label, limit.count, within)
    return tuple(found.values())


def total(stock: int, limits: Sequence[Limit]) -> int:
    """Return how many units there are, `limit N total` considered."""
    return min([stock, *(limit.count for limit in limits if limit.per == "total")])
