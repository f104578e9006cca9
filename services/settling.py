"""What follows from an order's changes, each part safe to repeat, and the sweep that repeats it."""

import asyncio
import logging
from datetime import datetime
from typing import Any

from dsl.money import to_text
from models.errors import DomainError, Unavailable
from models.event import IncomingEvent, Outcome
from models.order import Order
from models.redemption import Redemption
from models.store import Stores
from models.unique_code import Code
from services import receipts, redeeming, reserving, rewarding
from services.clock import Clock
from services.counting import counting_over
from services.desk import News, desk_over
from services.jobs import Jobs
from services.rewarding import SOURCE
from services.rulebook import Published, Rulebook

log = logging.getLogger(__name__)

PAGE = 100


async def take(redemption: Redemption, stores: Stores, rulebook: Rulebook) -> bool:
    """Take all that was written down, what only the buyer draws on first; stop at what is gone.

    Raises Conflict where there is a reason to tell.
    """
    await reserving.take(redemption, stores, rulebook)
    counting = counting_over(stores)
    for code, promotion in redemption.codes:
        if not await stores.codes.take(
            code,
            promotion,
            holder=redemption.id,
            order=redemption.order,
            buyer=redemption.user_id,
            now=redemption.at,
        ):
            return False
    own = await asyncio.gather(
        *(
            counting.take_own(taking, redemption.id, user_id=redemption.user_id, at=redemption.at)
            for taking in redemption.takings
        )
    )
    if not all(own):
        return False
    # In the same order for all: two who want the last of two things do not both go without.
    for taking in redemption.takings:
        if not await counting.take_shared(taking, redemption.id):
            return False
    await redeeming.take(redemption, stores)
    return True


async def undo(redemption: Redemption, stores: Stores, now: datetime) -> None:
    """Give back what an attempt took that did not become the order."""
    if redemption.takes_something:
        await _release(redemption, stores, now)
        await desk_over(stores).forget(redemption.id)


async def resolve(redemption: Redemption, stores: Stores, clock: Clock) -> None:
    """Settle what an attempt took if it became the order; else see that it never will, and undo.

    An attempt may still be taking things without knowing: it is looked at again when its time is
    over.
    """
    order = await stores.orders.void(redemption.order, redemption.id)
    if order is not None and order.attempt == redemption.id:
        await _settle(order, stores)
        return
    await _release(redemption, stores, clock.now())
    if redemption.until < clock.wall():
        await stores.redemptions.forget(redemption.id)


async def _release(redemption: Redemption, stores: Stores, now: datetime) -> None:
    counting = counting_over(stores)
    for taking in redemption.takings:
        await counting.release(taking, redemption.id, user_id=redemption.user_id)
    if redemption.codes:
        await stores.codes.give_back(redemption.id)
    await reserving.release(redemption, stores, now)
    await redeeming.release(redemption, stores)


async def finish(
    order: Order, stores: Stores, rulebook: Rulebook, jobs: Jobs, clock: Clock
) -> Order:
    """Do what follows from an order's last change; what fails now is left to the sweep."""
    try:
        await _finish(order, stores, rulebook, jobs, clock)
    except Unavailable as error:
        log.warning("order %s is yet to be settled: %s", order.id, error.message)
    except DomainError:
        log.exception("order %s cannot be settled", order.id)
    return order


async def sweep(*, stores: Stores, rulebook: Rulebook, jobs: Jobs, clock: Clock) -> int:
    """Resolve attempts that were left behind, finish orders; return how many of both."""
    wall = clock.wall()
    overdue = await stores.redemptions.overdue(wall, limit=PAGE)
    for redemption in overdue:
        await resolve(redemption, stores, clock)
    orders = await stores.orders.unsettled(wall, limit=PAGE)
    for order in orders:
        await finish(order, stores, rulebook, jobs, clock)
    return len(overdue) + len(orders)


def item(order: Order, place: int, quantity: int, amount: int | None) -> dict[str, Any]:
    """Return units of a line as events tell of them."""
    line, facts = order.quote.lines[place], order.items[place]
    told: dict[str, Any] = {"quantity": quantity}
    if line.sku:
        told["sku"] = line.sku
    told |= {name: facts[name] for name in ("category", "brand") if name in facts}
    if amount is not None:
        told["amount"] = to_text(amount, order.quote.currency)
    return told


async def _finish(
    order: Order, stores: Stores, rulebook: Rulebook, jobs: Jobs, clock: Clock
) -> None:
    await asyncio.gather(
        _settle(order, stores),
        _give_back(order, stores),
        _grant(order, stores),
        _tell(order, stores, rulebook, jobs, clock.now()),
        _publish(order, stores, rulebook),
        rewarding.settle(order, stores, rulebook, clock.now()),
    )
    await desk_over(stores).settled(order)


async def _settle(order: Order, stores: Stores) -> None:
    if not (order.takings or order.codes or order.reserved or order.quote.redeemed):
        return
    await reserving.settle(order, stores)
    counting = counting_over(stores)
    for taking in order.takings:
        counting.settle(taking, order.attempt)
    await desk_over(stores).forget(order.attempt)


async def _give_back(order: Order, stores: Stores) -> None:
    for owed in order.owed:
        if owed.uses or owed.money:
            await stores.counters.give_back(owed.name, owed.act, uses=owed.uses, money=owed.money)
        if owed.own and order.user_id is not None:
            await stores.counters.give_back_own(owed.name, order.user_id, order.attempt)
    if order.codes and order.is_undone:
        await stores.codes.give_back(order.attempt)
    await reserving.give_back(order, stores)


async def _grant(order: Order, stores: Stores) -> None:
    granted = [
        Code(
            code=each.code,
            promotion=each.promotion,
            made_at=order.placed_at,
            user_id=order.user_id,
            expires_at=each.expires_at,
            batch=f"order {order.id}",
        )
        for each in order.granted
    ]
    await stores.codes.add(granted)
    if granted and order.is_undone:
        await stores.codes.revoke([code.key for code in granted], order.changed_at)


async def _tell(
    order: Order, stores: Stores, rulebook: Rulebook, jobs: Jobs, now: datetime
) -> None:
    if not order.untold or order.user_id is None:
        return
    told = [
        IncomingEvent(
            id=each.id,
            name=each.name,
            user=order.user_id,
            source=SOURCE,
            at=each.at,
            data=each.data,
        )
        for each in order.untold
    ]
    for verdict in await desk_over(stores).tell(News(told, rulebook, jobs, now)):
        if verdict.outcome is Outcome.REJECTED:
            log.error("no event tells of order %s: %s", order.id, verdict.reason)


async def _publish(order: Order, stores: Stores, rulebook: Rulebook) -> None:
    if order.untold:
        named = order.granted or any(each.applied for each in order.quote.verdicts)
        published = await rulebook.version(order.publication) if named else Published()
        await desk_over(stores).publish(tuple(receipts.entries(order, published)))
