"""Forgetting a person: a piece of work that goes through everything that is kept, twice."""

from dataclasses import dataclass
from datetime import datetime, timedelta

PASSES = 2
# Whoever was at work on a person when they went has ended by then; what they wrote goes, too.
PAUSE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """`passes` are over; `steps` are the collections that the present one has done.

    `waits_for` are audiences whose platforms have not been told yet. `next_at` is None once all is
    done, at `done_at`.
    """

    user_id: str
    asked_at: datetime
    next_at: datetime | None
    passes: int = 0
    steps: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()
    done_at: datetime | None = None
