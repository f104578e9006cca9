"""Deliveries: entries of the feed on their way to a webhook that follows it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from models.feed import FeedEntry

# How long to wait after the first failure, the second, …; after the last the webhook is disabled.
PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)


class DeliveryState(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """`seq` is the entry's place in the feed, 0 for a ping. `next_at` is there while it waits.

    `failures` counts tries that did not succeed, `tries` all that were begun, `deaths` workers that
    stopped while they had it.
    """

    id: str
    webhook: str
    seq: int
    entry: FeedEntry
    made_at: datetime
    state: DeliveryState = DeliveryState.WAITING
    next_at: datetime | None = None
    tries: int = 0
    failures: int = 0
    deaths: int = 0
    reason: str = ""
    done_at: datetime | None = None


def delivery_id(webhook: str, seq: int) -> str:
    """Return what an entry's delivery to a webhook is known by."""
    return f"{webhook}|{seq:012}"


def wants(patterns: tuple[str, ...], type: str) -> bool:
    """Whether an entry of this type is wanted: `message.sent`, `message.*` or `*` say so."""
    noun = type.partition(".")[0]
    return any(pattern in ("*", type, f"{noun}.*") for pattern in patterns)
