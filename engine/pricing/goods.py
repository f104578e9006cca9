"""What a cart's lines are before any promotion, as lists of integers: one entry for each line."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.cart import Cart


@dataclass(frozen=True, slots=True)
class Goods:
    """`floors` are per unit, `least` what a whole line cannot fall below; both 0 without floors.

    `cheap` and `dear` are the places of the lines when sorted by the price of a unit, the cheapest
    and the dearest first, and the earlier line where prices are equal.
    """

    prices: Sequence[int]
    quantities: Sequence[int]
    floors: Sequence[int]
    least: Sequence[int]
    cheap: Sequence[int]
    dear: Sequence[int]
    floored: bool

    @classmethod
    def of(cls, cart: Cart) -> "Goods":
        """Return what is in a cart."""
        prices = [line.price for line in cart.lines]
        quantities = [line.quantity for line in cart.lines]
        # A floor above the price means that nothing may be taken off.
        floors = [min(line.floor, line.price) for line in cart.lines]
        places = range(len(prices))
        return cls(
            prices=prices,
            quantities=quantities,
            floors=floors,
            least=[floor * count for floor, count in zip(floors, quantities, strict=True)],
            cheap=_ranks(sorted(places, key=prices.__getitem__)),
            dear=_ranks(sorted(places, key=prices.__getitem__, reverse=True)),
            floored=any(floors),
        )


def _ranks(order: Sequence[int]) -> list[int]:
    ranks = [0] * len(order)
    for rank, place in enumerate(order):
        ranks[place] = rank
    return ranks
