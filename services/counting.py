"""Taking uses and money that run out: all callers at one moment share one update of a counter.

While an update is under way, those who come meanwhile wait for the next one, which takes them all:
a counter that everybody wants is written as often as the database can, not once for each of them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

from dsl.clauses import Length, Limit
from engine.pricing import Used
from engine.pricing.usage import used_up
from models.redemption import PerUser, Taking
from models.store import Stores
from models.store.counters import Counters, Draw

AT_ONCE = 200

T = TypeVar("T")
R = TypeVar("R")
_Bounds: TypeAlias = tuple[str, int | None, int | None]


@dataclass(slots=True)
class _Group(Generic[T, R]):
    """Callers who share what is done for all that wait."""

    act: Callable[[Sequence[T]], Awaitable[Callable[[T], R]]]
    waiting: list[tuple[T, asyncio.Future[R]]] = field(default_factory=list)
    working: asyncio.Task[None] | None = None

    async def join(self, item: T) -> R:
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self.waiting.append((item, future))
        if self.working is None:
            self.working = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        await asyncio.sleep(0)  # whoever else comes in this tick
        while self.waiting:
            part, self.waiting = self.waiting[:AT_ONCE], self.waiting[AT_ONCE:]
            try:
                answer = await self.act([item for item, _ in part])
            except Exception as error:
                for _, future in part:
                    if not future.done():
                        future.set_exception(error)
            else:
                for item, future in part:
                    if not future.done():
                        future.set_result(answer(item))
        self.working = None


class Counting:
    """One per process and database."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._draws: dict[_Bounds, _Group[Draw, bool]] = {}
        self._settlings: dict[str, _Group[str, None]] = {}

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

    async def settle(self, taking: Taking, holder: str) -> None:
        """What was taken has been paid for: it is no longer to be released."""
        if taking.is_shared:
            group = self._settlings.get(taking.name)
            if group is None:
                group = self._settlings[taking.name] = _Group(self._settling(taking.name))
            await group.join(holder)
            if group.working is None:
                self._settlings.pop(taking.name, None)

    async def release(self, taking: Taking, holder: str, *, user_id: str | None) -> None:
        """Return what was taken, or was about to be, and is not settled. Safe to repeat."""
        if taking.is_shared:
            await self._counters.release(taking.name, holder)
        if taking.per_user and user_id is not None:
            await self._counters.give_back_own(taking.name, user_id, holder)

    async def _draw(self, taking: Taking, holder: str) -> bool:
        bounds = (taking.name, taking.most, taking.budget)
        group = self._draws.get(bounds)
        if group is None:
            group = self._draws[bounds] = _Group(self._drawing(bounds))
        granted = await group.join(Draw(holder, taking.uses, taking.money))
        if group.working is None:
            self._draws.pop(bounds, None)
        return granted

    def _drawing(
        self, bounds: _Bounds
    ) -> Callable[[Sequence[Draw]], Awaitable[Callable[[Draw], bool]]]:
        name, most, budget = bounds

        async def draw(draws: Sequence[Draw]) -> Callable[[Draw], bool]:
            granted = await self._counters.draw(name, draws, most=most, budget=budget)
            return lambda one: one.holder in granted

        return draw

    def _settling(self, name: str) -> Callable[[Sequence[str]], Awaitable[Callable[[str], None]]]:
        async def settle(holders: Sequence[str]) -> Callable[[str], None]:
            await self._counters.settle(name, holders)
            return lambda _: None

        return settle


def _limit(each: PerUser) -> Limit:
    return Limit(each.count, "user", Length(*each.within) if each.within else None)


_COUNTING: WeakKeyDictionary[Counters, Counting] = WeakKeyDictionary()


def counting_over(stores: Stores) -> Counting:
    """Return this process's counting over these stores."""
    found = _COUNTING.get(stores.counters)
    if found is None:
        found = _COUNTING[stores.counters] = Counting(stores.counters)
    return found
