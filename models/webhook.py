"""Webhooks: where rules may call other systems, by name."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

# After a rotation the receiver has so long to learn the new secret: calls are signed with both.
OVERLAP = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Secret:
    """What calls are signed with. `until` is there once a newer one has taken its place."""

    value: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Known to rules by its name. While it is disabled, calls of it are skipped.

    `events` are the entries of the feed that it follows: `message.sent`, `message.*` or `*`.
    """

    name: str
    url: str
    secrets: tuple[Secret, ...]
    created_at: datetime
    enabled: bool = True
    events: tuple[str, ...] = ()
    version: int = 1

    def keys(self, now: datetime) -> tuple[str, ...]:
        """Return the secrets that calls are signed with now, the newest first."""
        return tuple(s.value for s in self.secrets if s.until is None or s.until > now)

    def rotated(self, value: str, now: datetime) -> Self:
        """Return it with a new secret; the one it had is good for a while longer."""
        kept = tuple(
            Secret(s.value, s.until or now + OVERLAP)
            for s in self.secrets
            if s.until is None or s.until > now
        )
        # Of several rotations in a row only the last two matter.
        return replace(self, secrets=(Secret(value), *kept[:1]))
