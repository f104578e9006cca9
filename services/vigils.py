"""Watching over connections that outlive a check: each ends soon after its session or key does."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from models.errors import Unavailable
from models.principal import Principal
from models.store import Stores
from services.api_keys import Keys
from services.clock import Clock

log = logging.getLogger(__name__)

PAUSE = 3.0  # seconds between two looks


@dataclass(slots=True, eq=False)
class Watched:
    """Someone who is connected. `expires_at` is when their access token ends."""

    principal: Principal
    expires_at: datetime | None
    over: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class Vigil:
    """One per process: all who are connected are looked after together, by one read."""

    stores: Stores
    keys: Keys
    clock: Clock
    _watched: set[Watched] = field(default_factory=set)
    _watching: asyncio.Task[None] | None = None

    def connections(self, user_id: str) -> int:
        """Return how many connections someone has to this process."""
        return sum(each.principal.user_id == user_id for each in self._watched)

    async def until_over(self, principal: Principal, expires_at: datetime | None) -> None:
        """Return once the session or key no longer counts, or the token has expired."""
        watched = Watched(principal, expires_at)
        self._watched.add(watched)
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())
        try:
            await watched.over.wait()
        finally:
            self._watched.discard(watched)

    async def _watch(self) -> None:
        try:
            while self._watched:
                await asyncio.sleep(PAUSE)
                # Nobody is cut off because the database is away: nothing is told them either.
                with suppress(Unavailable):
                    await self._look()
        finally:
            self._watching = None

    async def _look(self) -> None:
        wall = self.clock.wall()
        watched = list(self._watched)
        people = {each.principal.session_id for each in watched if not each.principal.is_key}
        live = await self.stores.sessions.live(people, now=wall)
        for each in watched:
            if each.principal.is_key:
                counts = await self.keys.is_live(each.principal, now=wall)
            else:
                counts = each.principal.session_id in live
            if not counts or (each.expires_at is not None and each.expires_at <= wall):
                each.over.set()
