"""Units that a buyer has reserved before ordering: claimed in a flash sale, or won with a group.

A line of a cart names what it reserved; one unit of the line then costs what it was reserved at,
and the order takes the reservation. Whose it is not sees nothing of it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from engine.pricing.reserved import check_fit, check_room
from models.cart import Cart
from models.claim import Claim
from models.errors import Conflict, Invalid, NotFound
from models.group import Group
from models.order import Order
from models.redemption import Redemption, Reserve, Reserved
from models.store import Stores
from services import groups, selling
from services.rulebook import Published, Rulebook


@dataclass(frozen=True, slots=True)
class _Named:
    """What a line (its place in the cart, from 0) names."""

    how: Reserve
    id: str
    line: int

    @property
    def place(self) -> tuple[str, ...]:
        return ("cart", "lines", str(self.line), self.how.value)


async def reserved_in(
    cart: Cart,
    buyer: str | None,
    *,
    order: str | None,
    published: Published,
    stores: Stores,
) -> tuple[Reserved, ...]:
    """Return what the lines of a cart name, for the order that is to have it.

    Raises NotFound for what is not the buyer's, Invalid for what does not fit the line, and
    Conflict with the reason why it cannot be ordered.
    """
    named = list(_named(cart))
    if not named:
        return ()
    ids = {how: sorted({n.id for n in named if n.how is how}) for how in Reserve}
    claims = await stores.claims.find_many(ids[Reserve.CLAIM])
    together = await stores.groups.find_many(ids[Reserve.GROUP])
    refusals: dict[str, Conflict] = {
        **await selling.standing(claims.values(), order, stores=stores, published=published),
        **groups.standing(together.values(), buyer, order),
    }
    found: Mapping[str, Claim | Group] = {
        **{name: claim for name, claim in claims.items() if claim.user_id == buyer},
        **{name: group for name, group in together.items() if buyer and group.has(buyer)},
    }
    seen: set[str] = set()
    reserved: list[Reserved] = []
    for each in named:
        what = each.how.value
        unit = found.get(each.id)
        if unit is None or isinstance(unit, Claim) is not (each.how is Reserve.CLAIM):
            raise NotFound(f"You have no such {what}.", field=each.place)
        if each.id in seen:
            raise Invalid(f"Two lines have the same {what}; it is for one.", field=each.place)
        seen.add(each.id)
        if refusal := refusals.get(each.id):
            raise Conflict(refusal.message, code=refusal.code, field=each.place)
        reserved.append(_reserved(each, unit, cart))
    with _in_the_cart():
        check_room(reserved, cart)
    return tuple(reserved)


async def take(redemption: Redemption, stores: Stores, rulebook: Rulebook) -> None:
    """Take what was reserved. Safe to repeat.

    Raises Conflict and NotFound, at the line that named what cannot be had.
    """
    for each in redemption.reserved:
        try:
            await _take(each, redemption, stores, rulebook)
        except (Conflict, NotFound) as refusal:
            place = _Named(each.how, each.id, each.line).place
            raise type(refusal)(refusal.message, code=refusal.code, field=place) from None


async def _take(
    reserved: Reserved, redemption: Redemption, stores: Stores, rulebook: Rulebook
) -> None:
    match reserved.how:
        case Reserve.CLAIM:
            await selling.confirm(
                reserved.id,
                redemption.order,
                user_id=redemption.user_id,
                stores=stores,
                rulebook=rulebook,
                now=redemption.at,
                holder=redemption.id,
            )
        case Reserve.GROUP:
            await groups.order(
                reserved.id,
                redemption.order,
                user_id=redemption.user_id or "",
                holder=redemption.id,
                stores=stores,
            )


async def release(redemption: Redemption, stores: Stores, now: datetime) -> None:
    """Let the buyer have again what an attempt took that is no order. Safe to repeat."""
    for each in redemption.reserved:
        match each.how:
            case Reserve.CLAIM:
                await stores.claims.undo(each.id, redemption.id, now)
            case Reserve.GROUP:
                await stores.groups.let_go(each.id, redemption.id)


async def settle(order: Order, stores: Stores) -> None:
    """The order is there: what it took is sold. Safe to repeat."""
    for each in order.reserved:
        if each.how is Reserve.CLAIM:
            await stores.claims.settle(each.id, order.attempt, order.placed_at)


async def give_back(order: Order, stores: Stores) -> None:
    """Give back what was reserved of the units that were cancelled or came back. Safe to repeat.

    A claim's unit returns to stock; a place in a complete group can be ordered with again.
    """
    if back := order.unreserved:
        await settle(order, stores)
        for each in back:
            match each.how:
                case Reserve.CLAIM:
                    await stores.claims.give_back(each.id, order.id, order.changed_at)
                case Reserve.GROUP:
                    await stores.groups.let_go(each.id, order.attempt)


def _named(cart: Cart) -> Iterator[_Named]:
    for at, line in enumerate(cart.lines):
        if line.claim is not None:
            yield _Named(Reserve.CLAIM, line.claim, at)
        if line.group is not None:
            yield _Named(Reserve.GROUP, line.group, at)


def _reserved(named: _Named, found: Claim | Group, cart: Cart) -> Reserved:
    if found.price is None or found.currency is None:
        raise Invalid(f"The {named.how} is from before they had a price.", field=named.place)
    unit = Reserved(named.how, found.id, named.line, found.price)
    with _in_the_cart():
        check_fit(unit, cart, sku=found.sku, currency=found.currency)
    return unit


@contextmanager
def _in_the_cart() -> Iterator[None]:
    try:
        yield
    except Invalid as error:
        raise Invalid(error.message, field=("cart", *error.field)) from None
