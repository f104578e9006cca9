"""Sets of rules as integers, one bit for each rule."""

from collections.abc import Iterable, Sequence
from itertools import compress
from typing import TypeVar

Member = TypeVar("Member")

# Where more than one in so many is in the set, all are gone through; else only those that are.
_DENSE = 8
_WORD = 64
_DIGITS = bytes.maketrans(b"01", b"\0\1")


def bits(places: Iterable[int]) -> int:
    """Return the set of these places."""
    members = list(places)
    if not members:
        return 0
    held = bytearray(max(members) // 8 + 1)
    for place in members:
        held[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(held, "little")


def chosen(members: Sequence[Member], live: int) -> list[Member]:
    """Return the members at the places in a set, in order."""
    if not live:
        return []
    if live.bit_count() * _DENSE >= live.bit_length():
        digits = f"{live:b}"[::-1].encode().translate(_DIGITS)
        return list(compress(members, digits))
    size = (live.bit_length() + _WORD - 1) // _WORD * 8
    found: list[Member] = []
    start = 0
    for word in memoryview(live.to_bytes(size, "little")).cast("Q"):
        while word:
            lowest = word & -word
            found.append(members[start + lowest.bit_length() - 1])
            word ^= lowest  # noqa: PLW2901 - its bits are used up
        start += _WORD
    return found
