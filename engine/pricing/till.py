"""What is left to pay while promotions take their turns: by line, and where it matters by unit.

Most lines are even: their units cost the same but for one minor unit, the cheaper ones first, so
that what the line costs says it all. Of the others runs of units in equal state are kept. A
discount on whole lines is noted, and shared over the units of such a line when something asks for
them. Runs, not units, are gone through, so that a quantity of a million costs the same as one.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import mul, sub
from typing import TypeAlias

from engine.pricing.goods import Goods
from engine.pricing.reductions import Reduction
from engine.pricing.runs import Run, are_even, evenly, joined, split, spread
from engine.pricing.shares import (
    Share,
    by_largest_remainder_sized,
    kept_after,
    share,
    share_sized,
)
from models.quote import GiftGiven, GrantGiven

# Units of a run: the line, the run's place in it, how many from its front, and what each costs.
Pick: TypeAlias = tuple[int, int, int, int]


@dataclass(slots=True)
class Given:
    """What a turn gives beside money."""

    points: int = 0
    gifts: tuple[GiftGiven, ...] = ()
    grants: tuple[GrantGiven, ...] = ()


@dataclass(slots=True)
class Till:
    """Mutable, but its lists by line: what changes `left` makes another list.

    `runs` are of lines that are not even, or with units that are used up. `notes` are what lines
    cost before and after each discount on whole lines; `settled` says how many of them are shared
    over a line's runs. What comes after that is of the turn under way.
    """

    goods: Goods
    left: Sequence[int]
    shipping: int
    runs: dict[int, list[Run]] = field(default_factory=dict)
    notes: list[tuple[Sequence[int], Sequence[int]]] = field(default_factory=list)
    settled: dict[int, int] = field(default_factory=dict)
    given: Given | None = None
    used: set[int] = field(default_factory=set)  # lines with units that are used up

    @classmethod
    def opening(cls, goods: Goods, shipping: int) -> "Till":
        """Return the till before any promotion."""
        return cls(goods, list(map(mul, goods.quantities, goods.prices)), shipping)

    def fork(self) -> "Till":
        """Return another till in the same state, between two turns. Runs are never changed."""
        return Till(
            self.goods,
            self.left,
            self.shipping,
            self.runs.copy(),
            self.notes.copy(),
            self.settled.copy(),
        )

    @property
    def remaining(self) -> int:
        """What the lines still cost together, without shipping."""
        return sum(self.left)

    def give(self) -> Given:
        """Return what this turn gives, to be added to."""
        if self.given is None:
            self.given = Given()
        return self.given

    def rest(self) -> None:
        """End it where units were used up: the next promotion finds none that is."""
        for at in self.used:
            self._keep(at, joined([(size, left, False) for size, left, _ in self.runs[at]]))
        self.used.clear()

    def take_off_shipping(self, discount: Reduction) -> None:
        """Take `discount(what shipping still costs)`."""
        self.shipping = max(0, self.shipping - discount(self.shipping))

    def take_off_lines(self, discount: Reduction, among: Sequence[int]) -> None:
        """Take `discount(what these lines still cost)`, shared over whole lines."""
        before = self.left
        everything = len(among) == len(before)
        weights = before if everything else [before[at] for at in among]
        whole = sum(weights)
        if self.goods.floored:
            least = self.goods.least
            rooms = [before[at] - least[at] for at in among]
            kept = list(map(sub, weights, share(discount(whole), weights, whole, rooms)))
        else:
            kept = kept_after(discount(whole), weights, whole)
        if everything:
            self.left = kept
        else:
            self.left = after = [*before]
            for at, amount in zip(among, kept, strict=True):
                after[at] = amount
        if self.runs:
            self.notes.append((before, self.left))

    def units(self, at: int) -> list[Run]:
        """Return a line's units, everything taken so far shared over them."""
        if at not in self.runs:
            size = self.goods.quantities[at]
            left, more = divmod(self.left[at], size)
            if not more:
                return [(size, left, False)]
            return [(size - more, left, False), (more, left + 1, False)]
        if self.settled[at] < len(self.notes):
            self._settle(at)
        return self.runs[at]

    def _settle(self, at: int) -> None:
        runs, left = self.runs[at], self.left[at]
        if are_even(runs):
            runs = evenly(self.goods.quantities[at], left, used=runs[0][2])
        else:
            noted = self.notes[self.settled[at] :]
            amounts = [before[at] - after[at] for before, after in noted]
            whole, floor = left + sum(amounts), self.goods.floors[at]
            for amount in filter(None, amounts):
                runs = spread(amount, whole, runs, floor)
                whole -= amount
        self.runs[at] = runs
        self.settled[at] = len(self.notes)

    def unused(self, among: Iterable[int], *, roomy: bool) -> int:
        """Count the units, with room if `roomy`, that this promotion has not used up."""
        quantities, floors = self.goods.quantities, self.goods.floors
        found = 0
        for at in among:
            size = quantities[at]
            if at not in self.runs:
                found += min(size, self.left[at] - floors[at] * size) if roomy else size
            elif roomy or at in self.used:
                found += sum(
                    [
                        count
                        for count, left, used in self.units(at)
                        if not used and (left > floors[at] or not roomy)
                    ]
                )
            else:
                found += size
        return found

    def all_of(self, among: Sequence[int]) -> list[Pick]:
        """Return every unit of these lines that has room."""
        floors = self.goods.floors
        return [
            (at, place, size, left)
            for at in among
            for place, (size, left, _) in enumerate(self.units(at))
            if left > floors[at]
        ]

    def take_off_units(self, discount: Reduction, picks: Sequence[Pick]) -> None:
        """Take `discount(what these units still cost)`; they are in order.

        It is shared over their lines, and a line's share over its units.
        """
        floors = self.goods.floors
        by_line: list[list[Pick]] = []
        weights: list[int] = []
        last = -1
        for pick in picks:
            at, _, count, left = pick
            if at == last:
                by_line[-1].append(pick)
                weights[-1] += count * left
            else:
                by_line.append([pick])
                weights.append(count * left)
                last = at
        rooms = weights
        if self.goods.floored:
            rooms = [
                sum([count * (left - floors[at]) for at, _, count, left in own]) for own in by_line
            ]
        whole = sum(weights)
        amounts = share(discount(whole), weights, whole, rooms)
        shares: list[Share] = []
        for own, amount, weight in zip(by_line, amounts, weights, strict=True):
            if len(own) == 1:
                shares.append(divmod(amount, own[0][2]))
            else:
                sizes, lefts = [count for _, _, count, _ in own], [left for *_, left in own]
                shares += share_sized(amount, sizes, lefts, weight, floors[own[0][0]])
        self._charge(picks, shares)

    def take_off_every(self, discount: Reduction, among: Sequence[int]) -> None:
        """Take `discount(what it still costs)` off every unit of these lines."""
        quantities, floors = self.goods.quantities, self.goods.floors
        self.left = after = [*self.left]
        for at in among:
            floor = floors[at]
            if at in self.runs:
                runs = [
                    (size, max(floor, left - discount(left)), used)
                    for size, left, used in self.units(at)
                ]
                after[at] = sum([size * left for size, left, _ in runs])
                self._put(at, joined(runs))
                continue
            # Of units even but for one minor unit no discount makes any that are less even.
            size = quantities[at]
            left, more = divmod(after[at], size)
            after[at] = max(floor, left - discount(left)) * (size - more)
            if more:
                after[at] += max(floor, left + 1 - discount(left + 1)) * more

    def take_off_each(
        self, discount: Reduction, picks: Sequence[Pick], cap: int | None = None
    ) -> None:
        """Take `discount(what it still costs)` off each unit; their discounts share a cap."""
        floors = self.goods.floors
        wanted = [min(discount(left), left - floors[at]) for at, _, _, left in picks]
        if cap is not None:
            sizes = [count for _, _, count, _ in picks]
            whole = sum(map(mul, sizes, wanted))
            if cap < whole:
                self._charge(picks, by_largest_remainder_sized(cap, sizes, wanted, whole))
                return
        self._charge(picks, [(amount, 0) for amount in wanted])

    def use_up(self, picks: Iterable[Pick]) -> dict[tuple[int, int], int]:
        """Mark units as used by this promotion; return where in its line each run is now."""
        counts: dict[int, Counter[int]] = {}
        for at, place, count, _ in picks:
            counts.setdefault(at, Counter())[place] += count
        moved: dict[tuple[int, int], int] = {}
        for at, used_up in counts.items():
            runs: list[Run] = []
            for place, (size, left, used) in enumerate(self.units(at)):
                count = used_up[place]
                if count:
                    moved[at, place] = len(runs)
                    runs.append((count, left, True))
                if count < size:
                    runs.append((size - count, left, used))
            self._put(at, runs)
            self.used.add(at)
        return moved

    def _charge(self, picks: Sequence[Pick], shares: Sequence[Share]) -> None:
        """Take from units that are in order: the first so many of each run get these shares."""
        quantities = self.goods.quantities
        cut: dict[int, list[Run]] = {}
        after = [*self.left]
        # From the back, so that what is cut stays in its place while the runs before it are.
        for (at, place, count, _), (base, extra) in zip(picks[::-1], shares[::-1], strict=True):
            if count < quantities[at] or at in self.runs:
                runs = cut.get(at)
                if runs is None:
                    runs = cut[at] = [*self.units(at)]
                runs[place : place + 1] = split(runs[place], count, base, extra)
            after[at] -= base * count + extra
        for at, runs in cut.items():
            self._put(at, joined(runs))
        self.left = after

    def _put(self, at: int, runs: list[Run]) -> None:
        """Keep a line's units, over which everything taken so far is shared."""
        self.settled[at] = len(self.notes)
        self._keep(at, runs)

    def _keep(self, at: int, runs: list[Run]) -> None:
        """Keep a line's units, unless what it costs says it all."""
        if are_even(runs) and not runs[0][2]:
            self.runs.pop(at, None)
        else:
            self.runs[at] = runs
