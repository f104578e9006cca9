"""How much a reduction takes off an amount of money."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from dsl.clauses import Amount
from dsl.promotions import Off
from engine.pricing.shares import Percentage


def reduction(off: Off) -> Callable[[int], int]:
    """Return what a reduction takes off an amount of money: a percentage of it, or a fixed sum."""
    if off.percent is not None:
        return _percentage(off.percent)
    amount = minor(off.amount) or 0
    return lambda _: amount


def minor(amount: Amount | None) -> int | None:
    """Return an optional amount's minor units."""
    return None if amount is None else amount.minor


def capped(amount: int, cap: int | None) -> int:
    """Return an amount, at most its cap."""
    return amount if cap is None else min(amount, cap)


@lru_cache(maxsize=1024)
def _percentage(percent: Decimal) -> Percentage:
    return Percentage.of(Fraction(percent))
