"""The legal combination that saves the buyer most: of all of them, and exactly.

The promotions of a combination apply in turn. Combinations that begin alike share their beginning:
the search branches only where a member of a `best of` group has its turn. Where there are many, a
branch is left that cannot come to as little as a combination that is known already.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import prod
from typing import NamedTuple

from engine.pricing.candidates import Sieve
from engine.pricing.goods import Goods
from engine.pricing.outlook import Outlook
from engine.pricing.plan import Planned, plan
from engine.pricing.request import with_remaining
from engine.pricing.takings import Bounds
from engine.pricing.till import Given, Till
from engine.pricing.turn import Turn
from engine.pricing.usage import budget_left
from models.quote import Why

# Above so many legal combinations, each `best of` group is first reduced to its best member.
MOST = 4096
# Up to so many, trying them all costs less than looking ahead.
FEW = 24


class Served(NamedTuple):
    """What came of a promotion's turn; `before` and `after` are what lines cost then."""

    planned: Planned
    before: Sequence[int]
    after: Sequence[int]
    off_shipping: int
    given: Given | None

    @property
    def saved(self) -> int:
        return sum(self.before) - sum(self.after) + self.off_shipping

    @property
    def did_something(self) -> bool:
        """Only a promotion that took or gave something applied."""
        given = self.given
        return bool(self.saved or (given and (given.points or given.gifts or given.grants)))


# As Served._make, in half the time: the search makes one for every turn.
_served = partial(tuple.__new__, Served)


