"""How little there may be left to pay at the end of a branch of the search: hopeless ones are cut.

Each promotion still to come takes at most so many parts of what a line costs then, and a flat sum.
From the last turn to the first that makes a weight for each line: how much of a minor unit that is
left now is left at the end at least. What bundles take is worked out of what units cost at each
look, as they lose all that was taken before. Of a `best of` or `first of` group only one member
takes anything: the one that could take most.

What is promised is never more than what will be left: nothing that wins, or ties, is cut.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import mul

from engine.pricing.dearest import Repeats
from engine.pricing.plan import Planned
from engine.pricing.takings import Most, Taking
from engine.pricing.till import Till

# Where after so many looks fewer than one in eight has cut a branch, it is not worth looking.
_TRIED = 64
# More than rounding in floating point could come to, of all that is ever added up.
_SLACK = 1e-7


@dataclass(frozen=True, slots=True)
class _Member:
    """The most by which one of a group lowers what is left at the end: rates by line, and more."""

    place: int
    rates: Sequence[float]
    flat: float
    shipping: int

    def lowers(self, till: Till) -> float:
        of_lines: float = sum(map(mul, self.rates, till.left))
        return of_lines + self.flat + min(self.shipping, till.shipping)


@dataclass(frozen=True, slots=True)
class _Ahead:
    """Repeats still to come, and how much of what they take is missing at the end at most."""

    place: int
    weight: float
    repeats: Repeats


class Outlook:
    """Knows the least that a branch can come to, and the least that is known to be possible."""

    def __init__(self, queue: Sequence[Planned], most: Mapping[str, Most], till: Till) -> None:
        self.least: float = float("inf")  # the least to pay that some combination comes to
        self._slack = 0.01 + _SLACK * (till.remaining + till.shipping)
        self._groups: dict[str, list[_Member]] = defaultdict(list)
        self._ahead: list[_Ahead] = []
        weights, flat, shipping = [1.0] * len(till.left), 0.0, 0
        after = [(weights, flat, shipping)]
        for place in reversed(range(len(queue))):
            planned, takes = queue[place], most[queue[place].name]
            group = planned.promotion.best_of or planned.promotion.first_of
            if group is not None:
                member = _Member(place, *_lowered(takes.lines, weights), takes.shipping)
                self._groups[group].append(member)
            else:
                for repeats in takes.repeats:
                    weight = max([weights[at] for at in repeats.lines], default=0.0)
                    self._ahead.append(_Ahead(place, weight, repeats))
                for taking in reversed(takes.lines):
                    rates, more = _lowered((taking,), weights)
                    # Never below nothing, but for rounding in floating point.
                    weights = [max(0.0, w - rate) for w, rate in zip(weights, rates, strict=True)]
                    flat += more
                shipping += takes.shipping
            after.append((weights, flat, shipping))
        self._after = after[::-1]
        self._looks = self._cuts = 0

    def is_hopeless(self, till: Till, place: int, settled: Collection[str]) -> bool:
        """Whether nothing that begins so, with the turns from a place on to come, can win."""
        if self._looks >= _TRIED and self._cuts * 8 < self._looks:
            return False
        self._looks += 1
        hopeless = self.at_least(till, place, settled) > self.least
        self._cuts += hopeless
        return hopeless

    def at_least(self, till: Till, place: int, settled: Collection[str]) -> float:
        """Return what there will be left to pay at least; of settled groups nobody is to come."""
        weights, flat, shipping = self._after[place]
        left: float = sum(map(mul, weights, till.left)) - flat + max(0, till.shipping - shipping)
        for group, members in self._groups.items():
            if group not in settled:
                left -= max([m.lowers(till) for m in members if m.place >= place], default=0.0)
        for each in self._ahead:
            if each.place >= place and each.weight:
                left -= each.weight * each.repeats.most(till)
        return left - self._slack


def _lowered(takings: Iterable[Taking], weights: Sequence[float]) -> tuple[list[float], float]:
    """Return the most by which these lower what is left: rates of what lines cost, and a sum."""
    rates, more = [0.0] * len(weights), 0.0
    for taking in takings:
        own = [weights[at] for at in taking.lines]
        if not own:
            continue
        for at in taking.lines:
            rates[at] += taking.rate * weights[at]
        more += taking.flat * max(own)
        if taking.each is not None:
            more += sum([weights[at] * amount for at, amount in taking.each.items()])
        if taking.even:
            middle = (max(own) + min(own)) / 2
            more += middle / 2 + 1.5 * sum([abs(weight - middle) for weight in own])
    return rates, more
