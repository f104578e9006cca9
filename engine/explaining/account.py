"""What is said of a declaration: its clauses, each with its verdict."""

from dataclasses import dataclass

from dsl import Explanation


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause that can be in the way. `tree` explains it where it is a condition.

    `change` is what it lacks, or how long it will last.
    """

    name: str
    holds: bool
    text: str
    change: str = ""
    tree: Explanation | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """`kind` is "segment", "promotion" or "trigger"."""

    kind: str
    name: str
    title: str | None
    clauses: tuple[Clause, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing is in the way."""
        return all(clause.holds for clause in self.clauses)


def condition(name: str, tree: Explanation, note: str = "") -> Clause:
    """Return a clause that is a condition."""
    return Clause(name, tree.holds, note, tree=tree)
