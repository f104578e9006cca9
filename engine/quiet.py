"""Quiet hours: when a trigger's messages have to wait."""

from datetime import datetime

from dsl import Moment
from dsl.clauses import Active, Recurring
from dsl.moment import next_clock
from dsl.triggers import Send, Trigger
from engine.schedule import is_active


def end_of_quiet(trigger: Trigger, step: Send, moment: Moment, zone: str) -> datetime | None:
    """Return when the quiet hours end that a send falls into; `zone` is the user's."""
    if trigger.quiet is None or step.transactional:
        return None
    start, end = trigger.quiet
    quiet = Active(recurring=Recurring(None, start, end), zone=zone)
    return next_clock(moment.now, end, zone) if is_active((quiet,), moment) else None
