"""What is left to pay while promotions take their turns: lines as runs of units in equal state.

A discount on whole lines is noted and shared over their units only when something asks for units,
so a cart where nobody does is priced line by line, whatever the quantities.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from engine.pricing.shares import Party, Share, share
from models.cart import Cart, CartLine


class Cut(NamedTuple):
    """What a promotion took."""

    promotion: str
    amount: int


class Run(NamedTuple):
    """`size` neighbouring units in equal state: each still costs `left`, after these cuts.

    `used` marks units that a buy or bundle of the promotion whose turn it is has used up.
    """

    size: int
    left: int
    cuts: tuple[Cut, ...] = ()
    used: bool = False


class LineState(NamedTuple):
    """A line's money left and room down to its floor; `runs` are as before the `pending` cuts."""

    floor: int  # per unit, never above the price
    left: int
    room: int
    runs: tuple[Run, ...]
    cuts: tuple[Cut, ...] = ()
    pending: tuple[Cut, ...] = ()


class State(NamedTuple):
    lines: tuple[LineState, ...]
    shipping: int
    shipping_cuts: tuple[Cut, ...] = ()

    @property
    def remaining(self) -> int:
        """What the lines still cost together, without shipping."""
        return sum(line.left for line in self.lines)


def opening(cart: Cart) -> State:
    """Return the state before any promotion."""
    return State(tuple(_untouched(line) for line in cart.lines), cart.shipping)


def _untouched(line: CartLine) -> LineState:
    # A floor above the price means that nothing may be taken off.
    floor = min(line.floor, line.price)
    return LineState(
        floor=floor,
        left=line.amount,
        room=(line.price - floor) * line.quantity,
        runs=(Run(line.quantity, line.price),),
    )


def with_cut(cuts: tuple[Cut, ...], promotion: str, amount: int) -> tuple[Cut, ...]:
    """Add a cut; several by the promotion whose turn it is are one."""
    if not amount:
        return cuts
    if cuts and cuts[-1].promotion == promotion:
        return (*cuts[:-1], Cut(promotion, cuts[-1].amount + amount))
    return (*cuts, Cut(promotion, amount))


def less(line: LineState, promotion: str, amount: int) -> LineState:
    """Take an amount off a whole line, leaving for later how its units share it."""
    return line._replace(
        left=line.left - amount,
        room=line.room - amount,
        cuts=with_cut(line.cuts, promotion, amount),
        pending=(*line.pending, Cut(promotion, amount)),
    )


def settled(line: LineState) -> LineState:
    """Share what is pending over the units, in proportion to what each still costs."""
    if not line.pending:
        return line
    runs = line.runs
    for promotion, amount in line.pending:
        shares = share(amount, [Party(run.size, run.left, run.left - line.floor) for run in runs])
        runs = _joined(
            part
            for run, got in zip(runs, shares, strict=True)
            for part in split(run, promotion, run.size, got)
        )
    return line._replace(runs=runs, pending=())


def charged(line: LineState, promotion: str, taken: Mapping[int, tuple[int, Share]]) -> LineState:
    """Take from units of a settled line: of run n, its first units (so many) get these shares."""
    amount = sum(got.total(count) for count, got in taken.values())
    runs: list[Run] = []
    for at, run in enumerate(line.runs):
        if at in taken:
            count, got = taken[at]
            runs += split(run, promotion, count, got)
        else:
            runs.append(run)
    return line._replace(
        left=line.left - amount,
        room=line.room - amount,
        runs=tuple(runs),
        cuts=with_cut(line.cuts, promotion, amount),
    )


def split(run: Run, promotion: str, count: int, got: Share) -> list[Run]:
    """Split a run into units that got `base + 1`, units that got `base`, and the rest."""
    sizes = ((got.extra, got.base + 1), (count - got.extra, got.base))
    parts = [
        Run(size, run.left - amount, with_cut(run.cuts, promotion, amount), run.used)
        for size, amount in sizes
        if size
    ]
    if count < run.size:
        parts.append(run._replace(size=run.size - count))
    return parts


def rested(line: LineState) -> LineState:
    """Return the line as the next promotion finds it: no unit used up, equal neighbours joined."""
    if len(line.runs) == 1 and not line.runs[0].used:
        return line
    return line._replace(runs=_joined(run._replace(used=False) for run in line.runs))


def _joined(runs: Iterable[Run]) -> tuple[Run, ...]:
    joined: list[Run] = []
    for run in runs:
        if joined and joined[-1][1:] == run[1:]:
            joined[-1] = joined[-1]._replace(size=joined[-1].size + run.size)
        else:
            joined.append(run)
    return tuple(joined)
