"""Why a promotion did not apply: the clause that stopped it, what it saw, and what would help."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from dsl import MISSING, Moment, holds, value
from dsl.core import Aggregate, AllOf, Apply, Const, EventSource, Expr, ListSource, Ref
from dsl.kinds import TIMESTAMP, Kind, Money
from dsl.money import to_text
from engine.pricing.candidates import Sieve
from engine.pricing.nodes import nodes
from engine.pricing.plan import Planned
from engine.pricing.request import with_remaining
from engine.pricing.turn import Facts
from engine.pricing.usage import used_up, uses_counted
from models.quote import Reason, Unlock, Why


def explain(why: Why, planned: Planned, sieve: Sieve, remaining: int | None = None) -> Reason:
    """Return the reason in full. `remaining`: what was left to pay at the promotion's turn."""
    promotion, moment = planned.promotion, sieve.moment(planned)
    match why:
        case Why.WHEN | Why.AUDIENCE:
            facts = sieve.facts if remaining is None else with_remaining(sieve.facts, remaining)
            condition = promotion.when if why is Why.WHEN else promotion.audience
            return _failed(why, "when" if why is Why.WHEN else "for", condition, facts, moment)
        case Why.SIGN_IN:
            return Reason(why, planned.needs_user[0])
        case Why.LIMIT:
            return _limit(planned, sieve, moment)
        case Why.BUDGET:
            return _budget(planned, sieve)
        case Why.CURRENCY:
            seen = {"cart.currency": sieve.request.cart.currency}
            return Reason(why, "currency", seen, Unlock("cart.currency", promotion.currency))
        case Why.NOT_ACTIVE:
            return Reason(why, "active", {"now": _shown(moment.now, TIMESTAMP, "")})
        case _:
            return Reason(why, _CLAUSES.get(why, ""))


_CLAUSES: Mapping[Why, str] = {
    Why.PAUSED: "campaign",
    Why.CODE: "code",
    Why.HOLDOUT: "holdout",
    Why.NOTHING: "take",
}


def outdone(planned: Planned, winners: Sequence[str]) -> Reason:
    """Return why a candidate is not in the combination that was chosen."""
    promotion = planned.promotion
    if promotion.exclusive:
        clause = "exclusive"
    elif promotion.best_of:
        clause = f"best of {promotion.best_of}"
    elif promotion.first_of:
        clause = f"first of {promotion.first_of}"
    else:
        clause = "exclusive"
    return Reason(Why.OUTDONE, clause, {"by": list(winners)})


def _limit(planned: Planned, sieve: Sieve, moment: Moment) -> Reason:
    used = sieve.request.used(planned.name)
    for limit in planned.promotion.limits:
        if used_up(limit, used, moment.now, planned.zone):
            seen = uses_counted(limit, used, moment.now, planned.zone)
            clause = f"limit {limit.count} {'per user' if limit.per == 'user' else 'total'}"
            return Reason(Why.LIMIT, clause, {"used": seen, "limit": limit.count})
    return Reason(Why.LIMIT, "limit")


def _budget(planned: Planned, sieve: Sieve) -> Reason:
    budget, name = planned.promotion.budget, planned.name
    if budget is None and planned.campaign:
        budget, name = planned.campaign.budget, planned.campaign.name
    if budget is None:
        return Reason(Why.BUDGET, "budget")
    left = max(0, budget.minor - sieve.request.used(name).spent)
    return Reason(Why.BUDGET, "budget", {"left": to_text(left, budget.currency)})


def _failed(why: Why, clause: str, condition: Expr | None, facts: Facts, moment: Moment) -> Reason:
    parts = condition.operands if isinstance(condition, AllOf) else (condition,)
    failing = [part for part in parts if part is not None and not holds(part, facts, moment)]
    currency = facts["cart"]["currency"]
    values = {
        name: _shown(value(leaf, facts, moment), leaf.kind, currency)
        for part in failing
        for name, leaf in _leaves(part)
    }
    unlock = _unlock(failing[0], facts, moment) if len(failing) == 1 else None
    return Reason(why, clause, values, unlock)


def _shown(seen: Any, kind: Kind, currency: str) -> Any:
    """Return a value as the outside reads it: money as decimal text, times as RFC 3339."""
    if seen is MISSING:
        return None
    if isinstance(kind, Money) and isinstance(seen, int):
        return to_text(seen, kind.currency or currency)
    return seen.isoformat().replace("+00:00", "Z") if isinstance(seen, datetime) else seen


def _leaves(expr: Expr) -> Iterator[tuple[str, Expr]]:
    """Yield the facts that a condition reads, under the names by which it calls them."""
    inside: set[int] = set()
    for node in nodes(expr):
        name = None if id(node) in inside else _name(node)
        if name is not None:
            yield name, node
            inside |= {id(each) for each in nodes(node)}


def _name(node: Expr) -> str | None:
    match node:
        case Ref(root, path) if root != "element":
            return ".".join((root, *path))
        case Aggregate(function, EventSource(event, nested), field):
            return f"{function}({'.'.join((event, *nested, *field))})"
        case Aggregate(function, ListSource(ref), field):
            return f"{function}({'.'.join((ref.root, *ref.path, *field))})"
        case _:
            return None


def _unlock(condition: Expr, facts: Facts, moment: Moment) -> Unlock | None:
    """Return the smallest change to the cart that makes a comparison with a literal true."""
    match condition:
        case Apply(">=" | ">" | "=" | "<=" | "<" as operator, (left, Const(bound))):
            name = _name(left)
        case _:
            return None
    if name is None or "cart." not in name:
        return None
    currency, kind = facts["cart"]["currency"], left.kind
    # Strictly more or less: by one minor unit of money, or one thing.
    to = bound + {">": 1, "<": -1}[operator] if operator in ("<", ">") else bound
    seen = value(left, facts, moment)
    numbers = isinstance(seen, int | float) and isinstance(to, int | float)
    by = _shown(to - seen, kind, currency) if numbers else None
    return Unlock(name, _shown(to, kind, currency), by)
