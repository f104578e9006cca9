"""How much of their limits and budgets promotions have used up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from dsl.clauses import Limit
from dsl.moment import add


@dataclass(frozen=True, slots=True)
class Used:
    """Uses of a promotion: by the buyer, at known times or not, by everyone; the money it saved.

    A use whose time is not known counts against every limit per user.
    """

    by_user: int = 0
    times: Sequence[datetime] = ()
    total: int = 0
    spent: int = 0


UNUSED = Used()

# By name of promotion; a campaign's budget is spent under the campaign's name.
Usage: TypeAlias = Mapping[str, Used]


def used_up(limit: Limit, used: Used, now: datetime, zone: str) -> bool:
    """Say whether a limit leaves no use."""
    return uses_counted(limit, used, now, zone) >= limit.count


def uses_counted(limit: Limit, used: Used, now: datetime, zone: str) -> int:
    """Return the uses that count against a limit: with a length of time, those within it."""
    if limit.per != "user":
        return used.total
    length = limit.within
    if length is None:
        return used.by_user + len(used.times)
    return used.by_user + sum(add(time, length, zone) > now for time in used.times)
