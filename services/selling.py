"""Selling what was claimed: with an order, late while any is left; and returning it to stock."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from dsl.offers import FlashSale
from engine.allowances import allowances, total
from models.claim import Claim, ClaimState, Taken, stock_id
from models.errors import Conflict, Invalid, NotFound
from models.store import Stores
from services.claims import limited
from services.keys import KEY
from services.rulebook import Published, Rulebook
from services.shelves import Shelf


async def confirm(
    claim: str,
    order: str,
    *,
    user_id: str | None,
    stores: Stores,
    rulebook: Rulebook,
    now: datetime,
    holder: str | None = None,
) -> Claim:
    """Sell what was claimed with an order. Safe to repeat with the same order.

    After the hold has ended it is sold while stock is left. Raises NotFound for a claim that is
    not this user's (None: of a caller who vouches for that), and Conflict with CLAIM_USED,
    SOLD_OUT, HOLD_ENDED or LIMIT_REACHED. `holder` is one attempt at the order, which may come to
    nothing: no other attempt has the claim meanwhile.
    """
    if not KEY.fullmatch(order):
        raise Invalid("An order is 1 to 100 printable characters.", field=("order",))
    published = await rulebook.current()
    while True:
        found = await stores.claims.find(claim)
        if found is None or user_id not in (None, found.user_id):
            raise NotFound("You have no such claim.", field=("claimId",))
        match found.state:
            case ClaimState.SOLD:
                moved = await _sold(found, order, holder, stores)
            case ClaimState.HELD:
                moved = await stores.claims.confirm(claim, order, now, holder)
            case ClaimState.RELEASED:
                moved = await _sell_late(found, order, holder, published, stores, now)
        if moved is not None:
            return moved


async def give_back(claim: str, order: str, *, stores: Stores, now: datetime) -> Claim:
    """Return to stock what was sold with an order that is cancelled or never was. Safe to repeat.

    Raises NotFound, and Conflict with CLAIM_USED if it was sold with another order, or with one
    that was placed here and gives it back itself.
    """
    found = await stores.claims.find(claim)
    if found is not None and found.holder is None:
        found = await stores.claims.give_back(claim, order, now) or await stores.claims.find(claim)
    if found is None:
        raise NotFound("There is no such claim.", field=("claimId",))
    if found.state is ClaimState.SOLD and found.order == order:
        raise Conflict(
            "This claim is part of an order that was placed here: cancel that, or return its unit.",
            code="CLAIM_USED",
        )
    if found.state is ClaimState.SOLD:
        raise Conflict("This claim was ordered with another order.", code="CLAIM_USED")
    return found


async def standing(
    claims: Iterable[Claim], order: str | None, *, stores: Stores, published: Published
) -> Mapping[str, Conflict]:
    """Return why some of these claims cannot be sold with this order, as far as can be foreseen."""
    refusals: dict[str, Conflict] = {}
    for claim in claims:
        if claim.state is ClaimState.SOLD and (order is None or claim.order != order):
            refusals[claim.id] = _used()
        elif claim.state is ClaimState.RELEASED:
            sale = _sale_of(claim, published)
            if sale is None:
                refusals[claim.id] = _ended()
            elif sum((await stores.claims.counts(claim.sale)).values()) >= total(
                sale.stock, sale.limits
            ):
                refusals[claim.id] = _gone()
    return refusals


async def _sold(claim: Claim, order: str, holder: str | None, stores: Stores) -> Claim | None:
    """Return what is sold with this order already; None if it has moved."""
    if claim.order != order or (holder and claim.holder not in (None, holder)):
        raise _used()
    if holder is None or claim.holder == holder:
        return claim
    return await stores.claims.adopt(claim.id, order, holder)


async def _sell_late(
    claim: Claim,
    order: str,
    holder: str | None,
    published: Published,
    stores: Stores,
    now: datetime,
) -> Claim | None:
    sale = _sale_of(claim, published)
    if sale is None:
        raise _ended()
    shelf = Shelf(lambda: stores.claims.taken(claim.sale))
    await shelf.look(total(sale.stock, sale.limits))
    allowed = allowances(sale.limits)
    places = dict.fromkeys((each.label for each in allowed), 0)
    unit = shelf.pick()
    while unit is not None:
        slots = [each.slot(claim.user_id, places[each.label]) for each in allowed]
        outcome = await stores.claims.sell_again(claim, unit, slots, order, now, holder)
        if not isinstance(outcome, Taken):
            return outcome
        if outcome.what == "unit":
            unit = shelf.pick()
            continue
        allowance = next(each for each in allowed if each.owns(outcome.value))
        places[allowance.label] += 1
        if places[allowance.label] >= allowance.count:
            raise limited(sale)
    raise _gone()


def _sale_of(claim: Claim, published: Published) -> FlashSale | None:
    if stock_id(published.campaign_of.get(claim.name), claim.name) != claim.sale:
        return None
    return published.program.flash_sales.get(claim.name)


def _used() -> Conflict:
    return Conflict("This claim was ordered already, with another order.", code="CLAIM_USED")


def _ended() -> Conflict:
    return Conflict(
        "The hold has ended, and so has the sale; order it without the claim.", code="HOLD_ENDED"
    )


def _gone() -> Conflict:
    return Conflict(
        "The hold has ended, and nothing is left at the sale's price; order it without the claim.",
        code="SOLD_OUT",
    )
