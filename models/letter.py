"""Letters: mail about an account, with a link that can be used once and for a while."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Purpose(StrEnum):
    """What the link in a letter is good for."""

    RESET = "reset"
    VERIFY = "verify"


LIFETIMES = {Purpose.RESET: timedelta(hours=1), Purpose.VERIFY: timedelta(days=3)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """`user_id` is None for an address that is nobody's: such a letter is written and not sent.

    What proves that one has it is derived from its id and never kept.
    """

    id: str
    purpose: Purpose
    email: str
    user_id: str | None
    made_at: datetime
    expires_at: datetime
    tries: int = 0
