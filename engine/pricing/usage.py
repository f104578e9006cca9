"""How much of their limits and budgets promotions have used up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from dsl.clauses import Amount, Limit
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


def next_use(limit: Limit, used: Used, now: datetime, zone: str) -> datetime | None:
    """Return when a limit that leaves no use leaves one again, if time alone will bring that."""
    if limit.per != "user" or limit.within is None or used.by_user >= limit.count:
        return None
    ends = sorted(end for time in used.times if (end := add(time, limit.within, zone)) > now)
    return ends[used.by_user + len(ends) - limit.count]


def budget_left(budget: Amount | None, used: Used) -> int | None:
    """Return what is left of a budget; None if there is none."""
    return None if budget is None else max(0, budget.minor - used.spent)
