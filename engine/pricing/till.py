"""What is left to pay while promotions take their turns: lines as runs of units in equal state.

A discount on whole lines is noted and shared over their units only when something asks for units,
so a cart where nobody does is priced line by line; and runs, not units, are gone through, so that
a quantity of a million costs the same as one.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import mul
from typing import TypeAlias

from engine.pricing.goods import Goods
from engine.pricing.reductions import Reduction
from engine.pricing.shares import Share, by_largest_remainder_sized, share, share_sized
from models.quote import GiftGiven, GrantGiven

# So many neighbouring units, each of which still costs so much; and whether a buy or bundle of the
# promotion whose turn it is has used them up.
Run: TypeAlias = tuple[int, int, bool]
# By line, in order: the places of runs, in order, and how many units of each, from the front.
Picks: TypeAlias = dict[int, list[tuple[int, int]]]


@dataclass(slots=True)
class Till:
    """Mutable. `runs` are as before the `pending` amounts, which were taken off whole lines.

    What comes after `shipping` is of the turn under way; `taken` is by line.
    """

    goods: Goods
    left: list[int]
    runs: list[list[Run]]
    pending: list[tuple[int, ...]]
    shipping: int
    promotion: str = ""
    taken: list[int] = field(default_factory=list)
    off_shipping: int = 0
    points: int = 0
    gifts: list[GiftGiven] = field(default_factory=list)
    grants: list[GrantGiven] = field(default_factory=list)
    used: set[int] = field(default_factory=set)  # lines with units that are used up

    @classmethod
    def opening(cls, goods: Goods, shipping: int) -> "Till":
        """Return the till before any promotion."""
        counted = list(zip(goods.quantities, goods.prices, strict=True))
        return cls(
            goods=goods,
            left=[count * price for count, price in counted],
            runs=[[(count, price, False)] for count, price in counted],
            pending=[()] * len(counted),
            shipping=shipping,
        )

    def fork(self) -> "Till":
        """Return another till in the same state, between two turns. Runs are never changed."""
        return Till(self.goods, self.left[:], self.runs[:], self.pending[:], self.shipping)

    @property
    def remaining(self) -> int:
        """What the lines still cost together, without shipping."""
        return sum(self.left)

    def begin(self, promotion: str) -> None:
        """Begin the turn of a promotion."""
        self.promotion = promotion
        self.taken = [0] * len(self.left)
        self.off_shipping = self.points = 0
        self.gifts, self.grants = [], []

    def rest(self) -> None:
        """End it where units were used up: the next promotion finds none that is."""
        for at in self.used:
            self.runs[at] = joined([(size, left, False) for size, left, _ in self.runs[at]])
        self.used.clear()

    def take_off_shipping(self, amount: int) -> None:
        taken = min(amount, self.shipping)
        self.shipping -= taken
        self.off_shipping += taken

    def take_off_lines(self, amount: int, among: Sequence[int]) -> None:
        """Share an amount over whole lines."""
        left, taken, pending = self.left, self.taken, self.pending
        weights = rooms = [left[at] for at in among]
        if self.goods.floored:
            least = self.goods.least
            rooms = [left[at] - least[at] for at in among]
        for at, got in zip(among, share(amount, weights, rooms), strict=True):
            if got:
                left[at] -= got
                taken[at] += got
                pending[at] += (got,)

    def units(self, at: int) -> list[Run]:
        """Return a line's units, everything taken so far shared over them."""
        if self.pending[at]:
            self._settle(at)
        return self.runs[at]

    def _settle(self, at: int) -> None:
        runs, left, amounts = self.runs[at], self.left[at], self.pending[at]
        if len(runs) == 1 and runs[0][0] == 1:
            runs = [(1, left, runs[0][2])]
        else:
            whole, floor = left + sum(amounts), self.goods.floors[at]
            for amount in amounts:
                runs = spread(amount, whole, runs, floor)
                whole -= amount
        self.runs[at] = runs
        self.pending[at] = ()

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

    def left_of(self, picks: Picks) -> int:
        """Return what these units still cost together."""
        return sum([self._left_of(at, own) for at, own in picks.items()])

    def take_off_units(self, amount: int, picks: Picks) -> None:
        """Share an amount over the lines of these units, and a line's share over its units."""
        floors = self.goods.floors
        weights = rooms = [self._left_of(at, own) for at, own in picks.items()]
        if self.goods.floored:
            rooms = [
                weight - floors[at] * sum([count for _, count in own])
                for weight, (at, own) in zip(weights, picks.items(), strict=True)
            ]
        for (at, own), got in zip(picks.items(), share(amount, weights, rooms), strict=True):
            if not got:
                continue
            runs, floor = self.runs[at], floors[at]
            sizes = [count for _, count in own]
            lefts = [runs[place][1] for place, _ in own]
            self._charge(at, own, share_sized(got, sizes, lefts, floor))

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


def spread(amount: int, whole: int, runs: list[Run], floor: int) -> list[Run]:
    """Share an amount over all units of a line, which cost `whole` together, in proportion."""
    if len(runs) == 1:  # they cost the same, so each gets the same, and the first ones one more
        size, left, used = runs[0]
        base, extra = divmod(amount, size)
        if not extra:
            return [(size, left - base, used)]
        return [(extra, left - base - 1, used), (size - extra, left - base, used)]
    sizes = [run[0] for run in runs]
    shares = share_sized(amount, sizes, [run[1] for run in runs], floor, whole)
    parts: list[Run] = []
    for run, (base, extra) in zip(runs, shares, strict=True):
        if extra:
            parts += split(run, run[0], base, extra)
        else:
            parts.append((run[0], run[1] - base, run[2]))
    return joined(parts)


def split(run: Run, count: int, base: int, extra: int) -> list[Run]:
    """Split a run: of `count` units `extra` get `base + 1`, the others `base`; then the rest."""
    size, left, used = run
    if size == count and not extra:
        return [(size, left - base, used)]
    parts = []
    if extra:
        parts.append((extra, left - base - 1, used))
    if count > extra:
        parts.append((count - extra, left - base, used))
    if size > count:
        parts.append((size - count, left, used))
    return parts


def joined(runs: list[Run]) -> list[Run]:
    """Join neighbours in equal state."""
    if len(runs) == 1:
        return runs
    found: list[Run] = []
    size, left, used = 0, -1, False
    for run in runs:
        if run[1] == left and run[2] == used:
            size += run[0]
        else:
            if size:
                found.append((size, left, used))
            size, left, used = run
    found.append((size, left, used))
    return found
