"""A worker with a bug: it dies at what is called poison or doom. For tests.

At an event called poison, at runs of a person called doom, and when it looks at one called cursed.
At an event called circle it goes on for ever, and hears of nothing else.
"""

import os
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from app import worker
from app.settings import Settings
from app.watchdog import Watchdog
from models.event import Event
from models.membership import Look
from models.store.notes import Seen
from services import lanes, memberships
from services.journeys import Journeys

lanes.LEASE = 1.0  # so that a lane is soon free of a worker that was killed
worker.Watchdog = partial(Watchdog, patience=15)  # type: ignore[misc, assignment]
_take, _judge = Journeys.take, memberships.judge


def _die_of(user_id: str) -> None:
    _log(user_id)
    os.kill(os.getpid(), 9)


def _log(user_id: str) -> None:
    with open(os.environ["POISON_LOG"], "a") as log:
        log.write(f"{user_id}\n")


async def take(self: Journeys, events: Sequence[Event], now: datetime) -> None:
    """Apply events as ever, but die of some."""
    if any(event.id == "api|poison" for event in events) or (
        self._user_id == "doom" and not events
    ):
        _die_of(self._user_id)
    if any(event.id == "api|circle" for event in events):
        _log(self._user_id)
        while True:
            pass
    await _take(self, events, now)


def judge(look: Look, *rest: Any) -> Seen:
    """Judge someone as ever, but die of some."""
    if look.user_id == "cursed":
        _die_of(look.user_id)
    return _judge(look, *rest)


memberships.judge = judge  # type: ignore[attr-defined]
Journeys.take = take  # type: ignore[method-assign]

if __name__ == "__main__":
    worker.run_worker(Settings())
