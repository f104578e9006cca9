"""What placing orders reads and writes one document of each of, done together for all who place."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from weakref import WeakKeyDictionary

from models.event import IncomingEvent, Verdict
from models.feed import FeedEntry
from models.order import Order
from models.redemption import Redemption
from models.store import Stores
from models.store.orders import Orders
from services import events
from services.jobs import Jobs
from services.rulebook import Rulebook
from services.together import Together

TOLD_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class News:
    """Events that tell of one order, and with what they are to be told."""

    events: Sequence[IncomingEvent]
    rulebook: Rulebook
    jobs: Jobs
    now: datetime


class Desk:
    """One per process and database."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self.find: Together[str, Order | None] = Together(self._find)
        self.attempts: Together[str, Sequence[Redemption]] = Together(self._attempts)
        self.hold: Together[Redemption, None] = Together(self._hold)
        self.commit: Together[Order, bool] = Together(stores.orders.commit_many)
        self.forget: Together[str, None] = Together(self._forget)
        self.settled: Together[Order, None] = Together(self._settled)
        self.publish: Together[Sequence[FeedEntry], None] = Together(self._publish)
        self.tell: Together[News, Sequence[Verdict]] = Together(self._tell, most=TOLD_AT_ONCE)

    async def _find(self, keys: Sequence[str]) -> Sequence[Order | None]:
        found = await self._stores.orders.find_many(keys)
        return [found.get(key) for key in keys]

    async def _attempts(self, keys: Sequence[str]) -> Sequence[Sequence[Redemption]]:
        found = await self._stores.redemptions.of_orders(keys)
        return [[each for each in found if each.order == key] for key in keys]

    async def _hold(self, redemptions: Sequence[Redemption]) -> Sequence[None]:
        await self._stores.redemptions.hold_many(redemptions)
        return [None] * len(redemptions)

    async def _forget(self, ids: Sequence[str]) -> Sequence[None]:
        await self._stores.redemptions.forget_many(ids)
        return [None] * len(ids)

    async def _settled(self, orders: Sequence[Order]) -> Sequence[None]:
        await self._stores.orders.settled_many(orders)
        return [None] * len(orders)

    async def _publish(self, entries: Sequence[Sequence[FeedEntry]]) -> Sequence[None]:
        await self._stores.outbox.add(entry for each in entries for entry in each)
        return [None] * len(entries)

    async def _tell(self, news: Sequence[News]) -> Sequence[Sequence[Verdict]]:
        told = [event for each in news for event in each.events]
        verdicts: list[Verdict] = []
        for start in range(0, len(told), events.MOST_EVENTS):
            verdicts += await events.ingest(
                told[start : start + events.MOST_EVENTS],
                stores=self._stores,
                rulebook=news[0].rulebook,
                jobs=news[0].jobs,
                now=max(each.now for each in news),
            )
        rest = iter(verdicts)
        return [[next(rest) for _ in each.events] for each in news]


_DESKS: WeakKeyDictionary[Orders, Desk] = WeakKeyDictionary()


def desk_over(stores: Stores) -> Desk:
    """Return this process's desk over these stores."""
    found = _DESKS.get(stores.orders)
    if found is None:
        found = _DESKS[stores.orders] = Desk(stores)
    return found
