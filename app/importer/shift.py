"""The data's year moved to now, by whole weeks, so that weekdays stay weekdays."""

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

# The shops' zone. The data's timestamps are UTC: its weeks begin at 05:00, in summer at 04:00.
ZONE = ZoneInfo("America/New_York")
FIRST_DAY = date(2017, 1, 1)
LAST_DAY = date(2017, 12, 31)

_TOKEN = re.compile(
    r"""
    "(?:\\.|[^"\\\n])*"                       # text
  | \#[^\n]*                                  # a comment
  | (?<![\w-])(?P<date>\d{4}-\d{2}-\d{2})(?![\d-])
    """,
    re.VERBOSE,
)


def weeks_until(now: datetime) -> int:
    """Return the most weeks to move by so that the last full day is not after yesterday."""
    yesterday = now.astimezone(ZONE).date() - timedelta(days=1)
    return (yesterday - LAST_DAY).days // 7


def shift_rules(source: str, weeks: int) -> str:
    """Return the rules with every date moved. Texts and comments stay as they are."""

    def moved(match: re.Match[str]) -> str:
        if match["date"] is None:
            return match[0]
        try:
            return (date.fromisoformat(match["date"]) + timedelta(weeks=weeks)).isoformat()
        except (ValueError, OverflowError):
            return match[0]  # not a date: the checker says so better

    return _TOKEN.sub(moved, source)


def midnight(day: date) -> datetime:
    """Return the instant at which a day of the shops begins."""
    return datetime.combine(day, time(), ZONE)
