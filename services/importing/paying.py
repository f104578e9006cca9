"""What orders of the past cost, as far as files say it: to know what comes back with a return.

What was taken off an order as a whole is shared among its lines in proportion, and a line's amount
among its units. What was paid beyond the lines was for shipping.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.pricing.shares import by_largest_remainder, share
from models.quote import Quote, QuoteLine, ShippingQuote, UnitRun
from services.importing.mapping import Refused


def quote_of(
    data: Mapping[str, Any], discounts: Sequence[int], shipping: int | None, currency: str
) -> Quote:
    """Return what an order cost. `data` is that of its event, amounts are in minor units.

    Raises Refused for what no order costs.
    """
    items: Sequence[Mapping[str, Any]] = data.get("items") or ()
    total: int | None = data.get("total")
    for name, amounts in (
        ("total", (total,)),
        ("shipping", (shipping,)),
        ("item.amount", [item.get("amount") for item in items]),
        ("item.discount", discounts),
        ("item.quantity", [item.get("quantity") for item in items]),
    ):
        if any(amount is not None and amount < 0 for amount in amounts):
            raise Refused(name, "INVALID", "must not be negative", "leave out what came back")
    counts = [_units(item) for item in items]
    amounts = _amounts(items, counts, total, shipping or 0)
    paid, goods = shipping or 0, sum(amounts)
    off = 0
    if total is not None:
        paid = max(paid, total - goods)
        off = goods + paid - total
    shares = share(min(off, goods), amounts, goods, amounts) if off and goods else [0] * len(items)
    lines = tuple(
        _line(str(item.get("sku", "")), count, amount + discount, discount + part)
        for item, count, amount, discount, part in zip(
            items, counts, amounts, discounts, shares, strict=True
        )
    )
    return Quote(currency, lines, ShippingQuote(paid, max(0, off - goods)), 0, ())


def _units(item: Mapping[str, Any]) -> int:
    """Return how many units can come back: what is weighed or measured is one."""
    quantity = item.get("quantity", 1)
    return int(quantity) if quantity == int(quantity) and quantity >= 1 else 1


def _amounts(
    items: Sequence[Mapping[str, Any]], counts: Sequence[int], total: int | None, shipping: int
) -> list[int]:
    """Return what lines cost. Those that do not say it share what is left of the total."""
    amounts = [item.get("amount") for item in items]
    silent = [count if amount is None else 0 for amount, count in zip(amounts, counts, strict=True)]
    left = max(0, (total or 0) - shipping - sum(amount or 0 for amount in amounts))
    shares = by_largest_remainder(left, silent, sum(silent)) if any(silent) else silent
    return [
        part if amount is None else amount for amount, part in zip(amounts, shares, strict=True)
    ]


def _line(sku: str, count: int, subtotal: int, discount: int) -> QuoteLine:
    each, more = divmod(subtotal - discount, count)
    units = [UnitRun(count - more, each, ())]
    if more:
        units.append(UnitRun(more, each + 1, ()))
    return QuoteLine(sku, count, subtotal, discount, (), tuple(units))
