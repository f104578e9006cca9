"""The feed: everything worth telling, in one order, without a gap."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One thing that happened. `id` follows from what it is, so that telling it twice is harmless.

    `type` is a noun and a verb: "campaign.approved", "run.started", "message.sent".
    `data` holds what JSON can, and times.
    """

    id: str
    type: str
    at: datetime
    campaign_id: str | None = None
    user_id: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Numbered:
    """An entry in its place. `seq` counts from 1 without a gap and is a reader's cursor."""

    seq: int
    entry: FeedEntry


@dataclass(frozen=True, slots=True)
class Block:
    """Entries that were told together; blocks count from 1 without a gap, too."""

    number: int
    first_seq: int
    entries: tuple[FeedEntry, ...]
    made_at: datetime

    @property
    def last_seq(self) -> int:
        return self.first_seq + len(self.entries) - 1

    def after(self, seq: int) -> tuple[Numbered, ...]:
        """Return the entries of this block that come after `seq`."""
        skip = max(0, seq - self.first_seq + 1)
        return tuple(
            Numbered(self.first_seq + place, entry)
            for place, entry in enumerate(self.entries[skip:], start=skip)
        )
