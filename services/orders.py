"""Placing orders: at the price that the buyer saw, with all that it takes, or not at all.

    hold ─► counters, codes ─► the order's insert ─► settle, grant, tell
                                                 └► whoever is killed before it: given back

Every attempt takes under a name of its own. What it takes is written down first, so that a sweep
can give it back; the order is placed by one insert, which a sweep can forbid to an attempt that it
has given up for lost. So every attempt is either the order or leaves nothing behind.
"""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from dsl.money import to_minor, to_text
from engine.pricing.plan import fold_code
from models.errors import Conflict, DomainError, Invalid, NotFound
from models.ids import new_id
from models.order import Granted, Order, Told
from models.quote import Quote
from models.redemption import Redemption
from models.store import Stores
from services import codes, settling
from services.clock import Clock
from services.desk import desk_over
from services.jobs import Jobs
from services.quotes import Asked, priced_at, request_for
from services.redeeming import redeemed
from services.rulebook import Published, Rulebook
from services.scarcity import takings

LEASE = timedelta(seconds=30)
TRIES = 8
OTHERS = 1.0  # seconds to wait for another attempt at the same order
LOOK = 0.05
LONGEST_KEY = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """An order as the shop wants it: `key` is unique to it, `total` what the buyer was shown.

    That is what is left to pay after `points` are redeemed.
    """

    key: str
    cart: Mapping[str, Any]
    total: Decimal
    user_id: str | None = None
    points: int = 0

    @property
    def fingerprint(self) -> str:
        """Return what tells this order from another under the same key."""
        sent: dict[str, Any] = {
            "cart": self.cart,
            "total": str(self.total.normalize()),
            "user": self.user_id,
        }
        if self.points:
            sent["points"] = self.points
        text = json.dumps(sent, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class PriceChanged:
    """The cart no longer costs what the buyer saw. Nothing was taken."""

    quote: Quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Till:
    """What placing and undoing orders needs."""

    stores: Stores
    rulebook: Rulebook
    jobs: Jobs
    clock: Clock


async def place(placing: Placing, till: Till) -> Order | PriceChanged:
    """Place an order. Safe to repeat: the same key gives the same answer.

    Raises Conflict if the key is another order's, Invalid, and NotFound for the buyer.
    """
    if not 0 < len(placing.key) <= LONGEST_KEY or not placing.key.isprintable():
        raise Invalid(f"A key is 1 to {LONGEST_KEY} printable characters.", field=("key",))
    lost: set[str] = set()  # other attempts at this order, which can no longer become it
    for _ in range(TRIES):
        found, others = await asyncio.gather(_placed(placing, till), _others(placing, lost, till))
        if found:
            return found
        if others:
            lost |= await _abandon(placing, lost, till)
            continue
        answer: Order | PriceChanged | DomainError | None
        try:
            answer = await _attempt(placing, till)
        except (Conflict, NotFound) as refusal:
            answer = refusal
        if isinstance(answer, Order):
            return await settling.finish(answer, till.stores, till.rulebook, till.jobs, till.clock)
        # What stands in the way may be another attempt at this order, which may yet succeed.
        if answer is None or await _others(placing, lost, till):
            continue
        if found := await _placed(placing, till):
            return found
        if isinstance(answer, DomainError):
            raise answer
        return answer
    raise Conflict("Too many want the same at this moment; try again.", code="BUSY")


async def _attempt(placing: Placing, till: Till) -> Order | PriceChanged | None:
    """Place the order at today's price; None, with nothing taken, if something of it is gone."""
    published = await till.rulebook.current()
    asked = await request_for(
        placing.cart,
        placing.user_id,
        published,
        guesser=placing.user_id,
        order=placing.key,
        stores=till.stores,
        now=till.clock.now(),
    )
    if not asked.cart.lines:
        raise Invalid("There is nothing in the cart.", field=("cart", "lines"))
    quote = await priced_at(asked, per_unit=True)
    quote = redeemed(placing.points, quote, placing.user_id, published)
    if quote.to_pay != _seen(placing, quote.currency):
        return PriceChanged(quote)
    order = _order(placing, quote, asked, published, till.clock)
    try:
        if await _take_all(order, till) and await desk_over(till.stores).commit(order):
            return order
    except (Conflict, NotFound):
        await _undo(order, till)
        raise
    await _undo(order, till)
    return None


async def _placed(placing: Placing, till: Till) -> Order | None:
    found = await desk_over(till.stores).find(placing.key)
    if found is not None and found.fingerprint != placing.fingerprint:
        raise Conflict(
            f"The key {placing.key!r} is that of an order with another cart, buyer or total; "
            "send it again as it was, or give this one a key of its own.",
            code="KEY_USED",
            field=("key",),
        )
    return found


async def _others(placing: Placing, lost: AbstractSet[str], till: Till) -> Sequence[Redemption]:
    """Return other attempts at this order that are under way, or were left behind."""
    attempts = await desk_over(till.stores).attempts(placing.key)
    return [each for each in attempts if each.id not in lost]


async def _abandon(placing: Placing, lost: AbstractSet[str], till: Till) -> set[str]:
    """Wait a little for other attempts at this order, then give them up for lost; return those."""
    waited = 0.0
    while waited < OTHERS:
        await asyncio.sleep(LOOK)
        waited += LOOK
        others = await _others(placing, lost, till)
        if not others:
            return set()
    for other in others:
        await settling.resolve(other, till.stores, till.clock)
    return {other.id for other in others}


def _seen(placing: Placing, currency: str) -> int:
    try:
        return to_minor(placing.total, currency)
    except ValueError as reason:
        raise Invalid(f"total: {reason}", field=("total",)) from None


async def _take_all(order: Order, till: Till) -> bool:
    """Take everything or be told that something is gone; then what was taken is to be undone."""
    redemption = _redemption(order, till.clock.wall() + LEASE)
    if not redemption.takes_something:
        return True
    await desk_over(till.stores).hold(redemption)
    return await settling.take(redemption, till.stores, till.rulebook)


async def _undo(order: Order, till: Till) -> None:
    await settling.undo(_redemption(order, till.clock.wall()), till.stores, till.clock.now())


def _redemption(order: Order, until: datetime) -> Redemption:
    return Redemption(
        id=order.attempt,
        order=order.id,
        takings=order.takings,
        at=order.placed_at,
        until=until,
        user_id=order.user_id,
        codes=order.codes,
        reserved=order.reserved,
        points=order.quote.redeemed,
    )


def _order(
    placing: Placing,
    quote: Quote,
    asked: Asked,
    published: Published,
    clock: Clock,
) -> Order:
    program, moment = published.program, asked.request.moment
    order = Order(
        id=placing.key,
        attempt=new_id(),
        fingerprint=placing.fingerprint,
        placed_at=moment.now,
        publication=published.number,
        user_id=placing.user_id,
        tells_money=quote.currency == program.currency,
        quote=quote,
        items=tuple(
            {
                name: line.fields[name]
                for name in ("name", "category", "brand")
                if name in line.fields
            }
            for line in asked.cart.lines
        ),
        takings=takings(quote, program),
        codes=_codes(quote, asked, published),
        reserved=asked.reserved,
        granted=tuple(
            Granted(grant.granted, codes.fresh(), codes.expiry(grant.lasts, moment))
            for grant in quote.grants
        ),
        settle_at=clock.wall() + LEASE,
    )
    return replace(order, untold=(_told(order),))


def _codes(quote: Quote, asked: Asked, published: Published) -> tuple[tuple[str, str], ...]:
    """Return one single-use code for each promotion that applied because of it."""
    given = {fold_code(code) for code in asked.cart.codes}
    by_promotion = {promotion: key for key, promotion in reversed(list(asked.opened.items()))}
    promotions = published.program.promotions
    return tuple(
        (by_promotion[verdict.name], verdict.name)
        for verdict in quote.verdicts
        if verdict.applied
        and verdict.name in by_promotion
        and given.isdisjoint(fold_code(code) for code in promotions[verdict.name].codes)
    )


def _told(order: Order) -> Told:
    """Return the event that tells of the order. Amounts in another currency are not told."""
    quote, money = order.quote, order.tells_money
    data: dict[str, Any] = {
        "order_id": order.id,
        "items": [
            settling.item(order, place, line.quantity, line.total if money else None)
            for place, line in enumerate(quote.lines)
        ],
    }
    if money:
        data["total"] = to_text(quote.total, quote.currency)
    return Told("order_placed", order.id, order.placed_at, data)
