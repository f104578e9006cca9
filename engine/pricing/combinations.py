"""The legal combination that saves the buyer most, found by trying every one.

The promotions of a combination apply in turn. Combinations that begin alike share their beginning:
the search branches only where a member of a `best of` group has its turn.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

from engine.pricing.candidates import Sieve
from engine.pricing.effects import apply
from engine.pricing.plan import Planned
from engine.pricing.request import with_remaining
from engine.pricing.state import State, opening
from engine.pricing.till import Till
from engine.pricing.turn import Turn
from models.quote import GiftGiven, GrantGiven, Why

# Above so many legal combinations, each `best of` group is first reduced to its best member.
MOST = 4096


class Served(NamedTuple):
    """What came of a promotion's turn."""

    planned: Planned
    saved: int
    points: int
    gifts: tuple[GiftGiven, ...]
    grants: tuple[GrantGiven, ...]

    @property
    def did_something(self) -> bool:
        """Only a promotion that took or gave something applied."""
        return bool(self.saved or self.points or self.gifts or self.grants)


class Path(NamedTuple):
    """A combination so far: what is left to pay, who was served, and who was left out and why."""

    state: State
    served: tuple[Served, ...] = ()
    left_out: tuple[tuple[str, Why, int], ...] = ()

    def rank(self) -> tuple[int, bool, int, list[str]]:
        """Order combinations, the one for the customer first; one that all fell out of is none."""
        return (
            -sum(each.saved for each in self.served),
            not self.served,
            -sum(each.planned.promotion.priority for each in self.served if each.did_something),
            sorted(each.planned.name for each in self.served),
        )


@dataclass(slots=True)
class Search:
    """One search over the candidates of one cart."""

    sieve: Sieve
    prices: Sequence[int]
    start: State
    seen: dict[int, Sequence[int]]

    @classmethod
    def of(cls, sieve: Sieve) -> "Search":
        cart = sieve.request.cart
        return cls(sieve, [line.price for line in cart.lines], opening(cart), {})

    def best(self, candidates: Sequence[Planned]) -> tuple[Path, bool]:
        """Return the best combination, and whether there were too many to try them all."""
        exclusives = [each for each in candidates if each.promotion.exclusive]
        together = [each for each in candidates if not each.promotion.exclusive]
        groups = _groups(together)
        reduced = prod(len(group) for group in groups.values()) + len(exclusives) > MOST
        if reduced:
            together = self._reduce(together, groups)
        paths = [self._alone(each) for each in exclusives]
        if together or not exclusives:
            paths += self._explore(Path(self.start), together, frozenset())
        return min(paths, key=Path.rank), reduced

    def _reduce(
        self, together: Sequence[Planned], groups: Mapping[str, Sequence[Planned]]
    ) -> list[Planned]:
        kept = {
            min(group, key=lambda each: self._alone(each).rank()).name for group in groups.values()
        }
        return [each for each in together if not each.promotion.best_of or each.name in kept]

    def _alone(self, planned: Planned) -> Path:
        return self._serve(Path(self.start), planned)

    def _explore(
        self, path: Path, queue: Sequence[Planned], settled: frozenset[str]
    ) -> Iterator[Path]:
        """Yield every combination of the queue; of settled groups a member was chosen."""
        for place, planned in enumerate(queue):
            group = planned.promotion.best_of
            if group is None:
                path = self._in_turn(path, planned)
            elif group not in settled:
                rest = queue[place + 1 :]
                if any(each.promotion.best_of == group for each in rest):
                    yield from self._explore(path, rest, settled)
                settled |= {group}
                path = self._serve(path, planned)
        yield path

    def _in_turn(self, path: Path, planned: Planned) -> Path:
        group = planned.promotion.first_of
        if group and any(each.planned.promotion.first_of == group for each in path.served):
            return path
        return self._serve(path, planned)

    def _serve(self, path: Path, planned: Planned) -> Path:
        """Let a promotion apply to what is left, or leave it out of this combination."""
        moment = self.sieve.moment(planned)
        facts, seen, judges = self.sieve.facts, self.seen, self.sieve.judges
        if planned.waits or planned.varies:
            facts = with_remaining(facts, path.state.remaining)
            seen = {} if planned.varies else seen
        when = planned.promotion.when
        if planned.waits and when and not judges.holds(when, facts, moment):
            return _without(path, planned, Why.WHEN)
        till = Till(planned.name, list(path.state.lines), self.prices, path.state.shipping)
        turn = Turn(facts, moment, self.sieve.request.user_id, seen, judges)
        apply(planned.promotion.effects, till, turn)
        saved = till.saved + till.shipping_saved
        if self._is_over_budget(path, planned, saved):
            return _without(path, planned, Why.BUDGET)
        served = Served(planned, saved, till.points, tuple(till.gifts), tuple(till.grants))
        return path._replace(state=till.close(path.state), served=(*path.served, served))

    def _is_over_budget(self, path: Path, planned: Planned, saved: int) -> bool:
        budget, campaign = planned.promotion.budget, planned.campaign
        request = self.sieve.request
        if not saved:
            return False
        if budget is not None and saved > budget.minor - request.used(planned.name).spent:
            return True
        if campaign is None or campaign.budget is None:
            return False
        nested = sum(each.saved for each in path.served if each.planned.campaign is campaign)
        return saved > campaign.budget.minor - request.used(campaign.name).spent - nested


def _without(path: Path, planned: Planned, why: Why) -> Path:
    left_out = (planned.name, why, path.state.remaining)
    return path._replace(left_out=(*path.left_out, left_out))


def _groups(together: Sequence[Planned]) -> Mapping[str, Sequence[Planned]]:
    groups: dict[str, list[Planned]] = defaultdict(list)
    for planned in together:
        if planned.promotion.best_of:
            groups[planned.promotion.best_of].append(planned)
    return groups
