"""What a promotion asks before its turn, as conditions that an index can look up.

Not among them are limits, holdouts and hours that recur.
"""

from collections.abc import Iterator

from dsl.core import AnyOf, Apply, Const, Ref
from dsl.kinds import BOOL, TEXT, ListOf
from engine.matching import Condition, within
from engine.pricing.plan import Planned
from engine.pricing.request import Request
from engine.pricing.turn import Facts

# Beside the facts of rules, what a request says about itself.
_ROOT = "request"
_KEYS = Ref(_ROOT, ("keys",), ListOf(TEXT))
_SIGNED_IN = Ref(_ROOT, ("signed_in",), BOOL)
_CURRENCY = Ref("cart", ("currency",), TEXT)


def conditions_of(planned: Planned) -> Iterator[Condition]:
    """Yield what must hold for a promotion to be a candidate."""
    yield from entrance_of(planned)
    yield from when_of(planned)


def when_of(planned: Planned) -> Iterator[Condition]:
    """Yield what a promotion asks of the cart. One that names cart.remaining: at its turn."""
    if planned.promotion.when is not None and not planned.waits:
        yield Condition(planned.promotion.when, planned.zone)


def entrance_of(planned: Planned) -> Iterator[Condition]:
    """Yield what must hold before the cart matters."""
    promotion = planned.promotion
    yield from within(promotion.active)
    for currency in planned.currencies:
        yield Condition(Apply("=", (_CURRENCY, Const(currency, TEXT)), BOOL))
    keys = [_key_of_code(code) for code in sorted(planned.codes)]
    if promotion.unique_codes:
        keys.append(_key_of_promotion(promotion.name))
    if keys:
        tests = (Apply("contains", (_KEYS, Const(key, TEXT)), BOOL) for key in keys)
        yield Condition(AnyOf(tuple(tests)))
    if planned.needs_user:
        yield Condition(_SIGNED_IN)
    if promotion.audience is not None:
        yield Condition(promotion.audience, planned.zone)


def with_request(facts: Facts, request: Request) -> Facts:
    """Return the facts that the conditions are about."""
    keys = [_key_of_code(code) for code in request.codes()]
    keys += map(_key_of_promotion, request.unlocked)
    return {**facts, _ROOT: {"keys": keys, "signed_in": request.signed_in}}


def _key_of_code(code: str) -> str:
    return f"code {code}"


def _key_of_promotion(name: str) -> str:
    return f"promotion {name}"
