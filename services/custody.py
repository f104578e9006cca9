"""What a worker process has claimed to send: let go of in the end, or its process is dead.

Whatever bears a claim that ran out is taken for what its worker died of. So a process that lives
lets go of what it failed at, even if it is the database that is away: then as soon as it is back.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeAlias

from models.errors import Unavailable

LetGo: TypeAlias = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Custody:
    """One per worker process. `alone` is held with something that a worker may have died of."""

    alone: asyncio.Lock = field(default_factory=asyncio.Lock)
    _owed: list[LetGo] = field(default_factory=list)

    @asynccontextmanager
    async def of(self, let_go: LetGo) -> AsyncIterator[None]:
        """Work on something that is claimed now, and let go of it if that fails.

        What was owed from before is let go of first. Raises Unavailable.
        """
        await self._pay()
        try:
            yield
        except BaseException:
            self._owed.append(let_go)
            with suppress(Unavailable):
                await self._pay()
            raise

    async def _pay(self) -> None:
        while self._owed:
            let_go = self._owed.pop()
            try:
                await let_go()
            except BaseException:
                self._owed.append(let_go)
                raise
