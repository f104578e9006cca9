"""The moment for which an expression is judged: now, the zone whose days count, and the program."""

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import assert_never

from dsl.clauses import Length
from dsl.core import Ever, Last, Since, This, Window
from dsl.program import Program, Segment
from dsl.zones import MILLISECOND, first_instant, instant_of, local_of

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_SECONDS = {"minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}


@dataclass(frozen=True)
class Moment:
    """`now` is kept to the millisecond, as MongoDB keeps every instant."""

    now: datetime
    zone: str
    program: Program = field(default=Program(), compare=False, repr=False)
    # Instants that windows and comparisons ask for again and again.
    _starts: dict[Window, datetime | None] = field(default_factory=dict, compare=False, repr=False)
    # The same for compiled code, under names that are quick to look up.
    starts: dict[str, datetime] = field(default_factory=dict, compare=False, repr=False)
    # The first days of windows, as buckets are named (dsl.measures).
    first_days: dict[Window | None, str] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        now = self.now.replace(tzinfo=UTC) if self.now.tzinfo is None else self.now.astimezone(UTC)
        object.__setattr__(self, "now", now - timedelta(microseconds=now.microsecond % 1000))

    @cached_property
    def today(self) -> date:
        """Today's date in the moment's zone."""
        return local_of(self.now, self.zone).date()

    @cached_property
    def end(self) -> datetime:
        """The first instant after now: time is whole milliseconds."""
        return self.now + MILLISECOND

    @cached_property
    def in_workspace(self) -> "Moment":
        """The same moment for segments, which are always judged in the workspace's zone."""
        return self if self.zone == self.program.zone else self.in_zone(self.program.zone)

    @property
    def segments(self) -> Mapping[str, Segment]:
        return self.program.segments

    def in_zone(self, zone: str) -> "Moment":
        """Return the same instant seen in another zone."""
        return Moment(self.now, zone, self.program)

    def start_of(self, window: Window) -> datetime | None:
        """Return a window's first instant (inclusive; it always ends at `now`), None for `ever`."""
        try:
            return self._starts[window]
        except KeyError:
            pass
        try:
            start = self._start_of(window)
        except OverflowError:
            start = None  # it reaches back beyond the calendar
        self._starts[window] = start
        return start

    def _start_of(self, window: Window) -> datetime | None:
        match window:
            case Ever():
                return None
            case Since(day):
                return first_instant(date.fromisoformat(day), self.zone)
            case Last(count, unit) if unit in ("minute", "hour"):
                # (now − D, now]: exclusive, and time is whole milliseconds.
                return self.now - timedelta(seconds=count * _SECONDS[unit]) + MILLISECOND
            case Last(count, unit):
                return first_instant(first_day_of_last(count, unit, self.today), self.zone)
            case This(unit):
                return first_instant(first_day_of(unit, self.today), self.zone)
            case _:
                assert_never(window)

    def first_instant(self, day: date) -> datetime:
        """Return the first instant of a day in the moment's zone."""
        return first_instant(day, self.zone)

    def local(self, instant: datetime) -> datetime:
        """Return what the clocks of the moment's zone show at an instant, naive."""
        return local_of(instant, self.zone)

    def days_until(self, day: date) -> int:
        """Return the days to the next yearly anniversary of `day`; 0 is today."""
        ahead = anniversary(day, self.today.year)
        if ahead < self.today:
            ahead = anniversary(day, self.today.year + 1)
        return (ahead - self.today).days

    def years_since(self, day: date) -> int:
        """Return how many yearly anniversaries of `day` have passed; negative for a day to come."""
        return self.today.year - day.year - (self.today < anniversary(day, self.today.year))

    def days_since(self, day: date) -> int:
        """Return the calendar days from `day` to today."""
        return (self.today - day).days


def first_day_of_last(count: int, unit: str, today: date) -> date:
    """Return the first of the days of `last N days|weeks|months|years`, today being the last."""
    match unit:
        case "day":
            return today - timedelta(days=count - 1)
        case "week":
            return today - timedelta(days=7 * count - 1)
        case "month":
            return add_months(today, -count) + timedelta(days=1)
        case _:
            return add_months(today, -12 * count) + timedelta(days=1)


def first_day_of(unit: str, today: date) -> date:
    """Return the first day of `this day|week|month|year`; weeks start on Monday."""
    match unit:
        case "day":
            return today
        case "week":
            return today - timedelta(days=today.weekday())
        case "month":
            return today.replace(day=1)
        case _:
            return today.replace(month=1, day=1)


def anniversary(day: date, year: int) -> date:
    """Return a day's anniversary in a year: 29 February falls on the 28th in common years."""
    return day.replace(year=year, day=min(day.day, monthrange(year, day.month)[1]))


def add_months(day: date, months: int) -> date:
    """Move a day by months, to the last day of a month that is too short for it."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        raise OverflowError("no such year")
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def seconds_of(length: Length) -> int | None:
    """Return a length in seconds, or None for months and years, which the calendar decides."""
    unit = _SECONDS.get(length.unit)
    return None if unit is None else length.count * unit


def months_of(length: Length) -> int:
    """Return a length of months or years in months."""
    return length.count * (12 if length.unit == "year" else 1)


def add(instant: datetime, length: Length, zone: str) -> datetime:
    """Add a length to an instant: exact time, but months and years by the calendar of `zone`."""
    seconds = seconds_of(length)
    if seconds is not None:
        return instant + timedelta(seconds=seconds)
    local = local_of(instant, zone)
    day = add_months(local.date(), months_of(length))
    return instant_of(datetime.combine(day, local.time()), zone)


def add_to_date(day: date, length: Length) -> date:
    """Add a length to a date; of minutes and hours only whole days count."""
    seconds = seconds_of(length)
    if seconds is not None:
        return day + timedelta(days=seconds // 86_400)
    return add_months(day, months_of(length))


def next_clock(after: datetime, at: str, zone: str, weekday: str | None = None) -> datetime:
    """Return the first instant strictly after `after` at which clocks show `at` ("HH:MM").

    With a weekday, on such a day. Where a clock change skips the time, the next valid instant.
    """
    clock = time.fromisoformat(at)
    day = local_of(after, zone).date() - timedelta(days=1)
    while True:
        instant = instant_of(datetime.combine(day, clock), zone)
        if instant > after and weekday in (None, WEEKDAYS[day.weekday()]):
            return instant
        day += timedelta(days=1)
