"""Points that come and go with orders: awarded, redeemed, and what becomes of both."""

from collections.abc import Iterator
from datetime import datetime

from engine.loyalty.terms import expiry
from models.order import Order, OrderState
from models.points import Extent, Reason, Transfer
from models.store import Stores
from services import points, redeeming
from services.earning import CANCELLED, undone_id
from services.rulebook import Published, Rulebook

SOURCE = "orders"


async def settle(order: Order, stores: Stores, rulebook: Rulebook, now: datetime) -> None:
    """Move the points that an order brings, and back what was undone of it. Safe to repeat.

    What events earn is not among them: they come with the events that tell of the order.
    """
    if order.user_id is None or not (order.quote.points or order.quote.redeemed):
        return
    published = await rulebook.version(order.publication)
    transfers = [*_awarded(order, order.user_id, published), *_undone(order, order.user_id)]
    if (spent := redeeming.spent(order)) is not None:
        transfers.append(spent)
    current = await rulebook.current()
    await points.post(transfers, stores=stores, current=current, now=now)


def _awarded(order: Order, user_id: str, published: Published) -> Iterator[Transfer]:
    quote = order.quote
    goods = sum(line.total for line in quote.lines)
    extent = Extent(
        goods if order.tells_money else None, sum(line.quantity for line in quote.lines)
    )
    for verdict in quote.verdicts:
        if verdict.points:
            yield Transfer(
                id=f"promotion:{order.id}:{verdict.name}",
                user_id=user_id,
                reason=Reason.PROMOTION,
                points=verdict.points,
                at=order.placed_at,
                expires_at=expiry(published.program, order.placed_at),
                order=order.id,
                extent=extent,
                campaign_id=published.campaign_of.get(verdict.name),
                about={"promotion": verdict.name, "order": order.id},
            )


def _undone(order: Order, user_id: str) -> Iterator[Transfer]:
    """Yield the notes that the events which tell of it make as well: whoever comes first."""
    for each in order.returns:
        came = f"{SOURCE}|{order.id}#{each.key}"
        yield _note(order, user_id, came, each.at, order.extent_of(each))
    if order.state is OrderState.CANCELLED and order.cancelled_at is not None:
        yield _note(order, user_id, f"{CANCELLED}|{order.id}", order.cancelled_at, None)


def _note(
    order: Order, user_id: str, event_id: str, at: datetime, extent: Extent | None
) -> Transfer:
    return Transfer(
        id=undone_id(event_id),
        user_id=user_id,
        reason=Reason.UNDONE,
        points=0,
        at=at,
        order=order.id,
        extent=extent,
    )
