"""Tiers that give less than the one below: who buys more would pay more."""

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise

from dsl import nodes
from dsl.checker.report import Report
from dsl.core import Expr, Ref
from dsl.promotions import Off, Target


def check_tiers(
    by: Expr,
    target: Target,
    steps: Mapping[int | float, tuple[nodes.TierStep, Off]],
    report: Report,
) -> None:
    """Warn of every tier at whose threshold the tier below would have given more."""
    ordered = sorted(steps.items())
    for (_, (_, lower)), (threshold, (step, upper)) in pairwise(ordered):
        base = threshold if _is_of_what_it_takes(by, target) else None
        below, here = _given(lower, upper, base), _given(upper, lower, base)
        if below is None or here is None:
            continue
        if here < below:
            report.warning("W302", step.span, "this tier gives less than the one below it")
        elif lower == upper:
            report.warning("W302", step.span, "this tier gives no more than the one below it")


def _is_of_what_it_takes(by: Expr, target: Target) -> bool:
    """Whether the tier's measure is the money that a percentage is taken of."""
    match by:
        case Ref("cart", ("subtotal" | "remaining",)):
            return target.what == "cart"
        case _:
            return False


def _given(off: Off, beside: Off, base: int | float | None) -> Fraction | None:
    """Return what is taken, or None where a share and an amount have nothing to compare them by."""
    if off.amount is not None:
        is_alone = beside.amount is None and base is None
        return None if is_alone else Fraction(off.amount.minor)
    if off.percent is None or (beside.percent is None and base is None):
        return None
    return Fraction(off.percent) * Fraction(1 if base is None else base) / 100
