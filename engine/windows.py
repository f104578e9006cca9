"""Whether a declaration is active: its fixed windows and its recurring ones."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta

from dsl.clauses import Active, Recurring
from dsl.moment import WEEKDAYS
from dsl.zones import local_of


def is_active(windows: Sequence[Active], now: datetime, zone: str) -> bool:
    """Whether all windows hold at `now`; `zone` is the workspace's."""
    return all(_holds(window, now, zone) for window in windows)


def _holds(window: Active, now: datetime, zone: str) -> bool:
    if window.start is not None and now < window.start:
        return False
    if window.end is not None and now >= window.end:
        return False
    return window.recurring is None or recurs(window.recurring, local_of(now, window.zone or zone))


def recurs(recurring: Recurring, local: datetime) -> bool:
    """Whether a recurring window is open when the clocks show `local`."""
    start, end = time.fromisoformat(recurring.start), time.fromisoformat(recurring.end)
    clock = local.time()
    if start < end:
        return start <= clock < end and _on(recurring, local)
    # It passes midnight: the small hours belong to the day before.
    if clock >= start:
        return _on(recurring, local)
    return clock < end and _on(recurring, local - timedelta(days=1))


def _on(recurring: Recurring, day: datetime) -> bool:
    return recurring.weekday in (None, WEEKDAYS[day.weekday()])
