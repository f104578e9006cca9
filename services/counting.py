"""Taking uses and money that run out: all callers at one moment share one update of a counter.

While an update is under way, those who come meanwhile wait for the next one, which takes them all:
a counter that everybody wants is written as often as the database can, not once for each of them.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias
from weakref import WeakKeyDictionary

from dsl.clauses import Length, Limit
from engine.pricing import Used
from engine.pricing.usage import used_up
from models.errors import Unavailable
from models.redemption import PerUser, Taking
from models.store import Stores
from models.store.counters import Counters, Draw

log = logging.getLogger(__name__)

AT_ONCE = 200
SOON = 0.05  # seconds for which a settled hold may wait for an update that takes it along

_Bounds: TypeAlias = tuple[str, int | None, int | None]


@dataclass(slots=True)
class _Group:
    """Callers who share one update."""

    draw: Callable[[Sequence[Draw]], Awaitable[frozenset[str]]]
    waiting: list[tuple[Draw, asyncio.Future[bool]]] = field(default_factory=list)
    working: asyncio.Task[None] | None = None

    async def join(self, wanted: Draw) -> bool:
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.waiting.append((wanted, future))
        if self.working is None:
            self.working = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        await asyncio.sleep(0)  # whoever else comes in this tick
        while self.waiting:
            part, self.waiting = self.waiting[:AT_ONCE], self.waiting[AT_ONCE:]
            try:
                granted = await self.draw([wanted for wanted, _ in part])
            except Exception as error:
                for _, future in part:
                    if not future.done():
                        future.set_exception(error)
            else:
                for wanted, future in part:
                    if not future.done():
                        future.set_result(wanted.holder in granted)
        self.working = None


class Counting:
    """One per process and database."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._draws: dict[_Bounds, _Group] = {}
        self._paid: dict[str, set[str]] = {}
        self._settling: dict[str, asyncio.Task[None]] = {}

    async def take(self, taking: Taking, holder: str, *, user_id: str | None, at: datetime) -> bool:
        """Take one use, if everyone's bounds and the buyer's allow it. Safe to repeat."""
        own = taking.per_user
        if own and user_id is not None:

            def allowed(times: Sequence[datetime]) -> bool:
                used = Used(times=times)
                return not any(used_up(_limit(each), used, at, taking.zone) for each in own)

            if not await self._counters.draw_own(taking.name, user_id, holder, at, allowed):
                return False
        return not taking.is_shared or await self._draw(taking, holder)

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
            group = self._draws[bounds] = _Group(self._drawing(bounds))
        granted = await group.join(Draw(holder, taking.uses, taking.money))
        if group.working is None and self._draws.get(bounds) is group:
            del self._draws[bounds]
        return granted

    def _drawing(self, bounds: _Bounds) -> Callable[[Sequence[Draw]], Awaitable[frozenset[str]]]:
        name, most, budget = bounds

        async def draw(draws: Sequence[Draw]) -> frozenset[str]:
            paid = self._paid.pop(name, set())
            return await self._counters.draw(name, draws, most=most, budget=budget, settled=paid)

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
