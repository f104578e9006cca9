"""Comparing counts: how far apart two arms are, how sure that is, and whether shares were kept.

The formulas are single well-known ones, each named where it is; their tests have what scipy says.
"""

from collections.abc import Sequence
from math import erfc, exp, gamma, sqrt
from statistics import NormalDist

from models.experiment import Interval

_LEAST = 5  # people expected in an arm, for chi-square to say anything


def deviation(comparisons: int, confidence: float = 0.95) -> float:
    """Return how many deviations wide intervals are, so that all of them hold with confidence.

    Bonferroni's correction: each may be wrong only in its part of the cases.
    """
    return NormalDist().inv_cdf(1 - (1 - confidence) / 2 / max(comparisons, 1))


def wilson(some: int, of: int, z: float) -> tuple[float, float]:
    """Return between which rates the true one is: Wilson's score interval (1927)."""
    rate = some / of
    middle = rate + z * z / (2 * of)
    spread = z * sqrt(rate * (1 - rate) / of + z * z / (4 * of * of))
    scale = 1 + z * z / of
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def difference(some: int, of: int, base: int, of_base: int, z: float) -> Interval | None:
    """Return how much more a rate is than the base's: Newcombe's interval (1998, method 10)."""
    if not of or not of_base:
        return None
    rate, base_rate = some / of, base / of_base
    low, high = wilson(some, of, z)
    base_low, base_high = wilson(base, of_base, z)
    value = rate - base_rate
    return Interval(
        value,
        value - sqrt((rate - low) ** 2 + (base_high - base_rate) ** 2),
        value + sqrt((high - rate) ** 2 + (base_rate - base_low) ** 2),
    )


def ratio(some: int, share: float, base: int, base_share: float, z: float) -> Interval | None:
    """Return how many times as many came as of the base, for shares of everybody.

    Given how many came in all, how many of them are the arm's is binomial (Przyborowski and
    Wilenski, 1940): Wilson's interval of that is turned into one of the ratio.
    """
    if not some or not base or not share or not base_share:
        return None
    low, high = wilson(some, some + base, z)
    scale = base_share / share
    return Interval(some / base * scale, low / (1 - low) * scale, high / (1 - high) * scale)


def mismatch(counts: Sequence[int], shares: Sequence[float]) -> float | None:
    """Return how likely it is that counts are at least so far from shares: Pearson's chi-square.

    None if there are too few to say, or if an arm of no share has anybody.
    """
    whole = sum(counts)
    expected = [whole * share / sum(shares) for share in shares]
    if len(counts) < 2 or min(expected) < _LEAST:
        return None
    square = sum((n - e) ** 2 / e for n, e in zip(counts, expected, strict=True))
    return chi_square_tail(square, len(counts) - 1)


def chi_square_tail(square: float, freedom: int) -> float:
    """Return how likely chi-square is at least that (Abramowitz and Stegun, 26.4.4 and 26.4.5)."""
    half = square / 2
    even = freedom % 2 == 0
    tail, step = (0.0, 1.0) if even else (erfc(sqrt(half)), 0.5)
    term = exp(-half) if even else exp(-half) * sqrt(half) / gamma(1.5)
    for _ in range(freedom // 2):
        tail += term
        term *= half / (step if even else step + 1)
        step += 1
    return tail
