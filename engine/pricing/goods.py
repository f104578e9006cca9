"""What a cart's lines are before any promotion, as lists of integers: one entry for each line."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul

from models.cart import Cart


@dataclass(frozen=True, slots=True)
class Goods:
    """`floors` are per unit, `least` what a whole line cannot fall below; both 0 without floors."""

    prices: Sequence[int]
    quantities: Sequence[int]
    floors: Sequence[int]
    least: Sequence[int]
    floored: bool

    @classmethod
    def of(cls, cart: Cart) -> "Goods":
        """Return what is in a cart."""
        prices = [line.price for line in cart.lines]
        quantities = [line.quantity for line in cart.lines]
        # A floor above the price means that nothing may be taken off.
        floors = [min(line.floor, line.price) if line.floor else 0 for line in cart.lines]
        return cls(
            prices=prices,
            quantities=quantities,
            floors=floors,
            least=list(map(mul, floors, quantities)),
            floored=any(floors),
        )

    def by_price(self, lines: Sequence[int], *, dearest: bool) -> Sequence[int]:
        """Sort lines by the price of a unit; the earlier line comes first where they are equal."""
        if len(lines) == 1:
            return lines
        return sorted(lines, key=self.prices.__getitem__, reverse=dearest)
