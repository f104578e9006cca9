"""How much marketing a person gets, whichever campaigns want to send it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """At most so many messages to one person in so many days, on a channel or, if None, on all."""

    most: int
    days: int
    channel: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Messaging:
    """The workspace's policy. `holdout` is the percentage of people who never get marketing."""

    caps: tuple[Cap, ...] = ()
    holdout: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Sent:
    """A marketing message that counts against the caps, as of a moment."""

    id: str
    channel: str
    at: datetime


def has_room(caps: Iterable[Cap], sent: Sequence[Sent], channel: str, now: datetime) -> bool:
    """Whether one more message on a channel is within these caps, after those that were sent."""
    return all(
        sum(
            each.at > now - timedelta(days=cap.days) and cap.channel in (None, each.channel)
            for each in sent
        )
        < cap.most
        for cap in caps
        if cap.channel in (None, channel)
    )


class Bar(StrEnum):
    """Why an address is on the suppression list."""

    BOUNCE = "bounce"  # nothing gets through: nothing is sent
    COMPLAINT = "complaint"  # called spam: no marketing is sent
    MANUAL = "manual"  # the same, by hand


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """What a provider tells of a message that it had taken. `id` is the provider's."""

    id: str
    channel: str
    address: str
    complaint: bool
    permanent: bool
    at: datetime
    message_id: str = ""
    reason: str = ""
