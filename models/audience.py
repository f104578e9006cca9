"""Audiences: segments as an advertising platform knows them, by hashed e-mail addresses."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Follows a segment. One that is `leaving` is emptied over there, then forgotten.

    `next_at` (wall time) is when it is to be brought up to date, if it is `enabled`, `failures` how
    often that went wrong in a row and `reason` why, `deaths` how many workers died with it since it
    last came to an end, `members` how many the platform has been told of.

    `number` is that of the segment's filling that was gone through last, person by person, at
    `walked_at` (wall time); of what has moved since, all until `seen_at` (the database's time) has
    been told. `asked` are people to look at who are no longer there to have moved.
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
    deaths: int = 0
    reason: str = ""
    synced_at: datetime | None = None
    members: int = 0
    number: int | None = None
    walked_at: datetime | None = None
    seen_at: datetime | None = None
    asked: tuple[str, ...] = ()

    def is_due(self, wall: datetime) -> bool:
        """Whether it is to be brought up to date."""
        return self.enabled and self.next_at <= wall


@dataclass(frozen=True, slots=True)
class Shown:
    """Someone whom the platform has been told of, by what it knows of them."""

    user_id: str
    hashed: str
