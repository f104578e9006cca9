"""Occurrences: one coming of a trigger's time, in one zone, for everyone who is there."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class OccurrenceState(StrEnum):
    PLANNED = "planned"  # its time is to come
    OPEN = "open"  # people's runs are being planned, page by page
    DONE = "done"
    MISSED = "missed"  # it came too late, or failed too often: `reason` says which


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """`local` is what the clocks of `zone` show ("2026-03-01T09:00") and `at` when they do.

    `own`: only for people whose own zone this is, else for all. Work on it is by one holder at a
    time, of the people after `after` in the order of their ids; `people` counts those found.
    `publication` is the version it is carried out by, from when it is opened.
    """

    id: str
    trigger: str
    campaign_id: str | None
    zone: str
    own: bool
    local: str
    at: datetime
    state: OccurrenceState = OccurrenceState.PLANNED
    publication: int | None = None
    opened_at: datetime | None = None
    after: str | None = None
    people: int = 0
    claims: int = 0
    reason: str = ""

    @property
    def cause(self) -> str:
        """What starts its runs: a date, so that nobody who moves to another zone starts twice."""
        return self.local[:10]


def occurrence_id(trigger: str, zone: str, own: bool, local: str) -> str:
    """Return the id of what comes once: a trigger's time, as the clocks of one zone show it.

    Clocks that show it twice make no difference: only the first time counts.
    """
    return "|".join((trigger, zone if own else f"all in {zone}", local))
