"""What a quote tells of the promotions that did not apply: of all, of some, or of near misses.

A near miss is a promotion of which everything holds but one thing that the buyer could change or
that has just run out: it lost to others, took nothing, has used up its limit or budget, or its
`when` lacks one change that can be named, of a number by at most a half or by one.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from engine.pricing.candidates import Sieve
from engine.pricing.combinations import Path
from engine.pricing.plan import Planned, plan
from engine.pricing.reasons import explain, outdone
from models.quote import Reason, Verdict, Why

MOST_NEAR = 10

_verdict = partial(tuple.__new__, Verdict)


@dataclass(slots=True)
class Telling:
    """Tells of one priced cart. Whom it tells `as_customer` hears of what could be theirs."""

    sieve: Sieve
    path: Path
    as_customer: bool = False
    _applied: dict[str, Verdict] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._applied = {verdict.name: verdict for verdict in applied(self.path)}

    def everything(self) -> Iterator[Verdict]:
        """Yield what became of each promotion, in the order of their turns."""
        for planned in plan(self.sieve.request.moment.program).turns:
            yield self._applied.get(planned.name) or self._verdict(planned)

    def heard(self) -> Iterator[Verdict]:
        """Yield what became of each promotion that is to be told of, in order of their turns.

        Of reasons there is the code alone: `some` tells the rest of those that are looked at.
        """
        for planned in plan(self.sieve.request.moment.program).turns:
            if planned.name in self._applied:
                yield self._applied[planned.name]
            elif self._is_to_tell(planned):
                reason = Reason(self._why(planned), "")
                yield Verdict(planned.name, planned.promotion.title, applied=False, reason=reason)

    def near(self) -> list[Verdict]:
        """Return the promotions whose code was given, and near misses: what lacks least first."""
        found = [self._verdict(each) for each in self._given() if self._is_to_tell(each)]
        near = (verdict for verdict in self._near() if verdict not in found)
        return found + list(islice(near, MOST_NEAR))

    def some(self, names: Collection[str] | None, most: int) -> list[Verdict]:
        """Return why these did not apply, or whichever, near misses first; at most so many."""
        by_name = plan(self.sieve.request.moment.program).by_name
        if names is not None:
            asked = (by_name[name] for name in dict.fromkeys(names) if name in by_name)
            told = (self._verdict(each) for each in asked if self._is_to_tell(each))
            return list(islice(told, most))
        found = self.near()[:most]
        rest = self.sieve.entitled() if self.as_customer else by_name.values()
        seen = {verdict.name for verdict in found}
        others = (each for each in rest if each.name not in seen and self._is_to_tell(each))
        return found + [self._verdict(each) for each in islice(others, most - len(found))]

    def _is_to_tell(self, planned: Planned) -> bool:
        if planned.name in self._applied:
            return False
        return not self.as_customer or self.sieve.may_be_told(planned)

    def _given(self) -> list[Planned]:
        """Return the promotions whose code was given."""
        planned = plan(self.sieve.request.moment.program)
        found = [
            each for code in sorted(self.sieve.codes) for each in planned.by_code.get(code, ())
        ]
        unlocked = sorted(self.sieve.request.unlocked)
        found += [planned.by_name[name] for name in unlocked if name in planned.by_name]
        return list(dict.fromkeys(found))

    def _near(self) -> Iterator[Verdict]:
        """Yield near misses; of those whose `when` lacks something only some are looked at."""
        for planned in self.sieve.matching():
            if planned.name not in self._applied and self.sieve.stops(planned) in (None, Why.LIMIT):
                yield self._verdict(planned)
        # More than are told of, for some of them lack what cannot be named.
        for planned in islice(self.sieve.short(MOST_NEAR), 2 * MOST_NEAR):
            verdict = self._verdict(planned)
            unlock = verdict.reason.unlock if verdict.reason else None
            if unlock is not None and not unlock.also:
                yield verdict

    def _verdict(self, planned: Planned) -> Verdict:
        return Verdict(
            planned.name, planned.promotion.title, applied=False, reason=self._reason(planned)
        )

    def _why(self, planned: Planned) -> Why:
        for left_out, why, _ in self.path.left_out:
            if left_out is planned:
                return why
        if any(each.planned is planned for each in self.path.served):
            return Why.NOTHING
        return self.sieve.stops(planned) or Why.OUTDONE

    def _reason(self, planned: Planned) -> Reason:
        for left_out, why, amount in self.path.left_out:
            if left_out is planned:
                spent = self._spent_before(planned) if why is Why.BUDGET else 0
                return explain(why, planned, self.sieve, amount, spent=spent)
        if any(each.planned is planned for each in self.path.served):
            return explain(Why.NOTHING, planned, self.sieve)
        stopped = self.sieve.stops(planned)
        if stopped is not None:
            return explain(stopped, planned, self.sieve)
        winners = [each.planned for each in self.path.served if each.did_something]
        return outdone(planned, winners)

    def _spent_before(self, planned: Planned) -> int:
        """Return what members of a promotion's campaign had saved when its turn came."""
        return sum(
            each.saved
            for each in self.path.served
            if each.planned.number < planned.number and each.planned.campaign is planned.campaign
        )


def applied(path: Path) -> Iterator[Verdict]:
    """Yield the promotions that took or gave something."""
    for planned, before, after, off_shipping, given in path.served:
        saved = off_shipping
        if after is not before:
            saved += sum(before) - sum(after)
        points = given.points if given else 0
        if saved or points or (given and (given.gifts or given.grants)):
            title = planned.promotion.title
            yield _verdict((planned.name, title, True, saved, None, points))
