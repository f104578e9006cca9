"""A single-use code: what it opens, for whom and until when."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """`user_id` is the only one who can use it, None: whoever has it. `order` is who used it."""

    code: str
    promotion: str
    made_at: datetime
    user_id: str | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    order: str | None = None
    batch: str | None = None

    @property
    def key(self) -> str:
        """Return it as it is compared."""
        return self.code.lower()

    def opens_for(self, user_id: str | None, now: datetime) -> bool:
        """Whether this buyer could use it now."""
        return (
            self.order is None
            and self.revoked_at is None
            and (self.expires_at is None or now < self.expires_at)
            and self.user_id in (None, user_id)
        )
