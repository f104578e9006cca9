"""Units that a buyer has reserved before ordering: claims of flash sales.

A line of a cart names what it reserved; one unit of the line then costs what it was reserved at,
and the order takes the reservation. Whose it is not sees nothing of it.
"""

from datetime import datetime

from models.cart import Cart, CartLine
from models.claim import Claim
from models.errors import Conflict, Invalid, NotFound
from models.order import Order
from models.redemption import Redemption, Reserve, Reserved
from models.store import Stores
from services import selling
from services.rulebook import Published, Rulebook


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
    named = {line.claim: at for at, line in enumerate(cart.lines) if line.claim is not None}
    if not named:
        return ()
    found = await stores.claims.find_many(sorted(named))
    refusals = await selling.standing(found.values(), order, stores=stores, published=published)
    reserved: list[Reserved] = []
    for at, line in enumerate(cart.lines):
        if line.claim is None:
            continue
        place = ("cart", "lines", str(at), "claim")
        claim = found.get(line.claim)
        if claim is None or claim.user_id != buyer:
            raise NotFound("You have no such claim.", field=place)
        if named[line.claim] != at:
            raise Invalid("Two lines have the same claim; it is for one unit.", field=place)
        if refusal := refusals.get(claim.id):
            raise Conflict(refusal.message, code=refusal.code, field=place)
        reserved.append(_reserved(claim, at, line, cart.currency, place))
    return tuple(reserved)


async def take(redemption: Redemption, stores: Stores, rulebook: Rulebook) -> None:
    """Take what was reserved. Safe to repeat. Raises Conflict and NotFound."""
    for each in redemption.reserved:
        await selling.confirm(
            each.id,
            redemption.order,
            user_id=redemption.user_id,
            stores=stores,
            rulebook=rulebook,
            now=redemption.at,
            holder=redemption.id,
        )


async def release(redemption: Redemption, stores: Stores, now: datetime) -> None:
    """Let the buyer have again what an attempt took that is no order. Safe to repeat."""
    for each in redemption.reserved:
        await stores.claims.undo(each.id, redemption.id, now)


async def settle(order: Order, stores: Stores) -> None:
    """The order is there: what it took is sold. Safe to repeat."""
    for each in order.reserved:
        await stores.claims.settle(each.id, order.attempt, order.placed_at)


async def give_back(order: Order, stores: Stores) -> None:
    """Return to stock the units that were cancelled or came back. Safe to repeat."""
    if back := order.unreserved:
        at = order.changed_at
        await settle(order, stores)
        for each in back:
            await stores.claims.give_back(each.id, order.id, at)


def _reserved(
    claim: Claim, at: int, line: CartLine, currency: str, place: tuple[str, ...]
) -> Reserved:
    if line.sku != claim.sku:
        raise Invalid(f"The claim is for {claim.sku!r}, not {line.sku!r}.", field=place)
    if claim.price is None or claim.currency is None:
        raise Invalid("The claim is from before claims had a price.", field=place)
    if claim.currency != currency:
        raise Invalid(
            f"The claim's price is in {claim.currency}, the cart in {currency}.", field=place
        )
    return Reserved(Reserve.CLAIM, claim.id, at, claim.price)
