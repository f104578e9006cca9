"""A signed-in session: a family of refresh tokens, of which only the newest is good."""

from dataclasses import dataclass
from datetime import datetime, timedelta

# A client whose answer got lost may present the token before the newest for this long.
GRACE = timedelta(seconds=10)
LIFETIME = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """`generation` counts rotations; tokens are derived from `salt` and never kept.

    `client` is what the program that opened it calls itself.
    """

    id: str
    user_id: str
    salt: str
    created_at: datetime
    expires_at: datetime
    rotated_at: datetime
    generation: int = 1
    client: str = ""
    revoked_at: datetime | None = None

    def is_live(self, now: datetime) -> bool:
        """Whether the session still counts at `now`."""
        return self.revoked_at is None and now < self.expires_at


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a client holds: a short-lived access token and the refresh token that renews it."""

    access_token: str
    refresh_token: str
    expires_at: datetime
