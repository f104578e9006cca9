"""Background work on triggers that start at a time."""

from services import occurrences
from workers.deps import Deps


async def start_occurrence(deps: Deps, occurrence_id: str) -> None:
    """Plan the runs of the people whom an occurrence is for.

    Safe to run twice: one worker holds an occurrence at a time, and runs are keyed by it.
    """
    await occurrences.work(occurrence_id, deps.occasions)
