"""Events: what happened to a person, as it is told to us and as it is kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from zlib import crc32

# Visitors whom nobody knows yet: their events are kept under this, and join the user at `identify`.
VISITOR = "anonymous:"

# Triggers start only on events that are told in time.
LATEST = timedelta(hours=24)

# A user's events and runs belong to one lane, and a lane to one worker at a time.
LANES = 64


def lane_of(user_id: str) -> int:
    """Return the lane that this user's work is done in, the same everywhere and always."""
    return crc32(user_id.encode()) % LANES


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingEvent:
    """An event as a source tells it: `user` is an id or an external id, `data` is plain JSON.

    Of a visitor whom nobody knows yet there is no user, but the source's `anonymous` id.
    """

    id: str
    name: str
    user: str = ""
    anonymous: str = ""
    source: str = "api"
    at: datetime | str | None = None  # text: RFC 3339
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event as it is kept: `id` is "source|id", `data` is in stored form (dsl.kinds)."""

    id: str
    name: str
    user_id: str
    at: datetime
    received_at: datetime
    publication: int
    data: Mapping[str, Any] = field(default_factory=dict)
    synthetic: bool = False

    @property
    def lane(self) -> int:
        return lane_of(self.user_id)

    @property
    def is_anonymous(self) -> bool:
        """Whether nobody knows yet whom it happened to: nothing follows from it until then."""
        return self.user_id.startswith(VISITOR)

    def facts(self) -> dict[str, Any]:
        """Return what rules see of it."""
        return {**self.data, "time": self.at}


class Outcome(StrEnum):
    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one incoming event; of a rejected one, where it is wrong and why."""

    source: str
    id: str
    outcome: Outcome
    path: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The record of one delivery of events."""

    id: str
    received_at: datetime
    publication: int
    accepted: int
    duplicates: int
    rejected: int
