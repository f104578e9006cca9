"""Callers of one moment share one trip to the database.

While a trip is under way, those who come meanwhile wait for the next one, which takes them all: the
more there are, the less each of them costs. A caller who is alone does not wait for others.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from models.errors import Unavailable

MOST = 200

W = TypeVar("W")
R = TypeVar("R")


class Together(Generic[W, R]):
    """`trip` answers many at once, in their order, and may be repeated for any of them.

    What fails for many is tried for each alone, so that nobody fails with their neighbours.
    """

    def __init__(
        self, trip: Callable[[Sequence[W]], Awaitable[Sequence[R]]], *, most: int = MOST
    ) -> None:
        self._trip = trip
        self._most = most
        self._waiting: list[tuple[W, asyncio.Future[R]]] = []
        self._working: asyncio.Task[None] | None = None

    async def __call__(self, wanted: W) -> R:
        """Answer this caller together with whoever else is there."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((wanted, future))
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        return await future

    @property
    def is_idle(self) -> bool:
        """Whether nobody is on the way or waits."""
        return self._working is None

    async def _work(self) -> None:
        await asyncio.sleep(0)  # whoever else comes in this turn of the loop
        try:
            while self._waiting:
                part = self._waiting[: self._most]
                self._waiting = self._waiting[self._most :]
                await self._serve(part)
        finally:
            self._working = None

    async def _serve(self, part: Sequence[tuple[W, asyncio.Future[R]]]) -> None:
        try:
            answers = await self._trip([wanted for wanted, _ in part])
        except Exception as error:
            if len(part) > 1 and not isinstance(error, Unavailable):
                for each in part:
                    await self._serve([each])
                return
            for _, future in part:
                if not future.done():
                    future.set_exception(error)
        else:
            for (_, future), answer in zip(part, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
