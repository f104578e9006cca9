"""Sharing an amount of money among parties, to the minor unit.

Parties are parallel lists of integers, for sharing is most of the work of a quote: what each weighs
and the room it has; parties of several equal claimants also have a size, and weight and room are
then those of one of them.
"""

from collections.abc import Sequence
from operator import gt, mul
from typing import TypeAlias

# What each claimant of a party gets, and how many of them, from the front, get one more.
Share: TypeAlias = tuple[int, int]

NOTHING: Share = (0, 0)


def share(amount: int, weights: Sequence[int], whole: int, rooms: Sequence[int]) -> Sequence[int]:
    """Share `amount` among single claimants, who weigh `whole`, by largest remainder in the rooms.

    A party whose share is more than its room is fixed at its room, and what is left is shared anew
    among the others, again and again. What finds no room is lost. Pass the weights as the rooms
    where they are the same: that is quicker.
    """
    if len(weights) == 1:
        return [min(amount, rooms[0])]
    if weights is rooms:
        # A part of all that is left is never more than what is left of one.
        return rooms if amount >= whole else by_largest_remainder(amount, weights, whole)
    if amount >= sum(rooms):
        return rooms
    if 0 not in rooms:
        shares = by_largest_remainder(amount, weights, whole)
        if not any(map(gt, shares, rooms)):
            return shares
    anew = _share_anew(amount, [1] * len(weights), weights, rooms)
    return [base + extra for base, extra in anew]


def by_largest_remainder(amount: int, weights: Sequence[int], whole: int) -> list[int]:
    """Share `amount` in proportion to the weights, `whole` together; ties to the earlier one."""
    if len(weights) == 2:
        first = _of_two(amount, weights[0], whole)
        return [first, amount - first]
    shares = [amount * weight // whole for weight in weights]
    left = amount - sum(shares)
    if left:
        remainders = [amount * weight % whole for weight in weights]
        for place in _largest(remainders)[:left]:
            shares[place] += 1
    return shares


def kept_after(amount: int, weights: Sequence[int], whole: int) -> list[int]:
    """Return what is left of each weight when `amount` is shared as `share` does, without floors.

    It is the same as to subtract the shares, but most discounts of a quote are of whole lines.
    """
    if amount >= whole:
        return [0] * len(weights)
    if len(weights) == 2:
        first = weights[0] - _of_two(amount, weights[0], whole)
        return [first, whole - amount - first]
    kept = [weight - amount * weight // whole for weight in weights]
    more = sum(kept) - whole + amount
    if not more:
        return kept
    remainders = [amount * weight % whole for weight in weights]
    if more == 1:
        kept[remainders.index(max(remainders))] -= 1
        return kept
    ordered = sorted(remainders, reverse=True)
    least = ordered[more - 1]
    if ordered[more] < least:  # nobody ties with the last who gets one more
        pairs = zip(kept, remainders, strict=True)
        return [left - 1 if remainder >= least else left for left, remainder in pairs]
    for place in _largest(remainders)[:more]:
        kept[place] -= 1
    return kept


def _of_two(amount: int, weight: int, whole: int) -> int:
    """Return the share of the first of two: of two remainders the larger is at least a half."""
    return (2 * amount * weight + whole) // (2 * whole)


def _largest(remainders: Sequence[int]) -> list[int]:
    """Return their places, the largest first, of equal ones the earlier."""
    return sorted(range(len(remainders)), key=remainders.__getitem__, reverse=True)


def share_sized(
    amount: int, sizes: Sequence[int], weights: Sequence[int], whole: int, floor: int
) -> list[Share]:
    """Share `amount` as `share` does among parties of several claimants, who weigh `whole`.

    Each claimant has room down to the floor, and there is room enough for all of it.
    """
    if len(sizes) == 1:
        return [divmod(amount, sizes[0])]
    if not floor and amount < whole:
        return by_largest_remainder_sized(amount, sizes, weights, whole)
    rooms = [weight - floor for weight in weights]
    if amount >= sum(map(mul, sizes, rooms)):
        return [(room, 0) for room in rooms]
    return _share_anew(amount, sizes, weights, rooms)


def by_largest_remainder_sized(
    amount: int, sizes: Sequence[int], weights: Sequence[int], whole: int
) -> list[Share]:
    """Share `amount` as `by_largest_remainder` does among parties of several claimants."""
    bases = [amount * weight // whole for weight in weights]
    left = amount - sum(map(mul, bases, sizes))
    if not left:
        return [(base, 0) for base in bases]
    extras = [0] * len(sizes)
    remainders = [amount * weight % whole for weight in weights]
    for place in _largest(remainders):
        extras[place] = min(left, sizes[place])
        left -= extras[place]
        if not left:
            break
    return list(zip(bases, extras, strict=True))


def _share_anew(
    amount: int, sizes: Sequence[int], weights: Sequence[int], rooms: Sequence[int]
) -> list[Share]:
    """Share again and again among those who still have room; there is room enough for all."""
    shares = [NOTHING] * len(rooms)
    waiting = [place for place, room in enumerate(rooms) if room > 0]
    while waiting:
        own_sizes = [sizes[place] for place in waiting]
        own_weights = [weights[place] for place in waiting]
        whole = sum(map(mul, own_sizes, own_weights))
        tried = by_largest_remainder_sized(amount, own_sizes, own_weights, whole)
        full = {
            place
            for place, (base, extra) in zip(waiting, tried, strict=True)
            if base + bool(extra) > rooms[place]
        }
        if not full:
            for place, got in zip(waiting, tried, strict=True):
                shares[place] = got
            break
        for place in full:
            shares[place] = (rooms[place], 0)
            amount -= rooms[place] * sizes[place]
        waiting = [place for place in waiting if place not in full]
    return shares
