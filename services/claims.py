"""Flash sales: one unit held for one person until they order, or until the hold ends.

Claims that meet in one turn of the loop are inserted together. Once all units are taken, and for
half a second after having seen so, a claim is refused without asking the database.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from dsl import Moment
from dsl.clauses import Length
from dsl.moment import add
from dsl.offers import FlashSale
from engine.allowances import Allowance, allowances, total
from engine.schedule import is_active, why_not
from models.audit import Asked
from models.claim import Claim, ClaimState, Stock, Taken, Told, claim_id, stock_id
from models.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from models.principal import Principal, Role
from models.store import Stores
from models.user import SHOP
from services.keys import require_key
from services.rulebook import Published, Rulebook
from services.shelves import FRESH, Shelf

HOLD = Length(10, "minute")  # for sales that do not say
BATCH = 500
_POLL = 0.25


@dataclass(slots=True)
class _Request:
    """A claim that waits for a unit, and which place of each allowance to try next."""

    claim: Claim
    answer: asyncio.Future[Claim]
    places: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Counter:
    """What this process does for one sale: one batch at a time."""

    shelf: Shelf
    size: int = 0
    allowances: tuple[Allowance, ...] = ()
    zone: str = "UTC"
    waiting: list[_Request] = field(default_factory=list)
    serving: asyncio.Task[None] | None = None
    stock: Stock | None = None
    counted_at: float = float("-inf")


class Claims:
    """One per process."""

    def __init__(self, stores: Stores, rulebook: Rulebook, *, fresh: float = FRESH) -> None:
        self._stores = stores
        self._rulebook = rulebook
        self._fresh = fresh
        self._counters: dict[str, _Counter] = {}

    async def claim(
        self, name: str, key: str, *, user_id: str, now: datetime, asked: Asked | None = None
    ) -> Claim:
        """Hold one unit for this person. The same key again is the same claim.

        The audit log hears of who `asked` by the claim itself, whatever becomes of this process.

        Raises NotFound, or Conflict with NOT_ACTIVE, PAUSED, SOLD_OUT or LIMIT_REACHED.
        """
        published = await self._rulebook.current()
        sale = _sale(name, published)
        now = _check_open(sale, published, now)
        require_key(key)
        stock = stock_id(published.campaign_of.get(name), name)
        counter = await self._counter(stock, sale, published)
        request = claim_id(stock, user_id, key)
        if counter.shelf.is_sold_out(request):
            raise _sold_out(sale)
        claim = Claim(
            id=request,
            sale=stock,
            name=name,
            campaign_id=published.campaign_of.get(name),
            user_id=user_id,
            sku=sale.sku,
            price=sale.price.minor,
            currency=sale.price.currency,
            unit=None,
            slots=(),
            state=ClaimState.HELD,
            at=now,
            until=add(now, sale.hold or HOLD, published.program.zone),
            untold=(Told(ClaimState.HELD, now, asked=asked),),
        )
        waiting = _Request(claim, asyncio.get_running_loop().create_future())
        counter.waiting.append(waiting)
        if counter.serving is None:
            counter.serving = asyncio.create_task(self._serve(counter, sale))
        return await waiting.answer

    async def stock(self, name: str) -> Stock:
        """Return how much is left of a sale, as it was at most half a second ago."""
        published = await self._rulebook.current()
        sale = _sale(name, published)
        stock = stock_id(published.campaign_of.get(name), name)
        counter = await self._counter(stock, sale, published)
        elapsed = asyncio.get_running_loop().time() - counter.counted_at
        if counter.stock is None or elapsed >= self._fresh or counter.stock.initial != counter.size:
            counts = await self._stores.claims.counts(stock)
            counter.counted_at = asyncio.get_running_loop().time()
            counter.stock = Stock(
                stock,
                counter.size,
                counts.get(ClaimState.HELD, 0),
                counts.get(ClaimState.SOLD, 0),
            )
        return counter.stock

    async def follow(self, name: str) -> AsyncGenerator[Stock, None]:
        """Yield how much is left now, and then whenever that has changed; never ends."""
        last: Stock | None = None
        while True:
            stock = await self.stock(name)
            if stock != last:
                yield stock
            last = stock
            await asyncio.sleep(_POLL)

    async def _counter(self, stock: str, sale: FlashSale, published: Published) -> _Counter:
        counter = self._counters.get(stock)
        if counter is None:
            shelf = Shelf(lambda: self._stores.claims.taken(stock), fresh=self._fresh)
            counter = self._counters.setdefault(stock, _Counter(shelf))
        size = total(sale.stock, sale.limits)
        if counter.size != size:
            await self._stores.stocks.declare(stock, "flash_sale", size)
            await counter.shelf.look(size)
            counter.size = size
        counter.allowances = allowances(sale.limits)
        counter.zone = published.program.zone
        return counter

    async def _serve(self, counter: _Counter, sale: FlashSale) -> None:
        """Answer whoever waits, batch by batch, until nobody does."""
        await asyncio.sleep(0)  # let everyone of this turn come in
        try:
            while counter.waiting:
                batch, counter.waiting = counter.waiting[:BATCH], counter.waiting[BATCH:]
                try:
                    while batch:
                        batch = await self._try(batch, counter, sale)
                except Exception as error:
                    for request in batch:
                        _refuse(request, error)
        finally:
            counter.serving = None

    async def _try(
        self, batch: Sequence[_Request], counter: _Counter, sale: FlashSale
    ) -> list[_Request]:
        """Insert a claim for each request; return those that must try again."""
        served: list[_Request] = []
        claims: list[Claim] = []
        for request in batch:
            unit = counter.shelf.pick()
            if unit is None and not served:
                await counter.shelf.look(counter.size)
                unit = counter.shelf.pick()
            if unit is None:
                break
            served.append(request)
            claims.append(_with(request, unit, counter.allowances))
        if not served:
            await self._recall(batch, lambda: _sold_out(sale))
            return []
        outcomes = await self._stores.claims.add(claims)
        known: list[_Request] = []
        # What these take is not yet to be seen: the rest looks again after them.
        again = list(batch[len(served) :])
        for request, claim, taken in zip(served, claims, outcomes, strict=True):
            if taken is None:
                _answer(request, claim)
            elif taken.what == "unit":
                again.append(request)
            else:
                counter.shelf.put_back(claim.unit or 0)
                may_try = taken.what == "slots" and await self._next_place(request, taken, counter)
                (again if may_try else known).append(request)
        await self._recall(known, lambda: limited(sale))
        if any(taken is not None and taken.what == "unit" for taken in outcomes):
            await counter.shelf.look(counter.size)  # another process sells as well
        return again

    async def _next_place(self, request: _Request, taken: Taken, counter: _Counter) -> bool:
        """Move on to the next place that the user may take; False if there is none."""
        allowance = next(each for each in counter.allowances if each.owns(taken.value))
        place = request.places.get(allowance.label, 0)
        if allowance.within is not None:
            holder = await self._stores.claims.with_slot(request.claim.sale, taken.value)
            if holder is None:
                return True
            if add(holder.at, allowance.within, counter.zone) <= request.claim.at:
                await self._stores.claims.free_slot(holder, taken.value)
                return True
        request.places[allowance.label] = place + 1
        return place + 1 < allowance.count

    async def _recall(
        self, requests: Sequence[_Request], otherwise: Callable[[], DomainError]
    ) -> None:
        """Answer with claims that there are already; refuse the rest."""
        if not requests:
            return
        claims = await self._stores.claims.find_many([request.claim.id for request in requests])
        for request in requests:
            if found := claims.get(request.claim.id):
                _answer(request, found)
            else:
                _refuse(request, otherwise())


def buyer(user_id: str | None, caller: Principal) -> str:
    """Return for whom a caller claims: integrators and staff may say, customers are themselves."""
    if user_id is None and caller.is_key:
        raise Invalid(
            "Say for whom, with `userId` or `externalId`: a key is no person.", field=("userId",)
        )
    if user_id in (None, caller.user_id):
        return caller.user_id
    if not caller.roles & SHOP:
        raise Forbidden("You may only do this for yourself.", field=("userId",))
    assert user_id is not None
    return user_id


def may_see(claim: Claim, caller: Principal) -> bool:
    """Whether a claim is the caller's business: their own, or anybody's for those who sell."""
    return claim.user_id == caller.user_id or bool(caller.roles & {Role.ADMIN, Role.INTEGRATOR})


def _sale(name: str, published: Published) -> FlashSale:
    sale = published.program.flash_sales.get(name)
    if sale is None:
        raise NotFound(
            f"No flash sale {name!r} is live; its name is the one in the rules.", field=("sale",)
        )
    return sale


def _check_open(sale: FlashSale, published: Published, now: datetime) -> datetime:
    """Return the instant as it is stored, to the millisecond, if the sale is on then."""
    moment = Moment(now, published.program.zone, published.program)
    if not is_active(sale.active, moment):
        raise Conflict(
            f"{sale.title or sale.name} {why_not(sale.active, moment)}.", code="NOT_ACTIVE"
        )
    if published.campaign_of.get(sale.name) in published.paused:
        raise Conflict(f"{sale.title or sale.name} is paused; try again later.", code="PAUSED")
    return moment.now


def _sold_out(sale: FlashSale) -> Conflict:
    return Conflict(
        f"{sale.title or sale.name} is sold out. Units that are held and not ordered come back.",
        code="SOLD_OUT",
    )


def limited(sale: FlashSale) -> Conflict:
    """Return the refusal of someone who has what one may have."""
    counts = " and ".join(
        f"{each.count} within {each.within.count} {each.within.unit}{'s'[each.within.count == 1 :]}"
        if each.within
        else f"{each.count}"
        for each in allowances(sale.limits)
    )
    return Conflict(
        f"One person may have {counts} of {sale.title or sale.name}, and you have that many.",
        code="LIMIT_REACHED",
    )


def _with(request: _Request, unit: int, allowed: Sequence[Allowance]) -> Claim:
    claim = request.claim
    slots = (each.slot(claim.user_id, request.places.get(each.label, 0)) for each in allowed)
    return replace(claim, unit=unit, slots=tuple(slots))


def _answer(request: _Request, claim: Claim) -> None:
    if not request.answer.done():
        request.answer.set_result(claim)


def _refuse(request: _Request, error: Exception) -> None:
    if not request.answer.done():
        request.answer.set_exception(error)
