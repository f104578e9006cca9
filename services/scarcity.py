"""What of the promotions is used up, which codes open some, and what a quote would take of them."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from dsl import Moment
from dsl.program import Program
from engine.pricing import Usage, Used
from engine.pricing.plan import Planned, fold_code, plan
from engine.schedule import is_active
from models.cart import Cart
from models.errors import Invalid, RateLimited
from models.quote import Quote
from models.redemption import PerUser, Taking
from models.store import Stores
from services.counting import counting_over

MOST_CODES = 10  # single-use codes looked for in one cart
WINDOW = timedelta(minutes=15)
MISSES = 20  # codes given in that time that are not good, before we stop listening
# What `codes unique` codes look like, so that nothing else counts as a guess at one.
LENGTH = 13
_SHAPE = re.compile(rf"[0-9a-hjkmnp-tv-z]{{{LENGTH}}}", re.ASCII)

Opened: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Scarcity:
    """`opened` are the single-use codes that are good for this buyer, and which promotion each."""

    usage: Usage
    opened: Opened


async def scarcity_of(
    cart: Cart, user_id: str | None, moment: Moment, *, guesser: str | None, stores: Stores
) -> Scarcity:
    """Return what bears on a cart beside the rules and the buyer's facts.

    `guesser` is whom codes that are not good are counted against; None: they are not counted.
    Raises RateLimited.
    """
    opened = await _opened(cart, user_id, moment, guesser, stores)
    names = set(_counted(cart, moment, frozenset(opened.values())))
    counts = await counting_over(stores).read(names, user_id) if names else {}
    usage = {
        name: Used(times=count.times, total=count.uses, spent=count.money)
        for name, count in counts.items()
    }
    return Scarcity(usage, opened)


def takings(quote: Quote, program: Program) -> tuple[Taking, ...]:
    """Return what an order at this quote takes of what is counted, in the order of its names."""
    by_name = plan(program).by_name
    campaigns: dict[str, list[tuple[str, int]]] = defaultdict(list)
    found: list[Taking] = []
    for verdict in quote.verdicts:
        if not verdict.applied:
            continue
        planned = by_name[verdict.name]
        if planned.campaign is not None and planned.campaign.budget is not None:
            campaigns[planned.campaign.name].append((verdict.name, verdict.saved))
        taking = _taking(planned, verdict.saved)
        if taking.is_shared or taking.per_user:
            found.append(taking)
    for name, parts in campaigns.items():
        budget = program.campaigns[name].budget
        assert budget is not None  # or it would not be among them
        found.append(
            Taking(
                name=name,
                promotions=tuple(promotion for promotion, _ in parts),
                uses=0,
                money=sum(saved for _, saved in parts),
                budget=budget.minor,
            )
        )
    return tuple(sorted(found, key=lambda taking: taking.name))


def _taking(planned: Planned, saved: int) -> Taking:
    promotion = planned.promotion
    totals = [limit.count for limit in promotion.limits if limit.per != "user"]
    return Taking(
        name=planned.name,
        promotions=(planned.name,),
        money=saved,
        most=min(totals, default=None),
        budget=None if promotion.budget is None else promotion.budget.minor,
        per_user=tuple(
            PerUser(limit.count, None if (w := limit.within) is None else (w.count, w.unit))
            for limit in promotion.limits
            if limit.per == "user"
        ),
        zone=planned.zone,
    )


def _counted(cart: Cart, moment: Moment, opened: frozenset[str]) -> Iterator[str]:
    """Yield the names of the counters that can matter to this cart now."""
    given = {fold_code(code) for code in cart.codes}
    for planned in plan(moment.program).counted:
        promotion, campaign = planned.promotion, planned.campaign
        around = campaign is not None and campaign.budget is not None
        if planned.codes and planned.codes.isdisjoint(given) and planned.name not in opened:
            continue
        if promotion.unique_codes and not planned.codes and planned.name not in opened:
            continue
        if is_active(promotion.active, moment):
            yield planned.name
            if around and campaign is not None:
                yield campaign.name


async def _opened(
    cart: Cart, user_id: str | None, moment: Moment, guesser: str | None, stores: Stores
) -> Opened:
    if not cart.codes or not plan(moment.program).has_unique_codes:
        return {}
    given = dict.fromkeys(fold_code(code) for code in cart.codes)
    keys = [key for key in given if _SHAPE.fullmatch(key)]
    if not keys:
        return {}
    if len(keys) > MOST_CODES:
        raise Invalid(
            f"codes: {len(keys)} are too many; a cart has at most {MOST_CODES} single-use codes",
            field=("cart", "codes"),
        )
    # Counted before the look, so that tries at the same moment cannot all slip through.
    if guesser is not None:
        for _ in keys:
            await _count_guess(guesser, moment.now, stores)
    found = await stores.codes.find_many(keys)
    good = {
        key: code.promotion for key, code in found.items() if code.opens_for(user_id, moment.now)
    }
    if guesser is not None:
        for _ in good:
            await stores.throttles.give_back(_throttle(guesser))
    return good


async def _count_guess(guesser: str, now: datetime, stores: Stores) -> None:
    count, until = await stores.throttles.take(_throttle(guesser), window=WINDOW, now=now)
    if count > MISSES:
        raise RateLimited(
            f"Too many codes that are not good; leave them out, or wait {_minutes(until - now)}.",
            retry_after=(until - now).total_seconds(),
        )


def _minutes(length: timedelta) -> str:
    count = max(1, -(-length // timedelta(minutes=1)))
    return "a minute" if count == 1 else f"{count} minutes"


def _throttle(guesser: str) -> str:
    return f"codes:{guesser}"
