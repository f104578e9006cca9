"""Buckets: what measures keep of each day, and aggregates read from them.

A bucket is made of all events of its day, so it can only be read once that day is over. Facts that
hold measures therefore hold the events of the last days too, since an instant at which a day began:

    ── buckets, a value a day ──┤ until ├── events, one by one ──► now

An aggregate read from both is exactly what it would be, read from all events.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from itertools import accumulate
from typing import Any, Final

from dsl.aggregates import average_of, elements_of, grouped, sum_of, total_of
from dsl.core import Aggregate
from dsl.days import day_of
from dsl.measures import Measure, first_day, is_zoned, measures_of
from dsl.moment import Moment
from dsl.values import MISSING, integer, read, walk
from dsl.zones import first_instant

# A day's set of more values than this is not kept.
MOST_VALUES = 200
MOST_TEXT = 10_000  # characters, of all of them
# The sum of a day on which a value is too large to be added up.
TOO_LARGE: Final = math.nan

Test = Callable[[Any], bool]


class Measured:
    """A person's measures, for moments not before an instant.

    `buckets` holds, by measure and day, those that are not empty; `live` are the measures that are
    complete. Events since `until` must be among the facts.
    """

    def __init__(
        self,
        buckets: Mapping[str, Mapping[str, Any]],
        live: frozenset[str],
        *,
        since: datetime,
        zone: str,
    ) -> None:
        self.live = live
        self._buckets = buckets
        self._zone = zone
        self._end = day_of(since, zone)
        self.until = first_instant(date.fromisoformat(self._end), zone)
        self._read: dict[str, _Series] = {}

    def covers(self, aggregate: Aggregate, measures: Sequence[Measure], moment: Moment) -> bool:
        """Whether an aggregate, of which these are the measures, can be read here."""
        if not measures:
            return False
        for measure in measures:  # a loop, as this is asked for every aggregate of everybody
            if measure.id not in self.live or measure.zone != self._zone:
                return False
        if moment.now < self.until:
            # Some of the events would be neither in the buckets nor among the facts.
            raise LookupError(f"facts of {self.until} and later are asked about {moment.now}")
        return moment.zone == self._zone or not is_zoned(aggregate)

    def series(self, measure: Measure) -> "_Series":
        """Return a measure's days, in order."""
        found = self._read.get(measure.id)
        if found is None:
            found = _Series(self._buckets.get(measure.id, {}), self._end)
            self._read[measure.id] = found
        return found


class _Series:
    """What a measure has kept, by day, the earliest first."""

    def __init__(self, buckets: Mapping[str, Any], end: str) -> None:
        self._days = sorted(buckets)
        # Days that are not over count by their events.
        del self._days[bisect_left(self._days, end) :]
        self._values = [buckets[day] for day in self._days]
        self._sums: list[Any] | None = None

    def since(self, day: str) -> list[Any]:
        """Return the values of the days since one."""
        return self._values[bisect_left(self._days, day) :]

    def first(self, day: str) -> str | None:
        """Return the first day since one on which there is something."""
        return next(iter(self._days[bisect_left(self._days, day) :]), None)

    def total(self, day: str) -> Any:
        """Return what the days since one come to; MISSING if one of them is too large."""
        if not self._days:
            return 0
        if self._sums is None:
            # What is too large comes last in no order: then there is nothing to subtract from.
            whole = all(isinstance(value, int) for value in self._values)
            self._sums = [0, *accumulate(self._values)] if whole else []
        if self._sums:
            return self._sums[-1] - self._sums[bisect_left(self._days, day)]
        values = self.since(day)
        return sum(values) if all(isinstance(value, int) for value in values) else MISSING


def read_aggregate(
    aggregate: Aggregate, known: Measured, base: Any, moment: Moment, test: Test | None
) -> Any:
    """Return an aggregate's value from buckets, and from the events since; None if it cannot be.

    `base` holds the events; `test` is the aggregate's filter.
    """
    measures = measures_of(aggregate, moment.program)
    if not known.covers(aggregate, measures, moment):
        return None
    return of_measures(aggregate, measures, known, base, moment, test)


