"""The last week told again: live events through the API, faster than they happened."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.client import Client
from app.clock import Clock
from app.importer.load import NAME
from dsl.money import to_text
from models.event import Event

# From the week's beginning to now, however long ago it began.
LENGTH = timedelta(seconds=65)
SHORTEST = timedelta(seconds=5)
# What is left to do between the start of the processes and the first event.
HEAD_START = timedelta(seconds=12)
_BATCH = 100

_INGEST = """
mutation ($input: IngestEventsInput!) {
  ingestEvents(input: $input) {
    verdicts { id outcome path reason }
    userErrors { code field message }
  }
}
"""


@dataclass(slots=True)
class Tally:
    """What the API said to the events."""

    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    reason: str = ""


def clock_from(start: datetime, *, week: datetime, now: datetime) -> Clock:
    """Return a clock that stands at `start` for a moment, then catches up with real time.

    It runs as fast as from the week's beginning, or not much faster where little is left.
    """
    anchor = now + HEAD_START
    left = anchor - start
    length = max(LENGTH * (left / (anchor - week)), SHORTEST)
    return Clock(start, anchor, left / length)


def replay(
    events: Sequence[Event],
    client: Client,
    clock: Clock,
    *,
    advance: Callable[[int], None],
    between: Callable[[datetime], None],
) -> Tally:
    """Send every event when its time comes; call `between` with the time reached, now and then."""
    tally = Tally()
    sent = 0
    while sent < len(events):
        now = clock.now()
        due = sent
        while due < len(events) and due - sent < _BATCH and events[due].at <= now:
            due += 1
        if due == sent:
            between(now)
            time.sleep(0.05)
            continue
        _send(events[sent:due], client, tally)
        advance(due - sent)
        sent = due
    return tally


def _send(events: Sequence[Event], client: Client, tally: Tally) -> None:
    batch = [told(event) for event in events]
    for verdict in client.do("ingestEvents", {"events": batch}, "verdicts { outcome reason }")[
        "verdicts"
    ]:
        outcome = verdict["outcome"].lower()
        setattr(tally, outcome, getattr(tally, outcome) + 1)
        tally.reason = tally.reason or verdict["reason"] or ""


def told(event: Event) -> dict[str, Any]:
    """Return the event as a shop's own program would tell it: money is decimal text."""
    return {
        "source": NAME,
        "id": event.id.partition("|")[2],
        "name": event.name,
        "user": event.user_id,
        "occurredAt": event.at.isoformat(),
        "data": {name: _outside(name, value) for name, value in event.data.items()},
    }


def _outside(name: str, value: Any) -> Any:
    if name in {"total", "coupon_discount", "amount"}:
        return to_text(value, "USD")
    if name == "items":
        return [{key: _outside(key, part) for key, part in item.items()} for item in value]
    return value
