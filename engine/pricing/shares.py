"""Sharing an amount of money among parties, to the minor unit."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple


class Party(NamedTuple):
    """`size` equal claimants side by side: each weighs `weight` and can take at most `room`."""

    size: int
    weight: int
    room: int


class Share(NamedTuple):
    """What each claimant of a party gets: `base`, and the first `extra` of them one more."""

    base: int
    extra: int = 0

    def total(self, count: int) -> int:
        return self.base * count + self.extra


NOTHING = Share(0)


@dataclass(frozen=True, slots=True)
class Percentage:
    """A percentage of an amount, rounded half up to the minor unit."""

    numerator: int
    denominator: int

    @classmethod
    def of(cls, percent: Fraction) -> "Percentage":
        share = percent / 100
        return cls(share.numerator, share.denominator)

    def __call__(self, amount: int) -> int:
        return (2 * amount * self.numerator + self.denominator) // (2 * self.denominator)


def by_largest_remainder(amount: int, parties: Sequence[Party]) -> list[Share]:
    """Share `amount` in proportion to the weights, ties to the earlier one; rooms ignored."""
    whole = sum(party.size * party.weight for party in parties)
    if not whole:
        return [NOTHING] * len(parties)
    bases = [divmod(amount * party.weight, whole) for party in parties]
    left = amount - sum(base * party.size for (base, _), party in zip(bases, parties, strict=True))
    extras = [0] * len(parties)
    for place in sorted(range(len(parties)), key=lambda at: -bases[at][1]):
        if not left:
            break
        extras[place] = min(left, parties[place].size)
        left -= extras[place]
    return [Share(base, extra) for (base, _), extra in zip(bases, extras, strict=True)]


def share(amount: int, parties: Sequence[Party]) -> list[Share]:
    """Share `amount` by largest remainder within the rooms.

    A party whose share is more than its room is fixed at its room, and what is left is shared anew
    among the others, again and again. What finds no room is lost.
    """
    shares = [NOTHING] * len(parties)
    waiting = [place for place, party in enumerate(parties) if party.room > 0]
    if amount >= sum(parties[place].size * parties[place].room for place in waiting):
        for place in waiting:
            shares[place] = Share(parties[place].room)
        return shares
    while waiting:
        tried = by_largest_remainder(amount, [parties[place] for place in waiting])
        full = {
            place
            for place, (base, extra) in zip(waiting, tried, strict=True)
            if base + bool(extra) > parties[place].room
        }
        if not full:
            for place, got in zip(waiting, tried, strict=True):
                shares[place] = got
            break
        for place in full:
            shares[place] = Share(parties[place].room)
            amount -= parties[place].room * parties[place].size
        waiting = [place for place in waiting if place not in full]
    return shares
