"""When something is active, in words: how long it takes until then, or lasts."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from dsl import Moment
from dsl.clauses import Active, Recurring
from dsl.explanation.wording import in_words, length_of
from dsl.kinds import TIMESTAMP
from dsl.moment import next_clock
from engine.explaining.account import Clause
from engine.schedule import is_active


def windows(active: Sequence[Active], moment: Moment) -> Iterator[Clause]:
    """Yield a clause for each window that must be open."""
    for window in active:
        opened = is_active((window,), moment)
        yield Clause("active", opened, _text(window, moment), _change(window, moment))


def _text(window: Active, moment: Moment) -> str:
    zone = window.zone or moment.program.zone
    words = []
    if window.start is not None:
        words.append(f"from {in_words(window.start, TIMESTAMP, zone=zone)}")
    if window.end is not None:
        words.append(f"to {in_words(window.end, TIMESTAMP, zone=zone)}")
    if window.recurring is not None:
        words.append(f"{_recurring(window.recurring)} in {zone}")
    return " ".join(words)


def _recurring(recurring: Recurring) -> str:
    return f"every {recurring.weekday or 'day'} {recurring.start} to {recurring.end}"


def _change(window: Active, moment: Moment) -> str:
    now = moment.now
    if window.start is not None and now < window.start:
        return f"{_between(now, window.start)} too early"
    if window.end is not None and now >= window.end:
        return f"{_between(window.end, now)} too late"
    if not is_active((window,), moment):
        assert window.recurring is not None
        zone = window.zone or moment.program.zone
        opens = next_clock(now, window.recurring.start, zone, window.recurring.weekday)
        return f"{_between(now, opens)} too early"
    return f"ends in {_between(now, window.end)}" if window.end is not None else ""


def _between(earlier: datetime, later: datetime) -> str:
    return length_of((later - earlier).total_seconds())
