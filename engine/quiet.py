"""Quiet hours: when a trigger's messages have to wait."""

from datetime import datetime

from dsl.clauses import Recurring
from dsl.moment import next_clock
from dsl.triggers import Send, Trigger
from dsl.zones import local_of
from engine.windows import recurs


def end_of_quiet(trigger: Trigger, step: Send, now: datetime, zone: str) -> datetime | None:
    """Return when the quiet hours end that a send falls into; `zone` is the user's."""
    if trigger.quiet is None or step.transactional:
        return None
    start, end = trigger.quiet
    if not recurs(Recurring(None, start, end), local_of(now, zone)):
        return None
    return next_clock(now, end, zone)
