"""Units that their buyer has reserved at a price: priced as lines of their own, answered as one."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from models.cart import Cart, CartLine
from models.quote import Quote, QuoteLine, Taken, UnitRun
from models.redemption import Reserved


def apart(cart: Cart, reserved: Sequence[Reserved]) -> Cart:
    """Return the cart with each reserved unit as a line of its own, before the rest of its line.

    What it was reserved at is the unit's price, to promotions as well, unless the cart's is lower.
    """
    if not reserved:
        return cart
    parts = (part for at, line in enumerate(cart.lines) for part in _apart(line, _of(at, reserved)))
    return replace(cart, lines=tuple(parts))


def together(quote: Quote, cart: Cart, reserved: Sequence[Reserved]) -> Quote:
    """Return a quote of what `apart` gave with the lines of the cart again."""
    if not reserved:
        return quote
    parts = iter(quote.lines)
    lines = []
    for at, line in enumerate(cart.lines):
        own = _of(at, reserved)
        ids = [each.id for each in own] + [None] * (line.quantity > len(own))
        lines.append(_together([(next(parts), each) for each in ids]))
    return replace(quote, lines=tuple(lines))


def _of(at: int, reserved: Sequence[Reserved]) -> list[Reserved]:
    return [each for each in reserved if each.line == at]


def _apart(line: CartLine, reserved: Sequence[Reserved]) -> Iterator[CartLine]:
    for each in reserved:
        yield replace(line, quantity=1, price=min(line.price, each.price))
    if line.quantity > len(reserved):
        yield replace(line, quantity=line.quantity - len(reserved))


def _together(parts: Sequence[tuple[QuoteLine, str | None]]) -> QuoteLine:
    taken: dict[str, int] = {}
    units: list[UnitRun] = []
    for line, reserved in parts:
        for each in line.applied:
            taken[each.promotion] = taken.get(each.promotion, 0) + each.amount
        units += [replace(run, reserved=reserved) for run in line.units]
    lines = [line for line, _ in parts]
    return QuoteLine(
        sku=lines[0].sku,
        quantity=sum(line.quantity for line in lines),
        subtotal=sum(line.subtotal for line in lines),
        discount=sum(line.discount for line in lines),
        applied=tuple(Taken(promotion, amount) for promotion, amount in taken.items()),
        units=tuple(units),
    )
