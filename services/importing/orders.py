"""Orders of the past imported: facts, told as the events that orders tell, and not priced again.

In CSV an order has a row for each of its lines, one below the other; in JSON it has `items`.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from dsl.kinds import NUMBER, Kind, Money
from models.event import IncomingEvent
from models.imports import Row
from services.importing import values
from services.importing.events import SOURCE, data_of, settle, when
from services.importing.mapping import Refused
from services.importing.plan import Plan, Said, Work, readable, required
from services.importing.values import text

_FACTS = ("sku", "name", "category", "brand", "quantity", "amount")
_OF_ORDER = ("user", "placedAt", "cancelledAt", "total")
_KINDS: Mapping[str, Kind] = {"quantity": NUMBER, "amount": Money(None)}
_NAMES = {"occurredAt": "placedAt", "data.total": "total", "data.order_id": "orderId"}


async def plan(rows: Sequence[Row], work: Work) -> Plan:
    """Decide what becomes of orders."""
    made = Plan()
    said = readable(rows, work, made)
    broken = {error.row for error in made.errors}
    incoming = []
    for _, group in groupby(said, key=lambda pair: str(pair[1].get("orderId", pair[0].number))):
        lines = list(group)
        numbers = [row.number for row, _ in lines]
        try:
            # A row that cannot be read does not say whose it is: it may be its neighbour's.
            if broken.intersection(range(numbers[0] - 1, numbers[-1] + 2)):
                raise Refused("", "ORDER", "another row of this order was refused")
            incoming.append((numbers, _told(lines, work)))
        except Refused as refused:
            for number in numbers:
                made.refuse(number, refused)
    await settle(incoming, made, work, _NAMES)
    return made


def _told(lines: Sequence[tuple[Row, Said]], work: Work) -> list[IncomingEvent]:
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
    return told


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
