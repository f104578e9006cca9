"""The wallet: what a person could make use of now, and what is missing for the rest.

Of promotions they hear what a quote would tell them: not of those for others, or behind codes.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import dsl
from dsl.clauses import Limit
from engine.pricing import Request
from engine.pricing.plan import Planned, plan
from engine.pricing.usage import uses_counted
from engine.schedule import ends, is_active
from models.errors import NotFound
from models.offer import Offer, Offers, OfferStatus, OwnCode
from models.paging import Page, Window
from models.principal import Principal
from models.quote import Verdict, Why
from models.store import Stores
from models.unique_code import Code
from models.user import STAFF
from services import people
from services.quotes import request_for, telling_at
from services.rulebook import Published, Rulebook

_STATUS: Mapping[Why, OfferStatus] = {
    Why.WHEN: OfferStatus.ALMOST,
    Why.LIMIT: OfferStatus.USED_UP,
    Why.BUDGET: OfferStatus.USED_UP,
    Why.OUTDONE: OfferStatus.USABLE,
    Why.NOTHING: OfferStatus.USABLE,
}  # nothing else is on offer: with its code given, a quote also tells of what is not on now


async def offers_for(
    user_id: str,
    cart: Mapping[str, Any] | None,
    window: Window,
    *,
    caller: Principal,
    stores: Stores,
    rulebook: Rulebook,
    now: datetime,
) -> Offers:
    """Return a window on what is on for a person.

    Without a cart it is as with an empty one. Raises NotFound for whom the caller may not ask
    about, and what pricing the cart raises.
    """
    _check_may_ask(user_id, caller)
    published = await rulebook.current()
    program = published.program
    asked = await request_for(
        {"currency": program.currency, "lines": []} if cart is None else cart,
        user_id,
        published,
        guesser=None if caller.roles & STAFF else user_id,
        stores=stores,
        now=now,
    )
    telling = await telling_at(asked)
    heard = await asyncio.to_thread(lambda: list(telling.heard()))
    planned = {each.name: each for each in plan(program).turns}
    found = [
        _offer(verdict, planned[verdict.name], asked.request)
        for verdict in heard
        if verdict.reason is None or verdict.reason.code in _STATUS
    ]
    page = _page_of(sorted(found, key=lambda offer: offer.position), window)
    # That an empty cart has nothing to take from, or is done better by another, says nothing.
    names = [
        offer.name
        for offer in page.items
        if offer.reason is not None and (cart is not None or offer.status is not OfferStatus.USABLE)
    ]
    told = await asyncio.to_thread(telling.some, names, len(names))
    reasons = {verdict.name: verdict.reason for verdict in told}
    shown = [replace(offer, reason=reasons.get(offer.name)) for offer in page.items]
    return Offers(asked.cart.currency, Page(shown, page.more), len(found))


def _page_of(offers: Sequence[Offer], window: Window) -> Page[Offer]:
    if window.backward:
        before = [x for x in offers if window.start is None or x.position < window.start]
        return Page(before[-window.limit :], len(before) > window.limit)
    after = [x for x in offers if window.start is None or x.position > window.start]
    return Page(after[: window.limit], len(after) > window.limit)


async def codes_for(
    user_id: str,
    window: Window,
    *,
    caller: Principal,
    stores: Stores,
    rulebook: Rulebook,
    now: datetime,
) -> Page[OwnCode]:
    """Return a window on the single-use codes that only this person can use, and still can.

    Raises NotFound for whom the caller may not ask about.
    """
    _check_may_ask(user_id, caller)
    if not await stores.users.known([user_id]):
        raise NotFound("There is no such person.", field=("userId",))
    published = await rulebook.current()
    moment = dsl.Moment(now, published.program.zone, published.program)
    page = await stores.codes.page_of_user(user_id, window, now)
    return Page([_own(code, published, moment) for code in page.items], page.more)


def _check_may_ask(user_id: str, caller: Principal) -> None:
    if not people.may_ask_about(user_id, caller):
        raise NotFound("There is no such person.", field=("userId",))


def _offer(verdict: Verdict, planned: Planned, request: Request) -> Offer:
    reason = verdict.reason
    status = OfferStatus.APPLIED if reason is None else _STATUS[reason.code]
    promotion = planned.promotion
    own = [each for each in promotion.limits if each.per == "user"]
    shared = [each for each in promotion.limits if each.per != "user"]
    return Offer(
        name=verdict.name,
        title=verdict.title,
        status=status,
        saved=verdict.saved,
        reason=reason,
        ends_at=ends(promotion.active, request.moment),
        left=_left(own, planned, request),
        left_in_all=_left(shared, planned, request),
    )


def _left(limits: Sequence[Limit], planned: Planned, request: Request) -> int | None:
    used, now = request.used(planned.name), request.moment.now
    left = [max(0, limit.count - uses_counted(limit, used, now, planned.zone)) for limit in limits]
    return min(left, default=None)


def _own(code: Code, published: Published, moment: dsl.Moment) -> OwnCode:
    promotion = published.program.promotions.get(code.promotion)
    if promotion is None:
        return OwnCode(code, None, is_on=False)
    paused = published.campaign_of.get(promotion.name) in published.paused
    return OwnCode(code, promotion.title, not paused and is_active(promotion.active, moment))
