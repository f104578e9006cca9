"""Which promotions may apply to a cart: the conditions judged before any of them does."""

from dataclasses import dataclass, field
from functools import partial

from dsl import Moment, Program
from dsl.explanation import Explainer
from engine.chance import held_out
from engine.matching import Index, Judges, Shortfalls
from engine.memory import once_per_program
from engine.pricing.conditions import conditions_of, entrance_of, when_of, with_request
from engine.pricing.plan import Planned, plan
from engine.pricing.request import Request
from engine.pricing.turn import Facts
from engine.pricing.usage import used_up
from engine.schedule import is_active
from models.quote import Why


@dataclass(frozen=True, slots=True)
class Rules:
    """A program's promotions, ready to be matched, and its expressions, ready to be judged."""

    judges: Judges
    index: Index[Planned]


@once_per_program
def rules(program: Program) -> Rules:
    """Return a program's rules."""
    judges = Judges(program)
    asked = ((planned, conditions_of(planned)) for planned in plan(program).turns)
    return Rules(judges, Index(asked, judges.compiler))


@dataclass(frozen=True, slots=True)
class Nearness:
    """The same promotions by what they ask before the cart matters, and by what of the cart."""

    entrances: Index[Planned]
    whens: Shortfalls[Planned]


@once_per_program
def nearness(program: Program) -> Nearness:
    """Return what finds a program's near misses."""
    turns, compiler = plan(program).turns, rules(program).judges.compiler
    return Nearness(
        Index(((planned, entrance_of(planned)) for planned in turns), compiler),
        Shortfalls(((planned, when_of(planned)) for planned in turns), compiler),
    )


@dataclass(slots=True)
class Sieve:
    """Judges promotions against the cart as it was sent."""

    request: Request
    facts: Facts
    codes: frozenset[str]
    rules: Rules
    _moments: dict[str, Moment] = field(default_factory=dict)
    _explainers: dict[str, Explainer] = field(default_factory=dict)

    @classmethod
    def of(cls, request: Request) -> "Sieve":
        return cls(request, request.seen(), request.codes(), rules(request.moment.program))

    @property
    def judges(self) -> Judges:
        return self.rules.judges

    def moment(self, planned: Planned) -> Moment:
        """Return the moment in the promotion's own zone."""
        return self._moment_in(planned.zone)

    def _moment_in(self, zone: str | None) -> Moment:
        if zone is None or zone == self.request.moment.zone:
            return self.request.moment
        if zone not in self._moments:
            self._moments[zone] = self.request.moment.in_zone(zone)
        return self._moments[zone]

    def explainer(self, planned: Planned) -> Explainer:
        """Return what explains the promotion's conditions: the same for all of one zone."""
        if planned.zone not in self._explainers:
            facts, moment = self.facts, self.moment(planned)
            look = partial(self.judges.look, facts=facts, moment=moment)
            judge = partial(self.judges.holds, facts=facts, moment=moment)
            self._explainers[planned.zone] = Explainer(facts, moment, look=look, judge=judge)
        return self._explainers[planned.zone]

    def candidates(self) -> list[Planned]:
        """Return the promotions that nothing stops, in the order of their turns."""
        return self._remaining(self.matching())

    def matching(self) -> list[Planned]:
        """Return the promotions that nothing stops but limits, pauses and the like."""
        return self.rules.index.match(with_request(self.facts, self.request), self._moment_in)

    def entitled(self) -> list[Planned]:
        """Return the promotions that nothing stops but perhaps their `when`."""
        entrances = nearness(self.request.moment.program).entrances
        found = entrances.match(with_request(self.facts, self.request), self._moment_in)
        return self._remaining(found)

    def short(self, most: int) -> list[Planned]:
        """Return the promotions whose `when` lacks one thing, at most so many for each thing.

        First those that are nearest to what they ask.
        """
        whens = nearness(self.request.moment.program).whens
        among = [planned.number for planned in self.entitled()]
        return whens.nearest(self.facts, self._moment_in, among, most)

    def may_be_told(self, planned: Planned) -> bool:
        """Whether a customer may hear of a promotion: not of one that only others or codes open.

        Whoever gave its code also hears that it is not active now, or in another currency.
        """
        why = self.stops(planned)
        if why in (Why.PAUSED, Why.NOT_ACTIVE, Why.CURRENCY):
            coded = bool(planned.codes or planned.promotion.unique_codes)
            return coded and self.is_unlocked(planned) and self._is_for_buyer(planned)
        return why in (None, Why.LIMIT, Why.WHEN)

    def _is_for_buyer(self, planned: Planned) -> bool:
        audience = planned.promotion.audience
        for_them = audience is None or (
            self.request.signed_in and self.judges.holds(audience, self.facts, self.moment(planned))
        )
        return for_them and not self._is_held_out(planned)

    def _remaining(self, found: list[Planned]) -> list[Planned]:
        """Return those of some that nothing stops which the index does not know about."""
        paused = self.request.paused
        return [
            planned
            for planned in found
            if not (planned.asks_more or paused) or not self._is_left_out(planned)
        ]

    def _is_left_out(self, planned: Planned) -> bool:
        promotion = planned.promotion
        return bool(
            promotion.name in self.request.paused
            or (planned.recurs and not is_active(promotion.active, self.request.moment))
            or (planned.held_out and self._is_held_out(planned))
            or (promotion.limits and self._is_used_up(planned))
        )

    def stops(self, planned: Planned) -> Why | None:
        """Return why a promotion is no candidate, None if it is one."""
        promotion = planned.promotion
        if promotion.name in self.request.paused:
            return Why.PAUSED
        if not is_active(promotion.active, self.request.moment):
            return Why.NOT_ACTIVE
        if not self.is_payable(planned):
            return Why.CURRENCY
        if not self.is_unlocked(planned):
            return Why.CODE
        if planned.needs_user and not self.request.signed_in:
            return Why.SIGN_IN
        return self._stops_person(planned)

    def _stops_person(self, planned: Planned) -> Why | None:
        promotion, moment = planned.promotion, self.moment(planned)
        if promotion.audience and not self.judges.holds(promotion.audience, self.facts, moment):
            return Why.AUDIENCE
        if self._is_held_out(planned):
            return Why.HOLDOUT
        if self._is_used_up(planned):
            return Why.LIMIT
        when = None if planned.waits else promotion.when
        if when is not None and not self.judges.holds(when, self.facts, moment):
            return Why.WHEN
        return None

    def _is_used_up(self, planned: Planned) -> bool:
        used, now = self.request.used(planned.name), self.request.moment.now
        return any(used_up(limit, used, now, planned.zone) for limit in planned.promotion.limits)

    def is_payable(self, planned: Planned) -> bool:
        """Whether the cart is in the currency of all the promotion's money."""
        return all(each == self.request.cart.currency for each in planned.currencies)

    def is_unlocked(self, planned: Planned) -> bool:
        """Whether the code that a promotion needs was given."""
        if planned.promotion.unique_codes and planned.name in self.request.unlocked:
            return True
        if planned.codes:
            return not planned.codes.isdisjoint(self.codes)
        return not planned.promotion.unique_codes

    def _is_held_out(self, planned: Planned) -> bool:
        user_id = self.request.user_id
        return any(held_out(user_id, name, share) for name, share in planned.held_out)
