"""The legal combination that saves the buyer most, found by trying every one.

The promotions of a combination apply in turn. Combinations that begin alike share their beginning:
the search branches only where a member of a `best of` group has its turn.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import NamedTuple

from engine.pricing.candidates import Sieve
from engine.pricing.goods import Goods
from engine.pricing.plan import Planned, plan
from engine.pricing.request import with_remaining
from engine.pricing.till import Till
from engine.pricing.turn import Turn
from engine.pricing.usage import budget_left
from models.quote import GiftGiven, GrantGiven, Why

# Above so many legal combinations, each `best of` group is first reduced to its best member.
MOST = 4096


class Served(NamedTuple):
    """What came of a promotion's turn; `taken` is by line."""

    planned: Planned
    saved: int
    taken: Sequence[int]
    off_shipping: int
    points: int
    gifts: Sequence[GiftGiven]
    grants: Sequence[GrantGiven]

    @property
    def did_something(self) -> bool:
        """Only a promotion that took or gave something applied."""
        return bool(self.saved or self.points or self.gifts or self.grants)


@dataclass(slots=True)
class Path:
    """A combination so far: what is left to pay, who was served, and who was left out and why.

    With why comes what was left to pay then, or for a budget what would have been saved.
    """

    till: Till
    saved: int = 0
    served: list[Served] = field(default_factory=list)
    left_out: list[tuple[Planned, Why, int]] = field(default_factory=list)

    def fork(self) -> "Path":
        """Return another path that begins alike."""
        return Path(self.till.fork(), self.saved, self.served[:], self.left_out[:])

    def is_better_than(self, other: "Path") -> bool:
        """Whether this is the one for the customer."""
        if self.saved != other.saved:
            return self.saved > other.saved
        return self._rank() < other._rank()

    def _rank(self) -> tuple[bool, int, list[str]]:
        """Order those that save the same; one that all fell out of is none."""
        return (
            not self.served,
            -sum(each.planned.promotion.priority for each in self.served if each.did_something),
            sorted(each.planned.name for each in self.served),
        )


class Search:
    """One search over the candidates of one cart."""

    def __init__(self, sieve: Sieve) -> None:
        self._sieve = sieve
        self._goods = Goods.of(sieve.request.cart)
        self._turns: dict[str, Turn] = {}
        self._conditions = plan(sieve.request.moment.program).conditions

    def best(self, candidates: Sequence[Planned]) -> tuple[Path, bool]:
        """Return the best combination, and whether there were too many to try them all."""
        exclusives = [each for each in candidates if each.promotion.exclusive]
        together = [each for each in candidates if not each.promotion.exclusive]
        groups = _groups(together)
        reduced = prod(len(group) for group in groups.values()) + len(exclusives) > MOST
        if reduced:
            together = self._reduce(together, groups)
        return _best(self._all(exclusives, together)), reduced

    def again(self, served: Sequence[Planned]) -> Iterator[Till]:
        """Yield the till as it opens, and then after the turn of each of these."""
        path = Path(self._open())
        yield path.till
        for planned in served:
            path = self._serve(path, planned)
            yield path.till

    def _open(self) -> Till:
        return Till.opening(self._goods, self._sieve.request.cart.shipping)

    def _all(self, exclusives: Sequence[Planned], together: Sequence[Planned]) -> Iterator[Path]:
        for each in exclusives:
            yield self._alone(each)
        if together or not exclusives:
            yield from self._explore(Path(self._open()), together, frozenset())

    def _reduce(
        self, together: Sequence[Planned], groups: Mapping[str, Sequence[Planned]]
    ) -> list[Planned]:
        kept = {self._best_alone(group) for group in groups.values()}
        return [each for each in together if not each.promotion.best_of or each in kept]

    def _best_alone(self, group: Sequence[Planned]) -> Planned:
        best, path = group[0], self._alone(group[0])
        for each in group[1:]:
            other = self._alone(each)
            if other.is_better_than(path):
                best, path = each, other
        return best

    def _alone(self, planned: Planned) -> Path:
        return self._serve(Path(self._open()), planned)

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
                    yield from self._explore(path.fork(), rest, settled)
                settled |= {group}
                path = self._serve(path, planned)
        yield path

    def _in_turn(self, path: Path, planned: Planned) -> Path:
        group = planned.promotion.first_of
        if group and any(each.planned.promotion.first_of == group for each in path.served):
            return path
        return self._serve(path, planned)

    def _serve(self, path: Path, planned: Planned) -> Path:
        """Let a promotion apply to what is left, or leave it out; return the path to go on with."""
        till = path.till
        if planned.waits and not self._holds(planned, till.remaining):
            path.left_out.append((planned, Why.WHEN, till.remaining))
            return path
        before = path.fork() if planned.budgeted else None
        turn = self._turn(planned, till)
        till.begin(planned.name)
        for step in planned.steps:
            step(till, turn)
        if till.used:
            till.rest()
        saved = sum(till.taken) + till.off_shipping
        if before is not None and self._is_over_budget(path, planned, saved):
            before.left_out.append((planned, Why.BUDGET, saved))
            return before
        path.saved += saved
        path.served.append(
            Served(
                planned, saved, till.taken, till.off_shipping, till.points, till.gifts, till.grants
            )
        )
        return path

    def _holds(self, planned: Planned, remaining: int) -> bool:
        sieve, when = self._sieve, planned.promotion.when
        facts = with_remaining(sieve.facts, remaining)
        return when is None or sieve.judges.holds(when, facts, sieve.moment(planned))

    def _turn(self, planned: Planned, till: Till) -> Turn:
        """Return what a promotion sees: the same in one zone, unless it asks what is left."""
        if planned.varies:
            return self._see(planned, till.remaining)
        if planned.zone not in self._turns:
            self._turns[planned.zone] = self._see(planned, None)
        return self._turns[planned.zone]

    def _see(self, planned: Planned, remaining: int | None) -> Turn:
        sieve = self._sieve
        facts = sieve.facts if remaining is None else with_remaining(sieve.facts, remaining)
        moment, user_id = sieve.moment(planned), sieve.request.user_id
        return Turn(facts, moment, user_id, self._conditions, sieve.judges)

    def _is_over_budget(self, path: Path, planned: Planned, saved: int) -> bool:
        if not saved:
            return False
        usage, campaign = self._sieve.request.used, planned.campaign
        own = budget_left(planned.promotion.budget, usage(planned.name))
        if own is not None and saved > own:
            return True
        if campaign is None or campaign.budget is None:
            return False
        nested = sum(each.saved for each in path.served if each.planned.campaign is campaign)
        shared = budget_left(campaign.budget, usage(campaign.name))
        return shared is not None and saved > shared - nested


def _best(paths: Iterable[Path]) -> Path:
    """Return the best of several paths, of equal ones the first."""
    ways = iter(paths)
    best = next(ways)
    for path in ways:
        if path.is_better_than(best):
            best = path
    return best


def _groups(together: Sequence[Planned]) -> Mapping[str, Sequence[Planned]]:
    groups: dict[str, list[Planned]] = defaultdict(list)
    for planned in together:
        if planned.promotion.best_of:
            groups[planned.promotion.best_of].append(planned)
    return groups
