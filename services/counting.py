"""Taking uses and money that run out: all callers at one moment share one update of a counter.

A counter that everybody wants is written as often as the database can, not once for each of them.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeAlias
from weakref import WeakKeyDictionary

from dsl.clauses import Length, Limit
from engine.pricing import Used
from engine.pricing.usage import used_up
from models.errors import Unavailable
from models.redemption import PerUser, Taking
from models.store import Stores
from models.store.counters import Count, Counters, Draw, OwnDraw
from services.together import Together

log = logging.getLogger(__name__)

SOON = 0.05  # seconds for which a settled hold may wait for an update that takes it along

_Bounds: TypeAlias = tuple[str, int | None, int | None]


class Counting:
    """One per process and database."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._read = Together(counters.read_many)
        self._draw_early = Together(counters.draw_own_early)
        self._draws: dict[_Bounds, Together[Draw, bool]] = {}
        self._paid: dict[str, set[str]] = {}
        self._settling: dict[str, asyncio.Task[None]] = {}

    async def take(self, taking: Taking, holder: str, *, user_id: str | None, at: datetime) -> bool:
        """Take one use, if everyone's bounds and the buyer's allow it. Safe to repeat."""
        if not await self.take_own(taking, holder, user_id=user_id, at=at):
            return False
        return await self.take_shared(taking, holder)

    async def take_own(
        self, taking: Taking, holder: str, *, user_id: str | None, at: datetime
    ) -> bool:
        """Take one use of the buyer's, if their bounds allow it. Safe to repeat."""
        own = taking.per_user
        if not own or user_id is None:
            return True

        def allowed(times: Sequence[datetime]) -> bool:
            used = Used(times=times)
            return not any(used_up(_limit(each), used, at, taking.zone) for each in own)

        fewest = min(each.count for each in own)
        # Most have used it less often than any limit allows: no need to look at when.
        early = OwnDraw(taking.name, user_id, holder, at, fewest)
        return await self._draw_early(early) or await self._counters.draw_own(
            taking.name, user_id, holder, at, allowed
        )

    async def take_shared(self, taking: Taking, holder: str) -> bool:
        """Take one use of everyone's, if the bounds allow it. Safe to repeat."""
        return not taking.is_shared or await self._draw(taking, holder)

    async def read(self, names: Iterable[str], user_id: str | None) -> dict[str, Count]:
        """Return what is used of these, by everyone and by this user."""
        return await self._read((tuple(names), user_id))

    def settle(self, taking: Taking, holder: str) -> None:
        """What was taken is paid for: its hold goes with the counter's next update, or soon.

        Should that be lost, nothing is: only a hold can be released, and nobody will any more.
        """
        if not taking.is_shared:
            return
        self._paid.setdefault(taking.name, set()).add(holder)
        if taking.name not in self._settling:
            self._settling[taking.name] = asyncio.create_task(self._settle_soon(taking.name))

    async def release(self, taking: Taking, holder: str, *, user_id: str | None) -> None:
        """Return what was taken, or was about to be, and is not settled. Safe to repeat."""
        if taking.is_shared:
            await self._counters.release(taking.name, holder)
        if taking.per_user and user_id is not None:
            await self._counters.give_back_own(taking.name, user_id, holder)

    async def settled(self) -> None:
        """Wait until nothing is left to settle."""
        await asyncio.gather(*self._settling.values())

    async def _draw(self, taking: Taking, holder: str) -> bool:
        bounds = (taking.name, taking.most, taking.budget)
        group = self._draws.get(bounds)
        if group is None:
            group = self._draws[bounds] = Together(self._drawing(bounds))
        granted = await group(Draw(holder, taking.uses, taking.money))
        if group.is_idle and self._draws.get(bounds) is group:
            del self._draws[bounds]
        return granted

    def _drawing(self, bounds: _Bounds) -> Callable[[Sequence[Draw]], Awaitable[list[bool]]]:
        name, most, budget = bounds

        async def draw(draws: Sequence[Draw]) -> list[bool]:
            paid = self._paid.pop(name, set())
            granted = await self._counters.draw(name, draws, most=most, budget=budget, settled=paid)
            return [each.holder in granted for each in draws]

        return draw

    async def _settle_soon(self, name: str) -> None:
        try:
            while self._paid.get(name):
                await asyncio.sleep(SOON)
                # While others draw, their updates take along what is settled.
                if not self._is_drawn(name) and (paid := self._paid.pop(name, None)):
                    await self._counters.settle(name, sorted(paid))
        except Unavailable as error:
            log.warning("holds on %s stay for a while: %s", name, error.message)
        finally:
            del self._settling[name]

    def _is_drawn(self, name: str) -> bool:
        return any(each == name for each, _, _ in self._draws)


def _limit(each: PerUser) -> Limit:
    return Limit(each.count, "user", Length(*each.within) if each.within else None)


_COUNTING: WeakKeyDictionary[Counters, Counting] = WeakKeyDictionary()


def counting_over(stores: Stores) -> Counting:
    """Return this process's counting over these stores."""
    found = _COUNTING.get(stores.counters)
    if found is None:
        found = _COUNTING[stores.counters] = Counting(stores.counters)
    return found
