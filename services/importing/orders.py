"""Orders of the past imported: kept as orders, told as their events, and not priced again.

In CSV an order has a row for each of its lines, one below the other; in JSON it has `items`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from dsl.kinds import NUMBER, Kind, Money
from models.errors import Conflict
from models.event import Event, IncomingEvent
from models.imports import Row
from models.order import Order, OrderState
from services.importing import values
from services.importing.events import HISTORY, SOURCE, check, data_of, history_of, keep, when
from services.importing.mapping import Refused
from services.importing.paying import quote_of
from services.importing.plan import Plan, Said, Work, readable, required
from services.importing.values import text
from services.orders import LONGEST_KEY

_FACTS = ("sku", "name", "category", "brand", "quantity", "amount")
_NAMED = ("name", "category", "brand")
_OF_ORDER = ("user", "placedAt", "cancelledAt", "total", "shipping")
_KINDS: Mapping[str, Kind] = {"quantity": NUMBER, "amount": Money(None)}
_NAMES = {"occurredAt": "placedAt", "data.total": "total", "data.order_id": "orderId"}


@dataclass(frozen=True, slots=True)
class _Beside:
    """What a file says of an order that its events do not, in minor units."""

    discounts: Sequence[int]
    shipping: int | None


async def plan(rows: Sequence[Row], work: Work) -> Plan:
    """Decide what becomes of orders."""
    made = Plan()
    said = readable(rows, work, made)
    broken = {error.row for error in made.errors}
    incoming = []
    beside: dict[int, _Beside] = {}
    for _, group in groupby(said, key=lambda pair: str(pair[1].get("orderId", pair[0].number))):
        lines = list(group)
        numbers = [row.number for row, _ in lines]
        try:
            # A row that cannot be read does not say whose it is: it may be its neighbour's.
            if broken.intersection(range(numbers[0] - 1, numbers[-1] + 2)):
                raise Refused("", "ORDER", "another row of this order was refused")
            told, beside[numbers[0]] = _told(lines, work)
            incoming.append((numbers, told))
        except Refused as refused:
            for number in numbers:
                made.refuse(number, refused)
    checked = await check(incoming, made, work, _NAMES)
    await _settle(checked, beside, made, work)
    return made


async def _settle(
    checked: Sequence[tuple[list[int], list[Event]]],
    beside: Mapping[int, _Beside],
    made: Plan,
    work: Work,
) -> None:
    """Plan to keep orders, and the events that tell of them."""
    known = await work.stores.orders.find_many([told[0].data["order_id"] for _, told in checked])
    after: dict[str, Order] = {}
    accepted = []
    for rows, told in checked:
        order_id = told[0].data["order_id"]
        was = after.get(order_id) or known.get(order_id)
        try:
            order = _order(told, beside[rows[0]], work) if was is None else _cancelled(was, told)
        except Refused as refused:
            for row in rows:
                made.refuse(row, refused)
            continue
        accepted.append((rows, told))
        after[order_id] = order
        if was is None:
            made.created += len(rows)
        elif order != was:
            made.updated += len(rows)
        else:
            made.unchanged += len(rows)
    history, _ = await history_of(accepted, work)

    async def write() -> None:
        await keep(history, work)
        orders = work.stores.orders
        await orders.commit_many([each for key, each in after.items() if key not in known])
        changed = [each for key, each in after.items() if key in known and each != known[key]]
        if not await orders.save_many(changed):
            raise Conflict("An order changed meanwhile; this is tried again.")

    made.write = write


def _order(told: Sequence[Event], beside: _Beside, work: Work) -> Order:
    """Return an order that nobody knows yet."""
    placed, *cancelled = told
    order_id = placed.data["order_id"]
    items = placed.data.get("items") or ()
    order = Order(
        id=order_id,
        attempt=f"{SOURCE}:{order_id}",
        fingerprint=SOURCE,
        placed_at=placed.at,
        publication=HISTORY,
        user_id=placed.user_id,
        quote=quote_of(placed.data, beside.discounts, beside.shipping, work.program.currency),
        items=tuple(
            {name: item[name] for name in _NAMED if isinstance(item.get(name), str)}
            for item in items
        ),
        takings=(),
        imported_at=max(placed.at, placed.received_at),
    )
    return _cancelled(order, told) if cancelled else order


def _cancelled(order: Order, told: Sequence[Event]) -> Order:
    """Return an order as it is once a file says that it was cancelled, if it does."""
    _, *cancelled = told
    if not cancelled or order.state is OrderState.CANCELLED:
        return order
    (event,) = cancelled
    if order.imported_at is None:
        raise Refused(
            "cancelledAt",
            "PLACED_HERE",
            "was placed here, and took what a cancellation gives back",
            "cancel it with cancelOrder",
        )
    return replace(
        order,
        state=OrderState.CANCELLED,
        cancelled_at=event.at,
        imported_at=max(event.at, event.received_at),
    )


def _told(lines: Sequence[tuple[Row, Said]], work: Work) -> tuple[list[IncomingEvent], _Beside]:
    first = lines[0][1]
    for row, said in lines[1:]:
        for name in _OF_ORDER:
            if said.get(name, first.get(name)) != first.get(name):
                raise Refused(
                    name,
                    "ORDER",
                    f"differs between rows {lines[0][0].number} and {row.number} of one order",
                )
    order_id = text(required(first, "orderId"), "orderId")
    if not 0 < len(order_id) <= LONGEST_KEY or not order_id.isprintable():
        raise Refused("orderId", "INVALID", f"must be 1 to {LONGEST_KEY} printable characters")
    record = work.program.events["order_placed"]
    items = first["items"] if "items" in first else [_item(said, work) for _, said in lines]
    data = {**data_of(first, record, work), "order_id": order_id, "items": items}
    if "total" in first:
        kind = record.get("total")
        data["total"] = values.sent(
            first["total"], kind, "total", work.mapped.source("total"), work.zone
        )
    user = text(required(first, "user"), "user")
    told = [
        IncomingEvent(
            id=order_id,
            name="order_placed",
            user=user,
            source=SOURCE,
            at=when(first, "placedAt", work),
            data=data,
        )
    ]
    if "cancelledAt" in first:
        told.append(
            IncomingEvent(
                id=order_id,
                name="order_cancelled",
                user=user,
                source=SOURCE,
                at=when(first, "cancelledAt", work),
                data={"order_id": order_id},
            )
        )
    return told, _beside(lines, work)


def _beside(lines: Sequence[tuple[Row, Said]], work: Work) -> _Beside:
    first = lines[0][1]
    said: Sequence[Any] = (
        first["items"]
        if "items" in first
        else [{"discount": each.get("item.discount")} for _, each in lines]
    )
    # What else JSON may have in place of a list of objects is refused with the event.
    items = [each for each in said if isinstance(each, Mapping)] if isinstance(said, list) else []
    return _Beside(
        [_money(each.get("discount"), "item.discount", work) or 0 for each in items],
        _money(first.get("shipping"), "shipping", work),
    )


def _money(value: Any, name: str, work: Work) -> int | None:
    if value is None:
        return None
    currency, source = work.program.currency, work.mapped.source(name)
    amount: int = values.declared(value, Money(currency), name, source, currency, work.zone)
    return amount


def _item(said: Said, work: Work) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in _FACTS:
        key = f"item.{name}"
        if key in said:
            kind = _KINDS.get(name)
            found[name] = values.sent(said[key], kind, key, work.mapped.source(key), work.zone)
    if not found.get("sku"):
        raise Refused("item.sku", "REQUIRED", "is missing", "give it a column")
    return {"quantity": 1, **found}
