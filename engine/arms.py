"""Which share of people someone falls into: by a hash, so the same everywhere and always."""

from collections.abc import Sequence
from decimal import Decimal
from hashlib import sha256
from typing import TypeVar

T = TypeVar("T")

_WHOLE = 2**64


def place_of(user_id: str, name: str) -> int:
    """Return a person's place among 2⁶⁴ for a name: what documents call the hash."""
    return int.from_bytes(sha256(f"{user_id}:{name}".encode()).digest()[:8], "big")


def held_out(user_id: str, name: str, share: Decimal | None) -> bool:
    """Whether a person is in the share (in percent) that never gets what `name` gives."""
    return share is not None and place_of(user_id, name) * 100 < share * _WHOLE


def arm_of(user_id: str, name: str, arms: Sequence[tuple[Decimal, T]]) -> T:
    """Return which of the arms (share in percent, arm) a person falls into, as they are written."""
    place = place_of(user_id, name) * 100
    reached = Decimal(0)
    for share, arm in arms:
        reached += share
        if place < reached * _WHOLE:
            return arm
    return arms[-1][1]
