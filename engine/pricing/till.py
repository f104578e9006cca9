"""The till of one promotion's turn: takes money off lines, units and shipping."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from engine.pricing.shares import Party, Share, by_largest_remainder, share
from engine.pricing.state import LineState, Run, State, charged, less, rested, settled, with_cut
from models.quote import GiftGiven, GrantGiven

# (line, run) → how many units, from the front of the run.
Picks: TypeAlias = dict[tuple[int, int], int]


@dataclass(slots=True)
class Till:
    """Mutable, lives for one turn: `close` gives the state that the next promotion finds."""

    promotion: str
    lines: list[LineState]
    prices: Sequence[int]  # the original unit price of each line
    shipping: int
    saved: int = 0
    shipping_saved: int = 0
    points: int = 0
    gifts: list[GiftGiven] = field(default_factory=list)
    grants: list[GrantGiven] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)

    def close(self, before: State) -> State:
        """Return what is left when this promotion has had its turn."""
        for at in self.touched:
            self.lines[at] = rested(self.lines[at])
        cuts = with_cut(before.shipping_cuts, self.promotion, self.shipping_saved)
        return State(tuple(self.lines), self.shipping, cuts)

    def take_off_shipping(self, amount: int) -> None:
        taken = min(amount, self.shipping)
        self.shipping -= taken
        self.shipping_saved += taken

    def take_off_lines(self, amount: int, among: Sequence[int]) -> None:
        """Share an amount over whole lines."""
        parties = [Party(1, self.lines[at].left, self.lines[at].room) for at in among]
        for at, got in zip(among, share(amount, parties), strict=True):
            taken = got.total(1)
            if taken:
                self.lines[at] = less(self.lines[at], self.promotion, taken)
                self.saved += taken

    def runs(self, at: int) -> tuple[Run, ...]:
        """Return a line's units, every earlier cut shared over them."""
        self.lines[at] = settled(self.lines[at])
        return self.lines[at].runs

    def room(self, at: int, run: Run) -> int:
        return run.left - self.lines[at].floor

    def units_of(self, among: Sequence[int]) -> Picks:
        """Return every unit of these lines that has room."""
        return {
            (at, place): run.size
            for at in among
            for place, run in enumerate(self.runs(at))
            if self.room(at, run) > 0
        }

    def left_of(self, picks: Picks) -> int:
        """Return what these units still cost together."""
        return sum(self.lines[at].runs[place].left * count for (at, place), count in picks.items())

    def take_off_units(self, amount: int, picks: Picks) -> None:
        """Share an amount over the lines of these units, and a line's share over its units."""
        by_line = _by_line(picks)
        parties: dict[int, list[Party]] = {
            at: [self._party(at, place, count) for place, count in units.items()]
            for at, units in by_line.items()
        }
        lines = [
            Party(1, sum(p.size * p.weight for p in units), sum(p.size * p.room for p in units))
            for units in parties.values()
        ]
        for at, got in zip(by_line, share(amount, lines), strict=True):
            self._charge(at, by_line[at], share(got.total(1), parties[at]))

    def take_off_each(
        self, discount: Callable[[int], int], picks: Picks, cap: int | None = None
    ) -> None:
        """Take `discount(what it still costs)` off each unit; their discounts share a cap."""
        places = sorted(picks)
        wanted = [
            min(discount(self.lines[at].runs[place].left), self._party(at, place, 1).room)
            for at, place in places
        ]
        parties = [
            Party(picks[place], amount, amount)
            for place, amount in zip(places, wanted, strict=True)
        ]
        shares = [Share(amount) for amount in wanted]
        if cap is not None and cap < sum(party.size * party.room for party in parties):
            shares = by_largest_remainder(cap, parties)
        by_place = dict(zip(places, shares, strict=True))
        for at, units in _by_line(picks).items():
            self._charge(at, units, [by_place[at, place] for place in units])

    def use_up(self, picks: Picks) -> dict[tuple[int, int], tuple[int, int]]:
        """Mark units as used by this promotion; return where each of their runs is now."""
        moved: dict[tuple[int, int], tuple[int, int]] = {}
        for at, units in _by_line(picks).items():
            runs: list[Run] = []
            for place, run in enumerate(self.lines[at].runs):
                count = units.get(place, 0)
                if count:
                    moved[at, place] = (at, len(runs))
                    runs.append(run._replace(size=count, used=True))
                if count < run.size:
                    runs.append(run._replace(size=run.size - count))
            self.lines[at] = self.lines[at]._replace(runs=tuple(runs))
            self.touched.add(at)
        return moved

    def _party(self, at: int, place: int, count: int) -> Party:
        run = self.lines[at].runs[place]
        return Party(count, run.left, self.room(at, run))

    def _charge(self, at: int, units: Mapping[int, int], shares: Sequence[Share]) -> None:
        taken = {place: (units[place], got) for place, got in zip(units, shares, strict=True)}
        before = self.lines[at].left
        self.lines[at] = charged(self.lines[at], self.promotion, taken)
        self.saved += before - self.lines[at].left
        self.touched.add(at)


def _by_line(picks: Picks) -> dict[int, dict[int, int]]:
    by_line: dict[int, dict[int, int]] = defaultdict(dict)
    for at, place in sorted(picks):
        by_line[at][place] = picks[at, place]
    return by_line
