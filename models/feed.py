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


# All that is told, by noun: docs/feed.md says what each is.
KINDS: Mapping[str, tuple[str, ...]] = {
    "alert": (
        "event_set_aside",
        "person_set_aside",
        "run_set_aside",
        "message_set_aside",
        "call_set_aside",
        "letter_set_aside",
        "delivery_set_aside",
        "audience_set_aside",
    ),
    "budget": ("exhausted",),
    "call": ("sent", "failed", "skipped", "unknown"),
    "campaign": (
        "created",
        "submitted",
        "approved",
        "rejected",
        "reopened",
        "revised",
        "scheduled",
        "publication_failed",
        "published",
        "rolled_back",
        "paused",
        "resumed",
        "kept",
        "ended",
        "archived",
    ),
    "claim": ("held", "sold", "released"),
    "code": ("granted", "redeemed"),
    "consent": ("withdrawn",),
    "draw": ("opened", "closed", "waiting", "drawn"),
    "group": ("opened", "joined", "completed", "failed", "fulfilled", "refunded"),
    "limit": ("reached",),
    "message": (
        "sent",
        "failed",
        "skipped",
        "unknown",
        "bounced",
        "complained",
        "opened",
        "clicked",
    ),
    "order": ("placed", "returned", "cancelled"),
    "points": (
        "earned",
        "awarded",
        "taken_back",
        "expired",
        "redeemed",
        "entered",
        "given_back",
    ),
    "prize": ("won",),
    "run": ("started", "split", "converted", "ended"),
    "segment": ("entered", "left", "filled"),
    "server": ("away", "back"),
    "stock": ("sold_out", "available"),
    "tier": ("changed",),
    "trigger": ("occurred", "missed"),
    "webhook": ("disabled", "missed"),
}


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
