"""Watching over connections that outlive a check: each ends soon after what let it in does."""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
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
    _strangers: Counter[str] = field(default_factory=Counter)
    _watching: asyncio.Task[None] | None = None

    def connections(self, user_id: str) -> int:
        """Return how many connections someone has to this process."""
        return sum(each.principal.user_id == user_id for each in self._watched)

    def strangers(self, address: str) -> int:
        """Return how many connections of nobody known there are from an address."""
        return self._strangers[address]

    @contextmanager
    def bearing(self, address: str) -> Iterator[None]:
        """Count a connection of someone who has not said who they are."""
        self._strangers[address] += 1
        try:
            yield
        finally:
            self._strangers[address] -= 1
            if not self._strangers[address]:
                del self._strangers[address]

    @contextmanager
    def watching(self, principal: Principal, expires_at: datetime | None) -> Iterator[Watched]:
        """Count and watch a connection from this moment on.

        Its `over` is set once the session or key no longer counts, its owner's roles have changed
        or the token has expired.
        """
        watched = Watched(principal, expires_at)
        self._watched.add(watched)
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())
        try:
            yield watched
        finally:
            self._watched.discard(watched)

    async def _watch(self) -> None:
        try:
            while self._watched:
                await asyncio.sleep(PAUSE)
                try:
                    await self._look()
                except Unavailable:
                    # Nobody is cut off because the database is away: nothing is told them either.
                    continue
                except Exception:
                    log.exception("whoever is connected is looked after later")
        finally:
            self._watching = None

    async def close(self) -> None:
        """Look after nobody any more, before the database is let go of."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])

    async def _look(self) -> None:
        wall = self.clock.wall()
        watched = list(self._watched)
        people = [each.principal for each in watched if not each.principal.is_key]
        live, roles = await asyncio.gather(
            self.stores.sessions.live({one.session_id for one in people}, now=wall),
            self.stores.users.roles_of({one.user_id for one in people}),
        )
        for each in watched:
            if each.principal.is_key:
                counts = await self.keys.is_live(each.principal, now=wall)
            else:
                one = each.principal
                counts = one.session_id in live and roles.get(one.user_id) == one.roles
            if not counts or (each.expires_at is not None and each.expires_at <= wall):
                each.over.set()