def first_kept(aggregate: Aggregate, known: Measured, moment: Moment) -> datetime | None:
    """Return the beginning of the first day of an aggregate's window that buckets tell of.

    None also where the aggregate cannot be read from buckets: then all its events are there.
    """
    measures = measures_of(aggregate, moment.program)
    if not known.covers(aggregate, measures, moment):
        return None
    # Of sums those of zero are not kept, and make no difference.
    day = known.series(measures[-1]).first(first_day(aggregate, moment))
    return None if day is None else first_instant(date.fromisoformat(day), measures[-1].zone)


def of_measures(
    aggregate: Aggregate,
    measures: Sequence[Measure],
    known: Measured,
    base: Any,
    moment: Moment,
    test: Test | None,
) -> Any:
    """Return an aggregate's value from the measures that cover it, and from the events since."""
    start = first_day(aggregate, moment)
    groups = elements_of(aggregate, base, moment, since=known.until)
    if test is not None:
        groups = [[one for one in group if test(one)] for group in groups]
    series = [known.series(measure) for measure in measures]
    function, kind = aggregate.function, measures[0].kind
    if function in ("count", "any"):
        count = series[0].total(start) + sum(map(len, groups))
        return count > 0 if function == "any" else count
    values = [_values(measures[0], group) for group in groups]
    match function:
        case "sum":
            return sum_of(_add(series[0].total(start), total_of(values, kind)), kind)
        case "avg":
            total = _add(series[0].total(start), total_of(values, kind))
            return average_of(total, series[1].total(start) + sum(map(len, values)), kind)
    later = [value for group in values for value in group]
    before = series[0].since(start)
    match function:
        case "distinct":
            return len({*later, *(value for day in before for value in day)})
        case "min":
            return min((*before, *later), default=MISSING)
        case "max":
            return max((*before, *later), default=MISSING)
        case "latest":
            return (later or before or [MISSING])[-1]
        case _:
            return (before or later or [MISSING])[0]


def fold(
    measure: Measure, events: Sequence[Mapping[str, Any]], judge: Callable[[Any], bool]
) -> dict[str, Any]:
    """Return a measure's buckets from all of a person's events of its name, oldest first.

    `judge` is the measure's filter. What MongoDB makes of the same events is the same.
    """
    days: dict[str, list[Mapping[str, Any]]] = {}
    for event in events:
        days.setdefault(day_of(event["time"], measure.zone), []).append(event)
    folded = {day: fold_day(measure, those, judge) for day, those in days.items()}
    return {day: value for day, value in folded.items() if value is not None}


def fold_day(
    measure: Measure, events: Sequence[Mapping[str, Any]], judge: Callable[[Any], bool]
) -> Any:
    """Return a measure's bucket of one day from all of its events, None if there is nothing."""
    value = _folded(measure, events, judge)
    return None if value is MISSING else value


def fits(slot: str, value: Any) -> bool:
    """Whether a bucket can be kept: a day's sum may be too large, or its set."""
    match slot:
        case "sum":
            return not isinstance(value, float) or math.isnan(value)
        case "set":
            length = sum(len(one) for one in value if isinstance(one, str))
            return len(value) <= MOST_VALUES and length <= MOST_TEXT
        case _:
            return True


def _values(measure: Measure, elements: Sequence[Any]) -> list[Any]:
    found = (read(walk(one, measure.value), measure.kind) for one in elements)
    return [value for value in found if value is not MISSING]


def _add(one: Any, other: Any) -> Any:
    return MISSING if one is MISSING or other is MISSING else one + other


def _folded(
    measure: Measure, events: Sequence[Mapping[str, Any]], judge: Callable[[Any], bool]
) -> Any:
    """Return what a measure keeps of a day, MISSING if that is nothing."""
    nested = measure.source.nested
    groups = [
        [one for one in group if judge(one)] for group in grouped(events, nested, measure.element)
    ]
    if measure.slot == "count":
        return sum(map(len, groups)) or MISSING
    values = [_values(measure, group) for group in groups]
    flat = [value for group in values for value in group]
    if not flat:
        return MISSING
    if measure.slot == "sum":
        total = total_of(values, measure.kind)
        if total is MISSING:
            return TOO_LARGE
        if total == 0:
            return MISSING
        return total if integer(total) is not MISSING else float(total)
    return _KEPT[measure.slot](flat)


_KEPT: Mapping[str, Callable[[list[Any]], Any]] = {
    "known": len,
    "low": min,
    "high": max,
    "set": lambda values: list(dict.fromkeys(values)),
    "first": lambda values: values[0],
    "last": lambda values: values[-1],
}
