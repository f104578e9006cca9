"""How much the API does at once: others wait for a place, not for long, or are told to come back.

    ROOM at work → the queue, for `patience` at most → 503 with Retry-After

Without it whatever comes is begun, and when more comes than can be done nobody is answered in time.
While somebody waits, room is for as many as get their answers within SOON at the rate at which
answers leave. Whoever is let in is not waited for while the client is slow to send or to read.

Strangers, who show no token, begin one after the other, and let whoever is known and at work go
first if that takes but a moment: of many who come at one moment, as to sign in, hardly any stands
between somebody else and their answer.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from app.admission import Refusal, request_id_of
from app.server_events import wants_stream
from services.aside import PLACES

ROOM = 32  # to begin with: few enough not to take long, whatever they want
FEWEST, MOST = 8, 128
SOON = 0.5  # seconds
YIELD = 0.002  # seconds for which a stranger lets others go first
QUEUE = 1_000  # may wait as long as the rate is not known
_WINDOW = 0.25  # seconds over which the rate is measured, at the least
_ENOUGH = 16  # answers that say something of a rate
# Looked at also when there is too much to do, and then above all.
_ALWAYS = frozenset({"/healthz", "/readyz", "/metrics"})


class Crowd:
    """Lets requests in. Streams and sockets are not counted: they last, and do little."""

    def __init__(self, app: ASGIApp, *, patience: float) -> None:
        """Have nobody wait for a place longer than `patience`, in seconds."""
        self.app = app
        self.inside = 0
        self._patience = patience
        self._queue: deque[tuple[float, asyncio.Future[bool]]] = deque()
        self._rate: float | None = None  # answers a second; known only while somebody waits
        self._answered, self._since, self._crowded = 0, 0.0, False
        self._timer: asyncio.TimerHandle | None = None
        self._door = asyncio.Lock()
        self._known_at_work = 0
        self._none_known = asyncio.Event()

    @property
    def room(self) -> int:
        """How many are worked on at once."""
        if self._rate is None:
            return ROOM
        return max(FEWEST, min(MOST, int(self._rate * SOON)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _ALWAYS or wants_stream(scope):
            await self.app(scope, receive, send)
            return
        known = any(name == b"authorization" for name, _ in scope["headers"])
        if not ((known or await self._pass_door()) and await self._enter()):
            message = "Too much is asked at once; try again shortly."
            refusal = Refusal(503, "UNAVAILABLE", message, request_id_of(scope), 1, close=False)
            await refusal.send(send)
            return
        PLACES.set(self)
        self._count(known)
        try:
            await self.app(scope, self._outside(receive, known), self._outside(send, known))
        finally:
            self._measure()
            self._count(-known)
            self.leave()

    def leave(self) -> None:
        """Let another have a place."""
        self.inside -= 1
        self._call_in()

    def take(self) -> None:
        """Go on with what has been begun."""
        self.inside += 1

    async def _pass_door(self) -> bool:
        """Wait until no other stranger is about to begin. False if that takes too long."""
        began = time.monotonic()
        async with self._door:
            # The loop looks meanwhile at what has come of everybody's.
            await asyncio.sleep(0)
            if self._known_at_work:
                with suppress(TimeoutError):
                    async with asyncio.timeout(YIELD):
                        await self._none_known.wait()
        return time.monotonic() - began <= self._patience

    def _count(self, more: int) -> None:
        self._known_at_work += more
        if self._known_at_work:
            self._none_known.clear()
        else:
            self._none_known.set()

    async def _enter(self) -> bool:
        """Take a place, perhaps after a while. False if there is none in time."""
        self._call_in()
        if self.inside < self.room and not self._queue:
            self.inside += 1
            return True
        longest = QUEUE if self._rate is None else max(MOST, self._rate * self._patience)
        if len(self._queue) >= longest:
            return False
        now = time.monotonic()
        if not self._crowded:
            self._answered, self._since, self._crowded = 0, now, True
        place: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._queue.append((now + self._patience, place))
        self._watch()
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.result():
                self.inside -= 1  # called in, and gone in the same moment
            raise

    def _call_in(self) -> None:
        """Give free places to those who came last: when too many come, whoever has waited long has
        waited in vain, and all who are let in would have waited as long as they may.
        """
        while self._queue and self.inside < self.room:
            _, place = self._queue.pop()
            if not place.done():
                self.inside += 1
                place.set_result(True)

    def _watch(self) -> None:
        """Have an eye on who waits longest."""
        if self._timer is None and self._queue:
            delay = max(0.0, self._queue[0][0] - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay, self._send_away)

    def _send_away(self) -> None:
        self._timer = None
        self._call_in()  # some may have stepped outside meanwhile
        while self._queue and self._queue[0][0] <= time.monotonic():
            _, place = self._queue.popleft()
            if not place.done():
                place.set_result(False)
        self._watch()

    def _measure(self) -> None:
        self._answered += 1
        now = time.monotonic()
        if now - self._since < _WINDOW or self._answered < _ENOUGH:
            return
        if self._crowded:
            rate = self._answered / (now - self._since)
            self._rate = rate if self._rate is None else (self._rate + rate) / 2
        else:
            self._rate = None
        self._answered, self._since, self._crowded = 0, now, bool(self._queue)

    def _outside(self, call: Callable[..., Any], known: bool) -> Callable[..., Any]:
        """Return what does the same, without a place for as long as it takes."""

        async def outside(*message: Any) -> Any:
            self.inside -= 1
            self._count(-known)
            try:
                return await call(*message)
            finally:
                self._count(known)
                self.inside += 1

        return outside
