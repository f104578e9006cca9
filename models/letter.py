"""Letters: mail about an account, with a link that can be used once and for a while."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Purpose(StrEnum):
    """What the link in a letter is good for."""

    JOIN = "join"
    RESET = "reset"
    VERIFY = "verify"


LIFETIMES = {
    Purpose.JOIN: timedelta(days=3),
    Purpose.RESET: timedelta(hours=1),
    Purpose.VERIFY: timedelta(days=3),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """`user_id` is None for an address that is nobody's: such a letter is written and not sent.

    One to join is written to any address, with the `name` that an account is to be made of; who
    delivers it sees whether there is one. `deaths` counts workers that stopped while they had it.
    What proves that one has a letter is derived from its id and never kept.
    """

    id: str
    purpose: Purpose
    email: str
    user_id: str | None
    made_at: datetime
    expires_at: datetime
    tries: int = 0
    deaths: int = 0
    name: str = ""
