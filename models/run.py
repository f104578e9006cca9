"""Runs: one person's journey through one trigger."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

from models.effect import Effect
from models.event import lane_of
from models.experiment import Dealt


class RunState(StrEnum):
    PLANNED = "planned"  # it may start at `due_at`: conditions and limits are judged then
    WAITING = "waiting"
    DONE = "done"  # it reached the end of its steps
    ENDED = "ended"  # something ended it before: `reason` says what


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """`position` is the step it waits at since `since`, until `due_at` or an event of `waits_for`.

    `acted` says whether it has done anything to the user, `counted` whether it holds a place of the
    trigger's total limit; `event` is the event that started it (empty: none did), `bound` those it
    waited for, as rules see them, `granted` the codes it gave, by promotion, and `arms` those of
    splits that the user was dealt on it, of a holdout too. `unsettled` is what the last move
    decided that may not have been carried over to the other stores yet. `goal_until` is until when
    its trigger's goal counts, `converted_at` when it was reached; `version` counts moves.
    """

    id: str
    trigger: str
    user_id: str
    campaign_id: str | None
    publication: int
    started_by: str
    started_at: datetime
    event: Mapping[str, Any] = field(default_factory=dict)
    bound: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    granted: Mapping[str, str] = field(default_factory=dict)
    arms: tuple[Dealt, ...] = ()
    state: RunState = RunState.WAITING
    position: str | None = None
    since: datetime | None = None
    due_at: datetime | None = None
    waits_for: tuple[str, ...] = ()
    acted: bool = False
    counted: bool = False
    goal_until: datetime | None = None
    converted_at: datetime | None = None
    ended_at: datetime | None = None
    reason: str = ""
    unsettled: tuple[Effect, ...] | None = None
    version: int = 0

    @property
    def lane(self) -> int:
        return lane_of(self.user_id)

    @property
    def spares_its_place(self) -> bool:
        """Whether it is over and did not use the place of the total limit that it holds."""
        return self.counted and not self.acted and self.state is not RunState.WAITING

    def under_way(self, at: datetime) -> bool:
        """Whether the run was between its start and its end at a time."""
        if self.state is RunState.PLANNED:
            return False
        return self.started_at <= at and (self.ended_at is None or self.ended_at > at)


def run_id(trigger: str, cause: str) -> str:
    """Return the id of the run that `cause` starts: the same cause never starts a second one."""
    return sha256(f"{trigger}\n{cause}".encode()).hexdigest()[:32]
