"""Audiences: segments as an advertising platform knows them, by hashed e-mail addresses."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Follows a segment. One that is `leaving` is emptied over there, then forgotten.

    `next_at` (wall time) is when it is to be brought up to date, `failures` how often that went
    wrong in a row and `reason` why, `members` how many the platform has been told of.
    """

    name: str
    segment: str
    url: str
    token: str
    created_at: datetime
    next_at: datetime
    enabled: bool = True
    leaving: bool = False
    failures: int = 0
    reason: str = ""
    synced_at: datetime | None = None
    members: int = 0


@dataclass(frozen=True, slots=True)
class Shown:
    """Someone whom the platform has been told of, by what it knows of them."""

    user_id: str
    hashed: str
