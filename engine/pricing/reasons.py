"""Why a promotion did not apply: the clause that stopped it, what it saw, and what would help."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dsl import MISSING, Moment, holds, value
from dsl.core import Aggregate, AllOf, Apply, Const, EventSource, Expr, Ref
from engine.pricing.candidates import Sieve
from engine.pricing.nodes import nodes
from engine.pricing.plan import Planned
from engine.pricing.request import with_remaining
from engine.pricing.turn import Facts
from engine.pricing.usage import used_up, uses_counted
from models.quote import Reason, Unlock, Why

# What the buyer can still change; the rest is as it is.
_CHANGEABLE = ("cart.",)


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
            budget = promotion.budget
            spent = sieve.request.used(planned.name).spent
            return Reason(why, "budget", {"left": max(0, budget.minor - spent)} if budget else {})
        case Why.CURRENCY:
            seen = {"cart.currency": sieve.request.cart.currency}
            return Reason(why, "currency", seen, Unlock("cart.currency", promotion.currency))
        case Why.NOT_ACTIVE:
            return Reason(why, "active", {"now": moment.now})
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


def _failed(why: Why, clause: str, condition: Expr | None, facts: Facts, moment: Moment) -> Reason:
    parts = condition.operands if isinstance(condition, AllOf) else (condition,)
    failing = [part for part in parts if part is not None and not holds(part, facts, moment)]
    values = {
        name: None if (seen := value(leaf, facts, moment)) is MISSING else seen
        for part in failing
        for name, leaf in _leaves(part)
    }
    unlock = _unlock(failing[0], facts, moment) if len(failing) == 1 else None
    return Reason(why, clause, values, unlock)


def _leaves(expr: Expr) -> Iterator[tuple[str, Expr]]:
    """Yield the facts that a condition reads, under the names by which it calls them."""
    inside: set[int] = set()
    for node in nodes(expr):
        if id(node) in inside:
            continue
        name = _name(node)
        if name is not None:
            yield name, node
            inside |= {id(each) for each in nodes(node)}


def _name(node: Expr) -> str | None:
    match node:
        case Ref(root, path) if root != "element":
            return ".".join((root, *path))
        case Aggregate(function, EventSource(event, nested), field, _, _):
            return f"{function}({'.'.join((event, *nested, *field))})"
        case Aggregate(function, source, field, _, _) if not isinstance(source, EventSource):
            return f"{function}({'.'.join((source.ref.root, *source.ref.path, *field))})"
        case _:
            return None


def _unlock(condition: Expr, facts: Facts, moment: Moment) -> Unlock | None:
    """Return the smallest change to the cart that makes a comparison with a literal true."""
    match condition:
        case Apply(operator, (left, Const(bound))) if operator in (">=", ">", "=", "<=", "<"):
            name = _name(left)
        case _:
            return None
    if name is None or not any(root in name for root in _CHANGEABLE):
        return None
    seen: Any = value(left, facts, moment)
    if not isinstance(seen, int | float) or not isinstance(bound, int | float):
        return Unlock(name, bound) if operator == "=" else None
    # Strictly more or less: by one minor unit of money, or one thing.
    to = bound + {">": 1, "<": -1}.get(operator, 0)
    return Unlock(name, to, to - seen)
