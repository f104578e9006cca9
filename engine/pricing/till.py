"""What is left to pay while promotions take their turns: lines as runs of units in equal state.

A discount on whole lines is noted and shared over their units only when something asks for units,
so a cart where nobody does is priced line by line; and runs, not units, are gone through, so that
a quantity of a million costs the same as one.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import add, mul, sub
from typing import TypeAlias

from engine.pricing.goods import Goods
from engine.pricing.reductions import Reduction
from engine.pricing.runs import Run, are_even, evenly, joined, split, spread
from engine.pricing.shares import Share, by_largest_remainder_sized, share, share_sized
from models.quote import GiftGiven, GrantGiven

# By line, in order: the places of runs, in order, and how many units of each, from the front.
Picks: TypeAlias = dict[int, list[tuple[int, int]]]


@dataclass(slots=True)
class Till:
    """Mutable. `notes` are what was taken off whole lines, one after the other, each by line; of
    the notes, `settled` says for each line how many are shared over its `runs`.

    What comes after `shipping` is of the turn under way; `taken` is by line.
    """

    goods: Goods
    left: list[int]
    runs: list[list[Run]]
    settled: list[int]
    notes: list[Sequence[int]]
    shipping: int
    promotion: str = ""
    taken: list[int] = field(default_factory=list)
    off_shipping: int = 0
    points: int = 0
    gifts: tuple[GiftGiven, ...] = ()
    grants: tuple[GrantGiven, ...] = ()
    used: set[int] = field(default_factory=set)  # lines with units that are used up

    @classmethod
    def opening(cls, goods: Goods, shipping: int) -> "Till":
        """Return the till before any promotion."""
        counted = list(zip(goods.quantities, goods.prices, strict=True))
        return cls(
            goods=goods,
            left=[count * price for count, price in counted],
            runs=[[(count, price, False)] for count, price in counted],
            settled=[0] * len(counted),
            notes=[],
            shipping=shipping,
        )

    def fork(self) -> "Till":
        """Return another till in the same state, between two turns. Runs are never changed."""
        return Till(
            self.goods,
            self.left[:],
            self.runs[:],
            self.settled[:],
            self.notes[:],
            self.shipping,
        )

    @property
    def remaining(self) -> int:
        """What the lines still cost together, without shipping."""
        return sum(self.left)

    def begin(self, promotion: str) -> None:
        """Begin the turn of a promotion."""
        self.promotion = promotion
        self.taken = [0] * len(self.left)
        self.off_shipping = self.points = 0
        self.gifts = self.grants = ()

    def rest(self) -> None:
        """End it where units were used up: the next promotion finds none that is."""
        for at in self.used:
            self.runs[at] = joined([(size, left, False) for size, left, _ in self.runs[at]])
        self.used.clear()

    def take_off_shipping(self, discount: Reduction) -> None:
        """Take `discount(what shipping still costs)`."""
        taken = min(discount(self.shipping), self.shipping)
        self.shipping -= taken
        self.off_shipping += taken

    def take_off_lines(self, discount: Reduction, among: Sequence[int]) -> None:
        """Take `discount(what these lines still cost)`, shared over whole lines."""
        left = self.left
        weights = rooms = left if len(among) == len(left) else [left[at] for at in among]
        if self.goods.floored:
            least = self.goods.least
            rooms = [left[at] - least[at] for at in among]
        whole = sum(weights)
        shares = share(discount(whole), weights, whole, rooms)
        if len(shares) == len(left):
            self.notes.append(shares)
            self.left = list(map(sub, left, shares))
            self.taken = list(map(add, self.taken, shares))
            return
        note = [0] * len(left)
        for at, got in zip(among, shares, strict=True):
            note[at] = got
            left[at] -= got
            self.taken[at] += got
        self.notes.append(note)

    def units(self, at: int) -> list[Run]:
        """Return a line's units, everything taken so far shared over them."""
        if self.settled[at] < len(self.notes):
            self._settle(at)
        return self.runs[at]

    def _settle(self, at: int) -> None:
        runs, left = self.runs[at], self.left[at]
        if are_even(runs):
            self.runs[at] = evenly(self.goods.quantities[at], left, used=runs[0][2])
        else:
            amounts = [note[at] for note in self.notes[self.settled[at] :] if note[at]]
            whole, floor = left + sum(amounts), self.goods.floors[at]
            for amount in amounts:
                runs = spread(amount, whole, runs, floor)
                whole -= amount
            self.runs[at] = runs
        self.settled[at] = len(self.notes)

    def all_of(self, among: Sequence[int]) -> Picks:
        """Return every unit of these lines that has room."""
        floors = self.goods.floors
        picks: Picks = {}
        for at in among:
            floor = floors[at]
            own = [(place, run[0]) for place, run in enumerate(self.units(at)) if run[1] > floor]
            if own:
                picks[at] = own
        return picks

    def take_off_units(self, discount: Reduction, picks: Picks) -> None:
        """Take `discount(what these units still cost)`.

        It is shared over their lines, and a line's share over its units.
        """
        floors = self.goods.floors
        weights = rooms = [self._left_of(at, own) for at, own in picks.items()]
        if self.goods.floored:
            rooms = [
                weight - floors[at] * sum([count for _, count in own])
                for weight, (at, own) in zip(weights, picks.items(), strict=True)
            ]
        whole = sum(weights)
        shares = share(discount(whole), weights, whole, rooms)
        for (at, own), got, weight in zip(picks.items(), shares, weights, strict=True):
            if not got:
                continue
            runs = self.runs[at]
            sizes = [count for _, count in own]
            lefts = [runs[place][1] for place, _ in own]
            self._charge(at, own, share_sized(got, sizes, lefts, weight, floors[at]))

    def take_off_every(self, discount: Reduction, among: Sequence[int]) -> None:
        """Take `discount(what it still costs)` off every unit of these lines."""
        floors = self.goods.floors
        for at in among:
            floor = floors[at]
            runs = [
                (size, max(floor, left - discount(left)), used)
                for size, left, used in self.units(at)
            ]
            whole = sum([size * left for size, left, _ in runs])
            self.runs[at] = joined(runs)
            self.taken[at] += self.left[at] - whole
            self.left[at] = whole

    def take_off_each(self, discount: Reduction, picks: Picks, cap: int | None = None) -> None:
        """Take `discount(what it still costs)` off each unit; their discounts share a cap."""
        floors = self.goods.floors
        wanted: list[int] = []
        for at, own in picks.items():
            runs, floor = self.runs[at], floors[at]
            for place, _ in own:
                left = runs[place][1]
                wanted.append(min(discount(left), left - floor))
        shares = [(amount, 0) for amount in wanted]
        if cap is not None:
            sizes = [count for own in picks.values() for _, count in own]
            whole = sum(map(mul, sizes, wanted))
            if cap < whole:
                shares = by_largest_remainder_sized(cap, sizes, wanted, whole)
        ahead = iter(shares)
        for at, own in picks.items():
            self._charge(at, own, list(islice(ahead, len(own))))

    def use_up(self, several: Sequence[Picks]) -> dict[tuple[int, int], int]:
        """Mark units as used by this promotion; return where in its line each run is now."""
        counts: dict[int, Counter[int]] = {}
        for picks in several:
            for at, own in picks.items():
                counts.setdefault(at, Counter()).update(dict(own))
        moved: dict[tuple[int, int], int] = {}
        for at, used_up in counts.items():
            runs: list[Run] = []
            for place, (size, left, used) in enumerate(self.runs[at]):
                count = used_up[place]
                if count:
                    moved[at, place] = len(runs)
                    runs.append((count, left, True))
                if count < size:
                    runs.append((size - count, left, used))
            self.runs[at] = runs
            self.used.add(at)
        return moved

    def _left_of(self, at: int, own: Sequence[tuple[int, int]]) -> int:
        runs = self.runs[at]
        return sum([runs[place][1] * count for place, count in own])

    def _charge(self, at: int, own: Sequence[tuple[int, int]], shares: Sequence[Share]) -> None:
        """Take from units of a line: the first so many of each run get these shares."""
        before = self.runs[at]
        if len(before) == 1 and own[0][1] == before[0][0] and not shares[0][1]:
            size, left, used = before[0]
            base = shares[0][0]
            self.runs[at] = [(size, left - base, used)]
            self.left[at] -= base * size
            self.taken[at] += base * size
            return
        runs: list[Run] = []
        amount = behind = 0
        for (place, count), (base, extra) in zip(own, shares, strict=True):
            runs += before[behind:place]
            runs += split(before[place], count, base, extra)
            amount += base * count + extra
            behind = place + 1
        runs += before[behind:]
        self.runs[at] = joined(runs)
        self.left[at] -= amount
        self.taken[at] += amount
