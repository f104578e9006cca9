"""Why a promotion did not apply: the clause that stopped it, what it saw, and what would help."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from dsl import MISSING, Moment
from dsl.clauses import Limit
from dsl.core import AllOf, Expr
from dsl.explanation import Change, Explainer
from dsl.kinds import TIMESTAMP
from dsl.money import to_text
from dsl.walking import facts_read
from engine.pricing.candidates import Sieve
from engine.pricing.plan import Planned
from engine.pricing.request import with_remaining
from engine.pricing.usage import budget_left, next_use, used_up, uses_counted
from engine.stored import shown
from models.quote import Reason, Unlock, Why

_NEVER = datetime.max.replace(tzinfo=UTC)


def explain(
    why: Why, planned: Planned, sieve: Sieve, amount: int | None = None, *, spent: int = 0
) -> Reason:
    """Return the reason in full.

    `amount` is what was left to pay at the promotion's turn, or for a budget what it would have
    saved; `spent` is what others had taken by then of the budget of its campaign.
    """
    promotion, moment = planned.promotion, sieve.moment(planned)
    match why:
        case Why.WHEN | Why.AUDIENCE:
            condition = promotion.when if why is Why.WHEN else promotion.audience
            assert condition is not None, why
            explainer = sieve.explainer(planned)
            if amount is not None:
                explainer = Explainer(with_remaining(sieve.facts, amount), moment)
            currency = sieve.request.cart.currency
            return _failed(
                why, "when" if why is Why.WHEN else "for", condition, explainer, currency
            )
        case Why.SIGN_IN:
            return Reason(why, planned.needs_user[0])
        case Why.LIMIT:
            return _limit(planned, sieve, moment)
        case Why.BUDGET:
            return _budget(planned, sieve, amount or 0, spent)
        case Why.CURRENCY:
            seen = {"cart.currency": sieve.request.cart.currency}
            # One in two currencies, its own and its campaign's, is for no cart.
            only = planned.currencies[0] if len(planned.currencies) == 1 else None
            unlock = None if only is None else Unlock("cart.currency", only)
            return Reason(why, "currency", seen, unlock)
        case Why.NOT_ACTIVE:
            return Reason(why, "active", {"now": shown(moment.now, TIMESTAMP, "")})
        case _:
            return Reason(why, _CLAUSES.get(why, ""))


_CLAUSES: Mapping[Why, str] = {
    Why.PAUSED: "campaign",
    Why.CODE: "code",
    Why.HOLDOUT: "holdout",
    Why.NOTHING: "take",
}


def outdone(planned: Planned, winners: Sequence[Planned]) -> Reason:
    """Return why a candidate is not in the combination that was chosen."""
    promotion = planned.promotion
    if promotion.exclusive or any(winner.promotion.exclusive for winner in winners):
        clause = "exclusive"
    elif promotion.best_of:
        clause = f"best of {promotion.best_of}"
    elif promotion.first_of:
        clause = f"first of {promotion.first_of}"
    else:
        clause = "exclusive"
    return Reason(Why.OUTDONE, clause, {"by": [winner.name for winner in winners]})


def _limit(planned: Planned, sieve: Sieve, moment: Moment) -> Reason:
    used, now, zone = sieve.request.used(planned.name), moment.now, planned.zone
    reached = [limit for limit in planned.promotion.limits if used_up(limit, used, now, zone)]
    ends = [next_use(limit, used, now, zone) for limit in reached]
    # What never leaves a use again comes first: it is what stops the promotion in the end.
    limit, end = max(zip(reached, ends, strict=True), key=lambda each: each[1] or _NEVER)
    seen = uses_counted(limit, used, now, zone)
    values = {"used": seen, "limit": limit.count}
    return Reason(Why.LIMIT, _clause_of(limit), values, None if end is None else _again(end))


def _clause_of(limit: Limit) -> str:
    if limit.per != "user":
        return f"limit {limit.count} total"
    within = "" if limit.within is None else f" per {limit.within.words}"
    return f"limit {limit.count} per user{within}"


def _again(end: datetime) -> Unlock:
    at = shown(end, TIMESTAMP, "")
    return Unlock("now", at, text=f"possible again from {at}")


def _budget(planned: Planned, sieve: Sieve, saving: int, spent: int) -> Reason:
    request, campaign = sieve.request, planned.campaign
    own, currency = planned.promotion.budget, request.cart.currency
    left = budget_left(own, request.used(planned.name))
    values = {"left": left, "saving": saving}
    if campaign is not None and (left is None or saving <= left):
        shared = budget_left(campaign.budget, request.used(campaign.name))
        values["left"] = None if shared is None else max(0, shared - spent)
    told = {name: to_text(minor or 0, currency) for name, minor in values.items()}
    return Reason(Why.BUDGET, "budget", told)


def _failed(why: Why, clause: str, condition: Expr, explainer: Explainer, currency: str) -> Reason:
    parts = condition.operands if isinstance(condition, AllOf) else (condition,)
    values = {
        name: shown(explainer.value(fact), fact.kind, currency)
        for part in parts
        if not explainer.holds(part)
        for name, fact in facts_read(part)
    }
    return Reason(why, clause, values, _unlock(explainer.way(condition) or (), currency))


def _unlock(changes: Sequence[Change], currency: str) -> Unlock | None:
    """Return the changes that are enough together, if there are any and all have a value."""
    if not changes or any(each.to is MISSING for each in changes):
        return None
    first, *others = (_named(each, currency) for each in changes)
    text = "; ".join(each.text for each in (first, *others))
    return replace(first, text=text, also=tuple(others))


def _named(change: Change, currency: str) -> Unlock:
    kind = change.subject.kind
    by = None if change.by is None else shown(change.by, kind, currency)
    to = shown(change.to, kind, currency)
    return Unlock(change.name, to, by, f"{change.what}: {change.text}")
