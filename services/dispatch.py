"""What waits in this process to be delivered, kept apart by where it goes.

A bell only fills these lanes; each is worked off by a few workers of its own, so that a server
that does not answer holds up what goes to it, and nothing else. Transactional messages go first,
and always find a worker free of bulk. What is lost here still waits in the database: a lane that
is full forgets what it cannot hold, and the sweep rings again.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from models.errors import Unavailable
from services import messages, parcels
from services.messages import Mail

log = logging.getLogger(__name__)

AT_ONCE = 4  # workers of a lane, one of which takes only what is transactional
PAGE = 20
MOST = 20_000  # what a lane holds


@dataclass(slots=True)
class _Lane:
    urgent: deque[str] = field(default_factory=deque)
    bulk: deque[str] = field(default_factory=deque)
    known: set[str] = field(default_factory=set)
    bulk_workers: int = 0
    urgent_worker: bool = False

    def add(self, effect_id: str, *, urgent: bool) -> None:
        if effect_id in self.known or len(self.known) >= MOST:
            return
        self.known.add(effect_id)
        (self.urgent if urgent else self.bulk).append(effect_id)

    def next(self, *, bulk: bool) -> list[str]:
        """Take the next page: urgent ones as long as there are any."""
        source = self.urgent if self.urgent or not bulk else self.bulk
        page = [source.popleft() for _ in range(min(PAGE, len(source)))]
        self.known.difference_update(page)
        return page


class Dispatch:
    """One per worker process. Leaving it finishes what is under way and drops the rest."""

    def __init__(self, mail: Mail) -> None:
        self.mail = mail
        self._lanes: dict[str, _Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping = True
        await self.idle()

    async def take(self, ids: Sequence[str]) -> None:
        """Have those of these effects that wait delivered soon. Safe to repeat."""
        stores = self.mail.stores
        waiting = await stores.effects.waiting(ids, wall=self.mail.clock.wall())
        for destination, theirs in (await parcels.destinations(waiting, stores=stores)).items():
            lane = self._lanes.setdefault(destination, _Lane())
            for effect in theirs:
                lane.add(effect.id, urgent=effect.transactional)
            self._staff(lane)

    async def idle(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _staff(self, lane: _Lane) -> None:
        """Have as many workers as there is work for."""
        if lane.urgent and not lane.urgent_worker:
            lane.urgent_worker = True
            self._begin(self._work(lane, bulk=False))
        # These take what is urgent first, too.
        pages = -(-(len(lane.urgent) + len(lane.bulk)) // PAGE)
        for _ in range(min(AT_ONCE - 1 - lane.bulk_workers, pages)):
            lane.bulk_workers += 1
            self._begin(self._work(lane, bulk=True))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, lane: _Lane, *, bulk: bool) -> None:
        try:
            while not self._stopping and (ids := lane.next(bulk=bulk)):
                await self._deliver(ids)
        finally:
            if bulk:
                lane.bulk_workers -= 1
            else:
                lane.urgent_worker = False

    async def _deliver(self, ids: Sequence[str]) -> None:
        try:
            await messages.deliver(ids, self.mail)
        except Unavailable as error:
            log.warning("%d messages wait: %s", len(ids), error.message)
        except Exception:
            log.exception("%d messages wait", len(ids))
