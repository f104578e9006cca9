"""When something is active: windows in time, once or every week."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta

from dsl import Moment
from dsl.clauses import Active, Recurring
from dsl.zones import instant_of, local_of

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def is_active(windows: Sequence[Active], moment: Moment) -> bool:
    """Say whether all windows are open now; none at all means always."""
    return all(_is_open(window, moment) for window in windows)


def ends(windows: Sequence[Active], moment: Moment) -> datetime | None:
    """Return when what is active now stops to be, at least for a while; None: never."""
    ends = (_closes(window, moment) for window in windows)
    return min((end for end in ends if end is not None), default=None)


def _closes(window: Active, moment: Moment) -> datetime | None:
    if window.recurring is None:
        return window.end
    zone = window.zone or moment.program.zone
    closes = [end for start, end in _occurrences(window.recurring, moment.now, zone)]
    return min([*closes, *([] if window.end is None else [window.end])], default=None)


def why_not(windows: Sequence[Active], moment: Moment) -> str:
    """Return what is so instead where not all windows are open now: "begins on …"."""
    shut = next(window for window in windows if not _is_open(window, moment))
    zone = shut.zone or moment.program.zone
    if shut.start is not None and moment.now < shut.start:
        return f"begins on {_spelled(shut.start, zone)}"
    if shut.end is not None and moment.now >= shut.end:
        return f"was over on {_spelled(shut.end, zone)}"
    assert shut.recurring is not None  # or it would be open
    day = shut.recurring.weekday or "day"
    return f"is on every {day} from {shut.recurring.start} to {shut.recurring.end} ({zone}) only"


def _spelled(at: datetime, zone: str) -> str:
    return f"{local_of(at, zone):%Y-%m-%d at %H:%M} ({zone})"


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
    return any(True for _ in _occurrences(recurring, now, zone))


def _occurrences(
    recurring: Recurring, now: datetime, zone: str
) -> Iterator[tuple[datetime, datetime]]:
    """Yield when what is open now opened, and when it closes."""
    today = local_of(now, zone).date()
    # A window that passes midnight belongs to the day on which it begins.
    for day in (today, today - timedelta(days=1)):
        if recurring.weekday in (None, WEEKDAYS[day.weekday()]):
            start, end = _window(recurring, day, zone)
            if start <= now < end:
                yield start, end


def _window(recurring: Recurring, day: date, zone: str) -> tuple[datetime, datetime]:
    opens, closes = time.fromisoformat(recurring.start), time.fromisoformat(recurring.end)
    last = day + timedelta(days=1) if closes <= opens else day
    start = instant_of(datetime.combine(day, opens), zone)
    return start, instant_of(datetime.combine(last, closes), zone)
