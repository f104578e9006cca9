"""When something is active: windows in time, once or every week."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from dsl import Moment
from dsl.clauses import Active, Recurring
from dsl.zones import instant_of, local_of

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def is_active(windows: Sequence[Active], moment: Moment) -> bool:
    """Say whether all windows are open now; none at all means always."""
    return all(_is_open(window, moment) for window in windows)


def _is_open(window: Active, moment: Moment) -> bool:
    now = moment.now
    if window.start is not None and now < window.start:
        return False
    if window.end is not None and now >= window.end:
        return False
    if window.recurring is None:
        return True
    return _recurs(window.recurring, now, window.zone or moment.program.zone)


def _recurs(recurring: Recurring, now: datetime, zone: str) -> bool:
    today = local_of(now, zone).date()
    # A window that passes midnight belongs to the day on which it begins.
    return any(_contains(recurring, day, now, zone) for day in (today, today - timedelta(days=1)))


def _contains(recurring: Recurring, day: date, now: datetime, zone: str) -> bool:
    if recurring.weekday not in (None, WEEKDAYS[day.weekday()]):
        return False
    opens, closes = time.fromisoformat(recurring.start), time.fromisoformat(recurring.end)
    last = day + timedelta(days=1) if closes <= opens else day
    start = instant_of(datetime.combine(day, opens), zone)
    return start <= now < instant_of(datetime.combine(last, closes), zone)
