"""What events do to points: they earn some, or take back what an order earned."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from engine.loyalty.earning import extent_of, gains
from engine.loyalty.terms import expiry
from models.event import Event
from models.points import Reason, Transfer
from models.store import Stores
from services import points
from services.journeys import Rules

CANCELLED = "order_cancelled"
UNDOING = frozenset((CANCELLED, "items_returned"))


async def earn(
    events: Sequence[Event],
    rules: Rules,
    facts: Mapping[str, Any],
    *,
    stores: Stores,
    now: datetime,
) -> None:
    """Give the points that these events earn, take back what they undo. Safe to repeat.

    The rules that an event was received under decide.
    """
    transfers = [
        each
        for event in events
        if event.user_id in facts
        for each in gained(event, rules, facts[event.user_id])
    ]
    orders = {event.id: order for event in events if (order := order_undone(event))}
    known = await _concerning_points(events, orders, rules, stores)
    transfers += [undone(event, orders[event.id]) for event in events if event.id in known]
    if transfers:
        await points.post(transfers, stores=stores, current=rules.current, now=now)


def undone_id(event_id: str) -> str:
    """Return the id of the note that an event undid an order, or a part of it."""
    return f"undo:{event_id}"


def gained(event: Event, rules: Rules, facts: Mapping[str, Any]) -> Iterator[Transfer]:
    """Yield what an event brings someone of these facts."""
    published = rules.versions[event.publication]
    program = published.program
    if program.loyalty is None:
        return
    campaign_id = published.campaign_of.get(program.loyalty.name)
    if rules.is_paused(campaign_id):
        return
    order = _order(event) if event.name == "order_placed" else None
    for place, gained in gains(event, facts, program):
        yield Transfer(
            id=f"earn:{event.id}:{place}",
            user_id=event.user_id,
            reason=Reason.EARNED,
            points=gained,
            at=event.at,
            expires_at=expiry(program, event.at),
            order=order,
            extent=None if order is None else extent_of(event),
            campaign_id=campaign_id,
            about={"event": event.name} | ({} if order is None else {"order": order}),
        )


async def _concerning_points(
    events: Sequence[Event], undone: Mapping[str, str], rules: Rules, stores: Stores
) -> frozenset[str]:
    """Return those of these events that may undo orders which points were moved with."""
    clear = {
        event.id
        for event in events
        if event.id in undone and rules.versions[event.publication].program.loyalty is not None
    }
    if rest := undone.keys() - clear:
        known = await stores.points.orders_known(sorted({undone[each] for each in rest}))
        clear |= {each for each in rest if undone[each] in known}
    return frozenset(clear)


def undone(event: Event, order: str) -> Transfer:
    """Return the note that an event undid an order, or a part of it."""
    return Transfer(
        id=undone_id(event.id),
        user_id=event.user_id,
        reason=Reason.UNDONE,
        points=0,
        at=event.at,
        order=order,
        extent=None if event.name == CANCELLED else extent_of(event),
    )


def order_undone(event: Event) -> str | None:
    """Return the order that an event undoes, if it does."""
    return _order(event) if event.name in UNDOING else None


def _order(event: Event) -> str | None:
    order = event.data.get("order_id")
    return order if isinstance(order, str) and order else None
