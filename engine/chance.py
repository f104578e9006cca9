"""Chance that stays: a person falls into the same share of the same thing every time."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256


def fraction_of(user_id: str, name: str) -> Fraction:
    """Return where a user falls in [0, 1): eight bytes of a hash of who and of what it is about."""
    digest = sha256(f"{user_id}:{name}".encode()).digest()
    return Fraction(int.from_bytes(digest[:8], "big"), 2**64)


def held_out(user_id: str, name: str, percent: Decimal) -> bool:
    """Say whether a user belongs to the share that never gets the thing of this name."""
    return fraction_of(user_id, name) * 100 < Fraction(percent)


def arm_of(user_id: str, name: str, percents: Sequence[Decimal]) -> int:
    """Return which arm of a split a user falls into; arms lie side by side in the order written."""
    place = fraction_of(user_id, name) * 100
    edge = Fraction(0)
    for arm, percent in enumerate(percents):
        edge += Fraction(percent)
        if place < edge:
            return arm
    return len(percents) - 1
