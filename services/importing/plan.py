"""What a page of rows comes to: decided first, and written only if it is meant."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from dsl.program import Program
from models.imports import Import, Row, RowError, Tally
from models.store import Stores
from services.clock import Clock
from services.importing.mapping import Mapped, Refused
from services.rulebook import Published, Rulebook


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What planning a page may ask."""

    stores: Stores
    rulebook: Rulebook
    clock: Clock
    published: Published
    job: Import
    mapped: Mapped
    zone: ZoneInfo
    currency: str

    @property
    def program(self) -> Program:
        return self.published.program

    @property
    def now(self) -> datetime:
        return self.clock.now()


async def _nothing() -> None:
    pass


@dataclass(slots=True)
class Plan:
    """What becomes of the rows, and `write`, which does it and may be repeated."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    errors: list[RowError] = field(default_factory=list)
    write: Callable[[], Awaitable[object]] = _nothing

    @property
    def tally(self) -> Tally:
        return Tally(self.created, self.updated, self.unchanged, len(self.errors))

    def refuse(self, row: int, refused: Refused) -> None:
        """Note that a row cannot be taken."""
        self.errors.append(
            RowError(row, refused.field, refused.code, refused.message, refused.hint)
        )


Planner: TypeAlias = Callable[[Sequence[Row], Work], Awaitable[Plan]]
# What a row says, by field.
Said: TypeAlias = Mapping[str, Any]


def readable(rows: Iterable[Row], work: Work, plan: Plan) -> list[tuple[Row, dict[str, Any]]]:
    """Return the rows that can be read with what they say; refuse the others."""
    found = []
    for row in rows:
        try:
            found.append((row, work.mapped.read(row, work.job.head)))
        except Refused as refused:
            plan.refuse(row.number, refused)
    return found


def required(said: Said, name: str) -> Any:
    """Return what a row must say. Raises Refused."""
    if said.get(name) is None:
        raise Refused(name, "REQUIRED", "is missing", "give it a column or a constant")
    return said[name]
