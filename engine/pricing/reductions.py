"""How much a reduction takes off an amount of money."""

from collections.abc import Callable
from fractions import Fraction
from typing import TypeAlias

from dsl.clauses import Amount
from dsl.promotions import Off

# What is taken off an amount; it may be more than that.
Reduction: TypeAlias = Callable[[int], int]


def reduction(off: Off) -> Reduction:
    """Return what a reduction takes off an amount of money: a percentage of it, or a fixed sum."""
    if off.percent is not None:
        return percentage(Fraction(off.percent))
    amount = minor(off.amount) or 0
    return lambda _: amount


def percentage(percent: Fraction) -> Reduction:
    """Return a percentage of an amount, rounded half up to the minor unit."""
    share = percent / 100
    whole = share.denominator
    twice, double = 2 * share.numerator, 2 * whole
    return lambda amount: (amount * twice + whole) // double


def down_to(price: int) -> Reduction:
    """Return what brings an amount down to a price; it is never raised."""
    return lambda amount: max(0, amount - price)


def minor(amount: Amount | None) -> int | None:
    """Return an optional amount's minor units."""
    return None if amount is None else amount.minor


def capped(discount: Reduction, cap: int | None) -> Reduction:
    """Return a reduction that takes at most its cap."""
    if cap is None:
        return discount
    return lambda amount: min(discount(amount), cap)
