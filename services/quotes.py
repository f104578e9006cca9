"""Pricing carts: the published rules, or rules being tried, with the facts of the buyer."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import dsl
from engine.pricing import Request, effort, quote
from engine.pricing.reading import read_cart
from engine.pricing.reserved import apart, together
from models.cart import Cart
from models.errors import DomainError, Forbidden, Invalid, NotFound
from models.principal import Principal, Role
from models.quote import Quote, Verdict, Why
from models.redemption import Reserved
from models.store import Stores
from models.user import STAFF
from services import drafts, facts, products, redeeming
from services.reserving import reserved_in
from services.rulebook import Published, Rulebook
from services.scarcity import Opened, scarcity_of

HEAVY = 2_000  # beyond this a quote is worked out in a thread, not to hold up other requests

# A buyer hears of what they could have; not of what is for others, or for those with a code.
_TOLD = frozenset((Why.WHEN, Why.LIMIT, Why.BUDGET, Why.OUTDONE, Why.NOTHING))


@dataclass(frozen=True, slots=True)
class Trial:
    """What staff may try: rules that are not published, and other times.

    `with_published` adds the rules that are, but for those of the campaign that is to be replaced.
    """

    source: str | None = None
    with_published: bool = False
    campaign_id: str | None = None
    at: datetime | None = None


REAL = Trial()


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be priced. `request` has reserved units apart, `cart` the lines as they were sent.

    `opened` are the single-use codes in it that are good for this buyer.
    """

    request: Request
    cart: Cart
    opened: Opened
    reserved: tuple[Reserved, ...] = ()


async def quote_cart(
    cart: Mapping[str, Any],
    *,
    user_id: str | None = None,
    points: int = 0,
    trial: Trial = REAL,
    caller: Principal,
    stores: Stores,
    rulebook: Rulebook,
    now: datetime,
) -> Quote:
    """Return what a cart costs this person now, or nobody in particular.

    Only staff may try what is not so; only they and the shop's integrators may ask for others, a
    customer is always the buyer, who may redeem `points`. Paused campaigns do not apply. Raises
    Invalid, naming the place within `cart`, and Conflict for points that are not there.
    """
    is_customer = not caller.roles & (STAFF | {Role.INTEGRATOR})
    buyer = _buyer(user_id, caller) if is_customer else user_id
    if trial != REAL and not caller.roles & STAFF:
        raise Forbidden("Only staff may try other rules or times.")
    published = await (rulebook.current() if trial.source is None else _tried(trial, stores))
    asked = await request_for(
        cart,
        buyer,
        published,
        guesser=None if caller.roles & STAFF else buyer,
        stores=stores,
        now=trial.at or now,
    )
    priced = redeeming.redeemed(points, await priced_at(asked), buyer, published)
    await redeeming.check(priced, buyer, stores=stores, now=now)
    return _told(priced) if is_customer else priced


async def request_for(
    cart: Mapping[str, Any],
    buyer: str | None,
    published: Published,
    *,
    guesser: str | None,
    order: str | None = None,
    stores: Stores,
    now: datetime,
) -> Asked:
    """Return what is to be priced.

    Raises Invalid and RateLimited; NotFound and Conflict for a claim that cannot be ordered.

    `guesser` is whom single-use codes that are not good are counted against, `order` the one that
    is to have what the cart's lines name.
    """
    program = published.program
    try:
        sent = read_cart(cart, program, with_claims=True)
    except DomainError as error:
        raise Invalid(error.message, field=("cart", *error.field)) from error
    moment = dsl.Moment(now, program.zone, program)
    known, facts_known, scarcity, reserved = await asyncio.gather(
        products.with_known_facts(sent, program, stores=stores),
        _facts(buyer, published, stores=stores, now=now),
        scarcity_of(sent, buyer, moment, guesser=guesser, stores=stores),
        reserved_in(sent, buyer, order=order, published=published, stores=stores),
    )
    request = Request(
        apart(known, reserved),
        facts_known,
        moment,
        usage=scarcity.usage,
        unlocked=frozenset(scarcity.opened.values()),
        paused=_paused(published),
    )
    return Asked(request, known, scarcity.opened, reserved)


async def priced_at(asked: Asked, *, per_unit: bool = False, explained: bool = True) -> Quote:
    """Return the quote, worked out in a thread if that takes long."""
    request = asked.request
    if effort(request) > HEAVY:
        priced = await asyncio.to_thread(quote, request, per_unit=per_unit, explained=explained)
    else:
        priced = quote(request, per_unit=per_unit, explained=explained)
    return together(priced, asked.cart, asked.reserved)


def _buyer(user_id: str | None, caller: Principal) -> str:
    if user_id not in (None, caller.user_id):
        raise Forbidden("You may only ask for yourself.", field=("userId",))
    return caller.user_id


async def _tried(trial: Trial, stores: Stores) -> Published:
    checked = await drafts.check(
        trial.source or "", stores, trial.with_published, trial.campaign_id
    )
    return Published(program=drafts.agreed(checked))


async def _facts(
    user_id: str | None, published: Published, *, stores: Stores, now: datetime
) -> Mapping[str, Any]:
    if user_id is None:
        return {}
    known = await facts.load([user_id], published, stores=stores, now=now)
    if user_id not in known:
        raise NotFound("There is no such person.", field=("userId",))
    return known[user_id]


def _paused(published: Published) -> frozenset[str]:
    if not published.paused:
        return frozenset()
    return frozenset(
        name
        for name in published.program.promotions
        if published.campaign_of.get(name) in published.paused
    )


def _told(priced: Quote) -> Quote:
    """Return a quote without the promotions that its buyer is not to hear of."""
    return replace(priced, verdicts=tuple(v for v in priced.verdicts if _may_hear_of(v)))


def _may_hear_of(verdict: Verdict) -> bool:
    return verdict.applied or (verdict.reason is not None and verdict.reason.code in _TOLD)
