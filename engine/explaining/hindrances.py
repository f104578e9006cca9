"""What keeps a trigger from starting a person, or its messages from them, beside its conditions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from dsl import Moment
from dsl.clauses import Limit
from dsl.explanation.wording import in_words
from dsl.kinds import TIMESTAMP
from dsl.moment import add
from dsl.triggers import If, Send, Split, Step, Trigger, WaitFor
from engine.explaining.account import Clause
from engine.starting import admit, used_up_by
from models.event import LATEST, Event
from models.run import Run

_REASONS = {
    "no_address": "nothing is known of where to reach them",
    "no_consent": "they have not agreed to it",
    "topic_refused": "they have refused the topic",
    "suppressed": "the address bounced, or its owner complained",
    "holdout": "they are one of those who never get marketing",
    "capped": "it would be one too many",
}


def hindrances(
    trigger: Trigger,
    earlier: Sequence[Run],
    moment: Moment,
    *,
    taken: int,
    refused: Mapping[Send, str],
) -> Iterator[Clause]:
    """Yield what a user's earlier runs, the total limit and consent say of a start now.

    `taken` is how many the total limit has let in, `refused` why a send would be skipped.
    """
    yield from _reenter(trigger, earlier, moment)
    replaced = admit(trigger, earlier, moment.now, moment.zone).replaces
    heir = any(run.counted and not run.acted for run in replaced)
    for limit in trigger.limits:
        match limit.per:
            case "user":
                yield _per_user(limit, earlier, moment)
            case "total":
                free = taken < limit.count or heir
                yield Clause(f"limit {limit.count} total", free, f"{taken} used")
            case _:
                pass
    for step in sends(trigger.steps):
        reason = refused.get(step)
        text = "they can have it" if reason is None else _REASONS[reason]
        yield Clause(f'send {step.channel} "{step.template}"', reason is None, text)


def told_in_vain(event: Event, imported: bool) -> Clause | None:
    """Say so if the latest event that could have started someone came in a way that starts none."""
    name = f"told in time: {event.name}"
    if imported:
        return Clause(
            name, False, "the latest came with an import, and what a file tells starts nothing"
        )
    if event.received_at - event.at <= LATEST:
        return None
    hours = (event.received_at - event.at) // timedelta(hours=1)
    late = f"{hours} hours" if hours < 48 else f"{hours // 24} days"
    rule = f"what is more than {LATEST // timedelta(hours=1)} hours late starts nothing"
    return Clause(name, False, f"the latest came {late} after it happened; {rule}")


def _per_user(limit: Limit, earlier: Sequence[Run], moment: Moment) -> Clause:
    within = limit.within
    used = used_up_by(limit, earlier, moment.now, moment.zone)
    free = len(used) < limit.count
    change = ""
    if not free and within is not None:
        again = min(add(run.started_at, within, moment.zone) for run in used)
        change = f"free again on {_words(again, moment)}"
    per = "" if within is None else f" per {within.count} {within.unit}{'s' * (within.count != 1)}"
    return Clause(f"limit {limit.count} per user{per}", free, f"{len(used)} used", change)


def _reenter(trigger: Trigger, earlier: Sequence[Run], moment: Moment) -> Iterator[Clause]:
    under_way = [run for run in earlier if run.under_way(moment.now)]
    if not under_way:
        return
    without_limits = admit(replace(trigger, limits=()), earlier, moment.now, moment.zone)
    since = _words(min(run.started_at for run in under_way), moment)
    name = "reenter" if trigger.reenter is None else f"reenter {trigger.reenter}"
    yield Clause(name, without_limits.start, f"a run is under way since {since}")


def _words(instant: datetime, moment: Moment) -> str:
    return in_words(instant, TIMESTAMP, zone=moment.zone)


def sends(steps: Sequence[Step]) -> Iterator[Send]:
    """Yield all messages that steps may send."""
    for step in steps:
        match step:
            case Send():
                yield step
            case If() | WaitFor():
                yield from sends((*step.then, *step.otherwise))
            case Split():
                for _, _, inner in step.arms:
                    yield from sends(inner)
            case _:
                pass
