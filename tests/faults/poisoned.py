"""A worker with a bug: it dies at what is called poison or doom. For tests.

At an event called poison, at runs of a person called doom, and when it looks at one called cursed.
At an event called circle it goes on for ever, and hears of nothing else. It also dies of messages
to a person called doom, of calls about them once these may have left, of letters to them, of
entries of the feed about them, and of an audience of that name.
"""

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from app import worker
from app.settings import Settings
from app.watchdog import Watchdog
from channels import Message
from models.audience import Shown
from models.effect import Effect, EffectKind
from models.event import Event
from models.feed import Numbered
from models.letter import Letter
from models.membership import Look
from models.store.notes import Seen
from services import audiences, composing, deliveries, lanes, letters, memberships, messages
from services.journeys import Journeys
from services.parcels import Parcel

lanes.LEASE = 1.0  # so that a lane is soon free of a worker that was killed
worker.Watchdog = partial(Watchdog, patience=15)  # type: ignore[misc, assignment]
messages.LEASE = letters.LEASE = deliveries.LEASE = messages.STUCK = timedelta(seconds=3)
_take, _judge, _show = Journeys.take, memberships.judge, worker.as_told  # type: ignore[attr-defined]
audiences.LEASE = 3.0
_tell = audiences._Sync._tell
_compose, _send, _write = composing.compose, messages._send, letters._composed


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


async def compose(parcel: Parcel, **rest: Any) -> Message:
    """Compose messages as ever, but die of some."""
    if parcel.effect.kind is EffectKind.MESSAGE and parcel.effect.user_id == "doom":
        _die_of("doom")
    return await _compose(parcel, **rest)


async def send(effect: Effect, *rest: Any) -> Effect | None:
    """Send as ever what may have left from now on, but die of some."""
    if effect.kind is EffectKind.CALL and effect.user_id == "doom":
        _die_of("doom")
    return await _send(effect, *rest)


async def write(letter: Letter, *rest: Any) -> Message:
    """Compose letters as ever, but die of some."""
    if letter.user_id == "doom":
        _die_of("doom")
    return await _write(letter, *rest)


def show(numbered: Numbered, *rest: Any) -> dict[str, Any]:
    """Show entries as ever, but die of some."""
    if numbered.entry.user_id == "doom":
        _die_of("doom")
    return _show(numbered, *rest)


async def tell(self: audiences._Sync, *change: list[Shown]) -> None:
    """Tell platforms as ever, but die of some."""
    if self.audience.name == "doom":
        _die_of("doom")
    await _tell(self, *change)


audiences._Sync._tell = tell  # type: ignore[method-assign, assignment]
messages.compose, messages._send, letters._composed = compose, send, write  # type: ignore[attr-defined]
worker.as_told = show  # type: ignore[attr-defined]
memberships.judge = judge  # type: ignore[attr-defined]
Journeys.take = take  # type: ignore[method-assign]

if __name__ == "__main__":
    worker.run_worker(Settings())
