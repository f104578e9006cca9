"""`N per M of X`: how often one measure is contained in another."""

from fractions import Fraction


def full_multiples(measure: int | float, per: int | float) -> int:
    """Return how often `per` is contained in `measure`, in full; never less than 0."""
    # Numbers are compared in millionths, as sums of them are: 0.3 holds 0.1 three times.
    return max(0, _millionths(measure) // _millionths(per))


def _millionths(number: int | float) -> int:
    return number * 1_000_000 if isinstance(number, int) else round(Fraction(number) * 1_000_000)
