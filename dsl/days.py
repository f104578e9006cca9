"""The days of a zone as stretches of time that follow each other, for what is kept by the day.

A day lasts from its first instant to that of the next one. Clocks that are put back just after
midnight show the old date once more: those minutes belong to the new day, as windows have it.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from itertools import pairwise

from dsl.zones import DAY_MS, of_ms, offsets, to_ms


def day_of(instant: datetime, zone: str) -> str:
    """Return the day that an instant belongs to, as a date's stored form."""
    ms = to_ms(instant)
    return _stored((ms + _ahead(ms, zone)) // DAY_MS)


@lru_cache(maxsize=4096)
def _stored(days: int) -> str:
    """Return the date so many days since 1970."""
    return of_ms(days * DAY_MS).date().isoformat()


@lru_cache(maxsize=64)
def day_offsets(zone: str) -> Sequence[tuple[int, int]]:
    """Return dsl.zones.offsets, with clocks put back over midnight only when it is midnight again.

    With these an instant's date is the day that it belongs to.
    """
    found: list[tuple[int, int]] = []
    for (_, before), (since, ahead) in pairwise([(0, 0), *offsets(zone)]):
        midnight = (since + before) // DAY_MS * DAY_MS
        repeated = since + ahead < midnight < since + before
        found.append((midnight - ahead if repeated else since, ahead))
    return tuple(found)


def _ahead(ms: int, zone: str) -> int:
    history = day_offsets(zone)
    index = bisect_right(history, (ms, DAY_MS))  # no zone is a day ahead
    return history[index - 1][1] if index else 0
