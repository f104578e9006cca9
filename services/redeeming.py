"""Points in place of money: what they are worth to a cart, and taking them with an order."""

from dataclasses import replace
from datetime import datetime

from dsl.clauses import Amount
from dsl.money import to_text
from models.errors import Conflict, Invalid
from models.order import Order
from models.points import Hold, Reason, Transfer
from models.quote import Quote
from models.redemption import Redemption
from models.store import Stores
from services import points, spending
from services.rulebook import Published

PAGE = 100
_FIELD = ("redeemPoints",)


def redeemed(wanted: int | None, quote: Quote, buyer: str | None, published: Published) -> Quote:
    """Return the quote with so many points in place of money. Whether there are any is not asked.

    Raises Invalid, and Conflict with PAUSED.
    """
    if not wanted:
        return quote
    each, worth = _rate(quote.currency, published)
    if buyer is None:
        raise Invalid("Points are somebody's: say who the buyer is.", field=_FIELD)
    if wanted < 0 or wanted % each:
        raise Invalid(f"Points are redeemed {each} at a time, not {wanted}.", field=_FIELD)
    value = wanted // each * worth.minor
    if value > quote.total:
        most = quote.total // worth.minor * each if worth.minor else 0
        at_most = f"redeem at most {most:,}" if most else "nothing can be redeemed"
        raise Invalid(
            f"{wanted:,} points are worth {_money(value, quote)}, and the cart costs"
            f" {_money(quote.total, quote)}: {at_most}.",
            field=_FIELD,
        )
    return replace(quote, redeemed=wanted, worth=value)


async def check(quote: Quote, buyer: str | None, *, stores: Stores, now: datetime) -> None:
    """Raise Conflict with NOT_ENOUGH_POINTS if the buyer has fewer than the quote redeems."""
    if quote.redeemed and buyer is not None:
        left = await spending.available(buyer, stores=stores, now=now)
        if left < quote.redeemed:
            raise _too_few(left)


async def take(redemption: Redemption, stores: Stores) -> None:
    """Set aside the points of an attempt at an order. Safe to repeat. Raises Conflict."""
    wanted = _transfer(redemption)
    if wanted is None:
        return
    data = {"order": redemption.order, "attempt": redemption.id}
    hold = Hold(transfer=wanted, until=redemption.until, data=data)
    if not await spending.hold(hold, stores=stores, now=redemption.at):
        raise _too_few(await spending.available(wanted.user_id, stores=stores, now=redemption.at))


async def release(redemption: Redemption, stores: Stores) -> None:
    """Let go of the points of an attempt that did not become the order. Safe to repeat."""
    if (wanted := _transfer(redemption)) is not None:
        await spending.release(wanted, stores=stores)


def spent(order: Order) -> Transfer | None:
    """Return the points that an order takes, as they go into the ledger."""
    if order.user_id is None or not order.quote.redeemed:
        return None
    return Transfer(
        id=_id(order.id, order.attempt),
        user_id=order.user_id,
        reason=Reason.REDEEMED,
        points=-order.quote.redeemed,
        at=order.placed_at,
        order=order.id,
        extent=order.extent,
        about={"order": order.id},
    )


async def sweep(*, stores: Stores, current: Published, now: datetime, wall: datetime) -> int:
    """Settle or let go of what attempts at orders have left behind; return how many there were.

    Safe to repeat. Nearly all are released with their attempts: this is for one that went on to
    take points after it had been given up for lost.
    """
    holds = await stores.accounts.left_behind(Reason.REDEEMED, wall, limit=PAGE)
    for hold in holds:
        order = await stores.orders.void(hold.data["order"], hold.data["attempt"])
        transfer = None if order is None else spent(order)
        if transfer is not None and transfer.id == hold.transfer.id:
            await points.post([transfer], stores=stores, current=current, now=now)
        else:
            await spending.release(hold.transfer, stores=stores)
    return len(holds)


def _rate(currency: str, published: Published) -> tuple[int, Amount]:
    loyalty = published.program.loyalty
    if loyalty is None or loyalty.redeem is None:
        raise Invalid("Points cannot be redeemed: no rule says what they are worth.", field=_FIELD)
    if published.campaign_of.get(loyalty.name) in published.paused:
        raise Conflict(f"{loyalty.title or loyalty.name} is paused.", code="PAUSED", field=_FIELD)
    each, worth = loyalty.redeem
    if worth.currency != currency:
        raise Invalid(
            f"Points are worth {worth.currency}, and the cart is in {currency}.", field=_FIELD
        )
    return each, worth


def _transfer(redemption: Redemption) -> Transfer | None:
    if redemption.user_id is None or not redemption.points:
        return None
    return Transfer(
        id=_id(redemption.order, redemption.id),
        user_id=redemption.user_id,
        reason=Reason.REDEEMED,
        points=-redemption.points,
        at=redemption.at,
    )


def _id(order: str, attempt: str) -> str:
    # Of the attempt: what one lets go of must not be what another has taken.
    return f"redeem:{order}:{attempt}"


def _too_few(left: int) -> Conflict:
    return Conflict(
        f"The buyer has {left} points to redeem.", code="NOT_ENOUGH_POINTS", field=_FIELD
    )


def _money(minor: int, quote: Quote) -> str:
    return f"{to_text(minor, quote.currency)} {quote.currency}"
