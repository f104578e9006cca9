"""Which promotions may apply to a cart: the conditions judged before any of them does."""

from dataclasses import dataclass, field

from dsl import Moment, holds
from engine.chance import held_out
from engine.pricing.plan import Planned
from engine.pricing.request import Request
from engine.pricing.turn import Facts
from engine.pricing.usage import used_up
from engine.schedule import is_active
from models.quote import Why


@dataclass(slots=True)
class Sieve:
    """Judges promotions one by one against the cart as it was sent."""

    request: Request
    facts: Facts
    codes: frozenset[str]
    _moments: dict[str, Moment] = field(default_factory=dict)

    @classmethod
    def of(cls, request: Request) -> "Sieve":
        return cls(request, request.seen(), request.codes())

    def moment(self, planned: Planned) -> Moment:
        """Return the moment in the promotion's own zone."""
        if planned.zone == self.request.moment.zone:
            return self.request.moment
        if planned.zone not in self._moments:
            self._moments[planned.zone] = self.request.moment.in_zone(planned.zone)
        return self._moments[planned.zone]

    def stops(self, planned: Planned) -> Why | None:
        """Return why a promotion is no candidate, None if it is one."""
        promotion = planned.promotion
        if promotion.name in self.request.paused:
            return Why.PAUSED
        if not is_active(promotion.active, self.request.moment):
            return Why.NOT_ACTIVE
        if promotion.currency not in (None, self.request.cart.currency):
            return Why.CURRENCY
        if not self.is_unlocked(planned):
            return Why.CODE
        if planned.needs_user and not self.request.signed_in:
            return Why.SIGN_IN
        return self._stops_person(planned)

    def _stops_person(self, planned: Planned) -> Why | None:
        promotion, moment = planned.promotion, self.moment(planned)
        if promotion.audience and not holds(promotion.audience, self.facts, moment):
            return Why.AUDIENCE
        if self._is_held_out(planned):
            return Why.HOLDOUT
        used = self.request.used(promotion.name)
        if any(used_up(limit, used, moment.now, planned.zone) for limit in promotion.limits):
            return Why.LIMIT
        # One that names cart.remaining is judged at its turn.
        if promotion.when and not planned.waits and not holds(promotion.when, self.facts, moment):
            return Why.WHEN
        return None

    def is_unlocked(self, planned: Planned) -> bool:
        """Whether the code that a promotion needs was given."""
        if planned.promotion.unique_codes and planned.name in self.request.unlocked:
            return True
        if planned.codes:
            return not planned.codes.isdisjoint(self.codes)
        return not planned.promotion.unique_codes

    def _is_held_out(self, planned: Planned) -> bool:
        own, around = planned.promotion.holdout, planned.campaign
        user_id = self.request.user_id
        if own is not None and held_out(user_id, planned.name, own):
            return True
        share = around.holdout if around else None
        return around is not None and share is not None and held_out(user_id, around.name, share)
