"""Why a promotion may apply to a cart or not, as far as its own clauses decide.

What other promotions leave of the cart, and which combination saves most, is told by a quote.
"""

from collections.abc import Iterator

from dsl import explain
from dsl.promotions import Promotion
from engine.explaining.account import Clause, condition
from engine.explaining.holdouts import holdouts
from engine.explaining.situation import Situation
from engine.explaining.windows import windows
from engine.pricing.candidates import Sieve
from engine.pricing.plan import Planned, plan
from engine.pricing.request import Request
from engine.pricing.usage import used_up, uses_counted
from models.cart import Cart

SIGN_IN = "needs someone who is signed in"


def promotion_clauses(promotion: Promotion, situation: Situation) -> Iterator[Clause]:
    """Yield what decides about a promotion, in the order in which it is judged."""
    program, cart = situation.program, situation.cart
    planned = next(each for each in plan(program).turns if each.promotion is promotion)
    empty = Cart(promotion.currency or program.currency, ())
    sieve = Sieve.of(
        Request(
            empty if cart is None else cart,
            situation.facts,
            situation.moment,
            situation.usage or {},
            paused=situation.paused,
        )
    )
    facts, moment = situation.seen(), sieve.moment(planned)
    if promotion.name in situation.paused:
        yield Clause("campaign", False, "its campaign is paused")
    yield from windows(promotion.active, situation.moment)
    if cart is not None and not sieve.is_payable(planned):
        own = " and ".join(planned.currencies)
        text = f"the promotion is in {own}, the cart in {cart.currency}"
        yield Clause("currency", False, text)
    if promotion.codes or promotion.unique_codes:
        yield _code(planned, sieve)
    if not situation.has_user:
        yield from (Clause(name, False, SIGN_IN) for name in dict.fromkeys(planned.needs_user))
    else:
        if promotion.audience is not None:
            yield condition("for", explain(promotion.audience, facts, moment))
        user_id = situation.user_id
        yield from holdouts(promotion.name, promotion.holdout, planned.campaign, user_id)
        if situation.usage is not None:
            yield from _limits(planned, sieve)
    if promotion.when is not None:
        note = "judged on what promotions before it leave of the cart" if planned.waits else ""
        yield condition("when", explain(promotion.when, facts, moment), note)


def _code(planned: Planned, sieve: Sieve) -> Clause:
    given = sieve.is_unlocked(planned)
    if planned.promotion.unique_codes:
        return Clause("codes", given, "needs a code of its own")
    codes = " or ".join(f'"{code}"' for code in planned.promotion.codes)
    return Clause("code", given, codes, "" if given else "not given")


def _limits(planned: Planned, sieve: Sieve) -> Iterator[Clause]:
    used, now = sieve.request.used(planned.name), sieve.moment(planned).now
    for limit in planned.promotion.limits:
        if limit.per == "user":
            count = uses_counted(limit, used, now, planned.zone)
            up = used_up(limit, used, now, planned.zone)
            yield Clause("limit", not up, f"{limit.count} per user, {count} used")
