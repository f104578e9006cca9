"""Pricing carts: the published rules, or rules being tried, with the facts of the buyer."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import dsl
from engine.pricing import Pricing, Request, effort
from engine.pricing.reading import read_cart
from engine.pricing.reserved import apart, together
from engine.pricing.telling import Telling
from models.cart import Cart
from models.errors import DomainError, Forbidden, Invalid, NotFound
from models.principal import Principal
from models.quote import Quote, Verdict
from models.redemption import Reserved
from models.store import Stores
from models.user import SHOP, STAFF
from services import drafts, facts, products, redeeming
from services.reserving import reserved_in
from services.rulebook import Published, Rulebook
from services.scarcity import Opened, scarcity_of

HEAVY = 2_000  # beyond this a quote is worked out in a thread, not to hold up other requests

MOST_TOLD = 100  # reasons in one answer


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


@dataclass(frozen=True, slots=True)
class Priced:
    """A quote, which tells of the promotions that applied, and on request why others did not.

    A customer hears of what they could have; not of what is for others, or for those with a code.
    """

    quote: Quote
    _pricing: Pricing
    _as_customer: bool

    async def near_misses(self) -> Sequence[Verdict]:
        """Return the promotions whose code was given and that did not apply, and near misses."""
        return await self._ask(lambda telling: telling.near())

    async def why_not(self, names: Sequence[str] | None, first: int) -> Sequence[Verdict]:
        """Return why these did not apply, or the first of all, near misses first.

        Names of what applied, of what there is not or of what the caller is not to hear are passed
        over. Raises Invalid.
        """
        if not 0 < first <= MOST_TOLD:
            raise Invalid(f"`first` is 1 to {MOST_TOLD}, not {first}.", field=("first",))
        if names is not None and len(names) > MOST_TOLD:
            raise Invalid(
                f"At most {MOST_TOLD} promotions can be asked about at once.", field=("promotions",)
            )
        return await self._ask(lambda telling: telling.some(names, first))

    async def _ask(self, ask: Callable[[Telling], Sequence[Verdict]]) -> Sequence[Verdict]:
        telling = self._pricing.tell(as_customer=self._as_customer)
        # Explaining many promotions takes milliseconds: others are not to wait for it.
        return await asyncio.to_thread(ask, telling)


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
) -> Priced:
    """Return what a cart costs this person now, or nobody in particular.

    Only staff may try what is not so; only they and the shop's integrators may ask for others, a
    customer is always the buyer, who may redeem `points`. Paused campaigns do not apply. Raises
    Invalid, naming the place within `cart`, and Conflict for points that are not there.
    """
    is_customer = not caller.roles & SHOP
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
    pricing = await _pricing(asked.request)
    quote = together(pricing.quote(), asked.cart, asked.reserved)
    quote = redeeming.redeemed(points, quote, buyer, published)
    await redeeming.check(quote, buyer, stores=stores, now=now)
    return Priced(quote, pricing, is_customer)


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
        sent = read_cart(cart, program)
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


async def priced_at(asked: Asked, *, per_unit: bool = False) -> Quote:
    """Return the quote, which tells of the promotions that applied."""
    pricing = await _pricing(asked.request)
    return together(pricing.quote(per_unit=per_unit), asked.cart, asked.reserved)


async def _pricing(request: Request) -> Pricing:
    """Price a cart, in a thread if that takes long."""
    if effort(request) > HEAVY:
        return await asyncio.to_thread(Pricing, request)
    return Pricing(request)


async def telling_at(asked: Asked) -> Telling:
    """Return what tells the buyer of each promotion that they may hear of."""
    return (await _pricing(asked.request)).tell(as_customer=True)


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