@dataclass(slots=True)
class Path:
    """A combination so far: what is left to pay, who was served, and who was left out and why.

    With why comes what was left to pay then, or for a budget what would have been saved.
    """

    till: Till
    served: list[Served] = field(default_factory=list)
    left_out: list[tuple[Planned, Why, int]] = field(default_factory=list)

    def fork(self) -> "Path":
        """Return another path that begins alike."""
        return Path(self.till.fork(), self.served[:], self.left_out[:])

    @property
    def to_pay(self) -> int:
        """What is left to pay for the lines and shipping."""
        return self.till.remaining + self.till.shipping

    def is_better_than(self, other: "Path") -> bool:
        """Whether this is the one for the customer."""
        if self.to_pay != other.to_pay:
            return self.to_pay < other.to_pay
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
        self._plan = plan(sieve.request.moment.program)
        self._outlook: Outlook | None = None

    def best(self, candidates: Sequence[Planned]) -> tuple[Path, bool]:
        """Return the best combination, and whether there were too many to try them all."""
        exclusives = [each for each in candidates if each.promotion.exclusive]
        together = candidates
        if exclusives:
            together = [each for each in candidates if not each.promotion.exclusive]
        ways = prod(map(len, _groups(together).values())) if self._plan.choices > 1 else 1
        reduced = ways + len(exclusives) > MOST
        if reduced:
            together = self._reduce(together)
        elif ways > FEW:
            self._outlook = self.look_ahead(together)
        return self._best(self._all(exclusives, together)), reduced

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
            yield from self._explore(Path(self._open()), together, 0, frozenset())

    def _reduce(self, together: Sequence[Planned]) -> list[Planned]:
        kept = {self._best_alone(group) for group in _groups(together).values()}
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

    def _best(self, paths: Iterable[Path]) -> Path:
        """Return the best of several paths, of equal ones the first."""
        ways = iter(paths)
        best = next(ways)
        for path in ways:
            if path.is_better_than(best):
                best = path
                if self._outlook is not None:
                    self._outlook.least = min(self._outlook.least, best.to_pay)
        return best

    def _explore(
        self, path: Path, queue: Sequence[Planned], start: int, settled: frozenset[str]
    ) -> Iterator[Path]:
        """Yield every combination of the queue from a place on that may be the best.

        Of settled groups a member was chosen.
        """
        for place in range(start, len(queue)):
            planned, beyond = queue[place], place + 1
            group = planned.promotion.best_of
            if group is None:
                if not (planned.promotion.first_of and _is_passed_over(planned, path)):
                    path = self._serve(path, planned)
                if planned.repeats and self._is_hopeless(path, beyond, settled):
                    return
            elif group not in settled:
                has_others = any(each.promotion.best_of == group for each in queue[beyond:])
                if has_others and not self._is_hopeless(path, beyond, settled):
                    yield from self._explore(path.fork(), queue, beyond, settled)
                settled |= {group}
                path = self._serve(path, planned)
                if self._is_hopeless(path, beyond, settled):
                    return
        yield path

    def _is_hopeless(self, path: Path, place: int, settled: frozenset[str]) -> bool:
        return self._outlook is not None and self._outlook.is_hopeless(path.till, place, settled)

    def look_ahead(self, together: Sequence[Planned]) -> Outlook:
        """Return what tells hopeless branches, knowing what a good combination comes to."""
        till = self._open()
        bounds = Bounds(self._goods, till.shipping, self._plan.conditions)
        most = {
            each.name: bounds.most(
                each.promotion.effects,
                self._turn(each, till),
                varies=each.varies,
                repeats=not (each.promotion.best_of or each.promotion.first_of),
            )
            for each in together
        }
        outlook = Outlook(together, most, till)
        groups = _groups(together)
        chosen = {name: members[0] for name, members in groups.items()}
        outlook.least = self._chosen(together, chosen).to_pay
        for name, members in groups.items():
            for each in members[1:]:
                to_pay = self._chosen(together, {**chosen, name: each}).to_pay
                if to_pay < outlook.least:
                    chosen[name], outlook.least = each, to_pay
        return outlook

    def _chosen(self, together: Sequence[Planned], chosen: Mapping[str, Planned]) -> Path:
        """Return the combination with these members of the groups."""
        own = [each for each in together if chosen.get(each.promotion.best_of or "", each) is each]
        (path,) = self._explore(Path(self._open()), own, 0, frozenset())
        return path

    def _serve(self, path: Path, planned: Planned) -> Path:
        """Let a promotion apply to what is left, or leave it out; return the path to go on with."""
        till = path.till
        if planned.waits and not self._holds(planned, till.remaining):
            path.left_out.append((planned, Why.WHEN, till.remaining))
            return path
        earlier = path.fork() if planned.budgeted else None
        turn = None if planned.varies else self._turns.get(planned.zone)
        if turn is None:
            turn = self._turn(planned, till)
        before, shipping = till.left, till.shipping
        for step in planned.steps:
            step(till, turn)
        if till.used:
            till.rest()
        served = _served((planned, before, till.left, shipping - till.shipping, till.given))
        if earlier is not None and self._is_over_budget(path, planned, served.saved):
            earlier.left_out.append((planned, Why.BUDGET, served.saved))
            return earlier
        till.given = None
        path.served.append(served)
        return path

    def _holds(self, planned: Planned, remaining: int) -> bool:
        sieve, when = self._sieve, planned.promotion.when
        facts = with_remaining(sieve.facts, remaining)
        return when is None or sieve.judges.holds(when, facts, sieve.moment(planned))

    def _turn(self, planned: Planned, till: Till) -> Turn:
        """Return what a promotion sees: the same in one zone, unless it asks what is left."""
        if planned.varies:
            return self._see(planned, till.remaining)
        turn = self._turns[planned.zone] = self._see(planned, None)
        return turn

    def _see(self, planned: Planned, remaining: int | None) -> Turn:
        sieve = self._sieve
        facts = sieve.facts if remaining is None else with_remaining(sieve.facts, remaining)
        moment, user_id = sieve.moment(planned), sieve.request.user_id
        return Turn(facts, moment, user_id, self._plan.conditions, sieve.judges)

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


def _is_passed_over(planned: Planned, path: Path) -> bool:
    """Whether another of its `first of` group was served."""
    group = planned.promotion.first_of
    return any(each.planned.promotion.first_of == group for each in path.served)


def _groups(together: Sequence[Planned]) -> Mapping[str, Sequence[Planned]]:
    groups: dict[str, list[Planned]] = defaultdict(list)
    for planned in together:
        if planned.promotion.best_of:
            groups[planned.promotion.best_of].append(planned)
    return groups
