"""Pricing carts: the published rules, or rules being tried, with the facts of the buyer."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import dsl
from engine.pricing import Request, effort, quote
from engine.pricing.reading import read_cart
from models.errors import DomainError, Forbidden, Invalid, NotFound
from models.principal import Principal, Role
from models.quote import Quote, Verdict, Why
from models.store import Stores
from models.user import STAFF
from services import facts, publications
from services.publications import RulesRefused
from services.rulebook import Published, Rulebook

DRAFT = "rules"
HEAVY = 2_000  # beyond this a quote is worked out in a thread, not to hold up other requests

# A buyer hears of what they could have; not of what is for others, or for those with a code.
_TOLD = frozenset((Why.WHEN, Why.LIMIT, Why.BUDGET, Why.OUTDONE, Why.NOTHING))


async def quote_cart(
    cart: Mapping[str, Any],
    *,
    user_id: str | None = None,
    source: str | None = None,
    at: datetime | None = None,
    caller: Principal,
    stores: Stores,
    rulebook: Rulebook,
    now: datetime,
) -> Quote:
    """Return what a cart costs this person now, or nobody in particular.

    Staff may try rules that are not published (`source`) and other times (`at`); only staff and the
    shop's integrators may ask for others, a customer is always the buyer. Paused campaigns do not
    apply. Raises Invalid, naming the place within `cart`.
    """
    is_customer = not caller.roles & (STAFF | {Role.INTEGRATOR})
    buyer = _buyer(user_id, caller) if is_customer else user_id
    if (source is not None or at is not None) and not caller.roles & STAFF:
        raise Forbidden("Only staff may try other rules or times.")
    published = await rulebook.current() if source is None else await _trial(source, stores)
    program, moment = published.program, at or now
    try:
        sent = read_cart(cart, program)
    except DomainError as error:
        raise Invalid(error.message, field=("cart", *error.field)) from error
    known = await _facts(buyer, published, stores=stores, now=moment)
    asked = Request(
        sent, known, dsl.Moment(moment, program.zone, program), paused=_paused(published)
    )
    heavy = effort(asked) > HEAVY
    priced = await asyncio.to_thread(quote, asked) if heavy else quote(asked)
    return _told(priced) if is_customer else priced


def _buyer(user_id: str | None, caller: Principal) -> str:
    if user_id not in (None, caller.user_id):
        raise Forbidden("You may only ask for yourself.", field=("userId",))
    return caller.user_id


async def _trial(source: str, stores: Stores) -> Published:
    """Return rules as if only they were published. Raises RulesRefused."""
    workspace = await stores.workspace.get()
    settings = dsl.Settings(zone=workspace.zone, currency=workspace.currency)
    checked = await publications.check([dsl.SourceFile(DRAFT, source)], settings)
    if checked.program is None:
        errors = [d for d in checked.diagnostics if d.severity is dsl.Severity.ERROR]
        raise RulesRefused(errors, {}, (DRAFT,))
    return Published(program=checked.program)


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
