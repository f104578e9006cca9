"""Units that their buyer has reserved at a price: priced as lines of their own, answered as one."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches

from dsl.offers import FlashSale, GroupBuy
from dsl.program import Program
from engine.pricing.reading import refusal
from models.cart import Cart, CartLine
from models.errors import Invalid
from models.quote import Quote, QuoteLine, Taken, UnitRun
from models.redemption import Reserve, Reserved


def supposed(cart: Cart, program: Program) -> tuple[Reserved, ...]:
    """Return what a cart names by its offer: each line's buyer has a claim of that flash sale, or
    a complete group of that group buy.

    That is for where nobody's claims are known. Raises Invalid, naming the place.
    """
    reserved = []
    for at, line in enumerate(cart.lines):
        for how, name, offers, kind in (
            (Reserve.CLAIM, line.claim, program.flash_sales, "flash sale"),
            (Reserve.GROUP, line.group, program.group_buys, "group buy"),
        ):
            if name is not None:
                offer = _offer(name, offers, f"lines[{at}].@{how}", kind)
                unit = Reserved(how, name, at, offer.price.minor)
                with _at_its_line():
                    check_fit(unit, cart, sku=offer.sku, currency=offer.price.currency)
                reserved.append(unit)
    with _at_its_line():
        check_room(reserved, cart)
    return tuple(reserved)


def check_fit(unit: Reserved, cart: Cart, *, sku: str, currency: str) -> None:
    """Raise Invalid if what is reserved is another thing than the line's, or in other money."""
    line, field = cart.lines[unit.line], ("lines", str(unit.line), unit.how.value)
    if line.sku != sku:
        raise Invalid(f"The {unit.how} is for {sku!r}, not {line.sku!r}.", field=field)
    if currency != cart.currency:
        raise Invalid(
            f"The {unit.how}'s price is in {currency}, the cart in {cart.currency}.", field=field
        )


def check_room(reserved: Sequence[Reserved], cart: Cart) -> None:
    """Raise Invalid if a line names more than it has units."""
    for at, line in enumerate(cart.lines):
        count = len(_of(at, reserved))
        if count > line.quantity:
            raise Invalid(
                f"The line has {line.quantity} and names {count}, each for one unit.",
                field=("lines", str(at), "quantity"),
            )


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


@contextmanager
def _at_its_line() -> Iterator[None]:
    """Name the line in what is said: who reads it has nothing but the message."""
    try:
        yield
    except Invalid as error:
        message = f"lines[{error.field[1]}]: {error.message}"
        raise Invalid(message, field=error.field) from None


def _offer(
    name: str, offers: Mapping[str, FlashSale | GroupBuy], place: str, kind: str
) -> FlashSale | GroupBuy:
    if name in offers:
        return offers[name]
    near = get_close_matches(name, sorted(offers), 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise refusal(place, f"must name a {kind} of the rules{hint}", name)


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
