"""A signed-in session: a family of refresh tokens, of which only the newest is good."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Only hashes of refresh tokens are kept. `generation` counts the rotations."""

    id: str
    user_id: str
    created_at: datetime
    expires_at: datetime
    token_hash: str
    generation: int = 1
    rotated_at: datetime | None = None
    previous_hash: str | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a client holds: a short-lived access token and the refresh token that renews it."""

    access_token: str
    refresh_token: str
    expires_at: datetime
