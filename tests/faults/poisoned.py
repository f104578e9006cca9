"""A worker with a bug: it dies at an event called poison, and at people called doom. For tests."""

import os
from collections.abc import Sequence
from datetime import datetime

from app.settings import Settings
from app.worker import run_worker
from models.event import Event
from services import lanes
from services.journeys import Journeys

lanes.LEASE = 1.0  # so that a lane is soon free of a worker that was killed
_take = Journeys.take


def _die_of(user_id: str) -> None:
    with open(os.environ["POISON_LOG"], "a") as log:
        log.write(f"{user_id}\n")
    os.kill(os.getpid(), 9)


async def take(self: Journeys, events: Sequence[Event], now: datetime) -> None:
    """Apply events as ever, but die of some."""
    if any(event.id == "api|poison" for event in events) or (
        self._user_id == "doom" and not events
    ):
        _die_of(self._user_id)
    await _take(self, events, now)


Journeys.take = take  # type: ignore[method-assign]

if __name__ == "__main__":
    run_worker(Settings())
