"""API keys: how other systems ask in the shop's name, each for what it is there for."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

PREFIX = "fanfare_"


class Scope(StrEnum):
    """What a key may be used for. A field that names none of these is not for keys."""

    BOUNCES = "bounces"
    EVENTS = "events"
    EXPORTS = "exports"
    FEED = "feed"
    IMPORTS = "imports"
    ORDERS = "orders"
    PEOPLE = "people"
    PERSONAL = "personal"
    PRICES = "prices"
    PRODUCTS = "products"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """`hashed` is the SHA-256 of its secret part, which is kept nowhere.

    With a `request`, who asked and by which key of theirs, `salt` is what the secret part is made
    of together with the server's own, so that it can be shown again.
    """

    id: str
    name: str
    scopes: frozenset[Scope]
    hashed: str
    made_by: str
    made_at: datetime
    expires_at: datetime | None = None
    request: str | None = None
    salt: str | None = None
    revoked_at: datetime | None = None

    def is_live(self, now: datetime) -> bool:
        """Whether the key still counts at `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)
