"""Time zones: wall clocks to instants and back, with one answer for gaps and overlaps.

Instants are aware datetimes in UTC. Before 1900 and from 2200 on every zone counts as UTC, so that
no date however odd fails, and MongoDB can be told a zone's history as a short list of offsets.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
DAY_MS = 86_400_000

_FIRST = datetime(1900, 1, 1, tzinfo=UTC)
_LAST = datetime(2200, 1, 1, tzinfo=UTC)
_STEP = timedelta(days=5)  # no zone ever changed its offset and changed it back within this


@lru_cache(maxsize=2048)
def find_zone(name: str) -> ZoneInfo | None:
    """Return the zone of this IANA name, or None if there is none."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        # "Europe" is a directory, "../x" a forbidden key, "Europe/Berln" an unknown one.
        return None


def instant_of(local: datetime, zone: str) -> datetime:
    """Return the instant at which a zone's clocks show `local` (naive).

    A time that a clock change skips means the next valid instant, one that occurs twice the first.
    """
    moment = local.replace(tzinfo=UTC)
    info = find_zone(zone)
    if info is None or not _FIRST <= moment < _LAST:
        return moment
    before, after = (local.replace(tzinfo=info, fold=fold) for fold in (0, 1))
    first = before.astimezone(UTC)
    if first.astimezone(info).replace(tzinfo=None) == local:
        return first
    return _transition_within(info, after.astimezone(UTC), first)


def local_of(instant: datetime, zone: str) -> datetime:
    """Return what a zone's clocks show at an instant, as a naive datetime."""
    return (instant + offset_at(instant, zone)).replace(tzinfo=None)


def offset_at(instant: datetime, zone: str) -> timedelta:
    """Return how far a zone's clocks are ahead of UTC at an instant."""
    info = find_zone(zone)
    if info is None or not _FIRST <= instant < _LAST:
        return timedelta(0)
    return _offset(info, instant)


@lru_cache(maxsize=4096)
def first_instant(day: date, zone: str) -> datetime:
    """Return the first instant of a day in a zone: midnight, or what follows if it is skipped."""
    return instant_of(datetime.combine(day, time()), zone)


def to_ms(instant: datetime) -> int:
    """Return an instant as MongoDB keeps it: whole milliseconds since 1970."""
    return (instant - EPOCH) // MILLISECOND


def of_ms(ms: int) -> datetime:
    """Return the instant so many milliseconds since 1970; OverflowError outside years 1 to 9999."""
    return EPOCH + timedelta(milliseconds=ms)


@lru_cache(maxsize=64)
def offsets(zone: str) -> Sequence[tuple[int, int]]:
    """Return a zone's history as (from instant, offset), both in milliseconds, the earliest first.

    Before its first entry the offset is 0.
    """
    info = find_zone(zone)
    if info is None:
        return ()
    history: list[tuple[int, int]] = []

    def note(instant: datetime, offset: timedelta) -> None:
        ahead = offset // MILLISECOND
        if (history[-1][1] if history else 0) != ahead:
            history.append((to_ms(instant), ahead))

    earlier = _FIRST
    note(earlier, _offset(info, earlier))
    while earlier < _LAST:
        later = min(earlier + _STEP, _LAST)
        if _offset(info, earlier) != _offset(info, later):
            note(_transition_within(info, earlier, later), _offset(info, later))
        earlier = later
    note(_LAST, timedelta(0))
    return tuple(history)


def offset_ms_at(ms: int, zone: str) -> int:
    """Return a zone's offset in milliseconds, read from `offsets`: what MongoDB is told."""
    history = offsets(zone)
    index = bisect_right(history, ms, key=lambda entry: entry[0])
    return history[index - 1][1] if index else 0


def _offset(info: ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(info).utcoffset() or timedelta(0)


def _transition_within(info: ZoneInfo, earlier: datetime, later: datetime) -> datetime:
    """Return the first instant after `earlier` with the offset of `later`, to the second."""
    low, high = 0, int((later - earlier).total_seconds())
    offset = _offset(info, later)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(info, earlier + timedelta(seconds=middle)) == offset:
            high = middle
        else:
            low = middle
    return earlier + timedelta(seconds=high)
