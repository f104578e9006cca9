"""Units of a line as runs of neighbours in equal state, so that a million cost the same as one."""

from itertools import islice
from typing import TypeAlias

from engine.pricing.shares import share_sized

# So many neighbouring units, each of which still costs so much; and whether a buy or bundle of the
# promotion whose turn it is has used them up.
Run: TypeAlias = tuple[int, int, bool]


def are_even(runs: list[Run]) -> bool:
    """Whether units cost the same but for one minor unit, the cheaper ones first.

    Whatever is then shared over all of them leaves them so: what they cost together says it all.
    """
    if len(runs) == 2:
        (_, left, used), (_, other, also) = runs
        return left + 1 == other and used == also
    return len(runs) == 1


def evenly(size: int, whole: int, *, used: bool) -> list[Run]:
    """Return so many units that cost so much together, each the same but for one minor unit."""
    left, more = divmod(whole, size)
    if not more:
        return [(size, left, used)]
    return [(size - more, left, used), (more, left + 1, used)]


def spread(amount: int, whole: int, runs: list[Run], floor: int) -> list[Run]:
    """Share an amount over all units of a line, which cost `whole` together, in proportion."""
    if floor or amount == whole:
        return _spread_above(amount, whole, runs, floor)
    parts: list[Run] = []
    remainders: list[int] = []
    over = amount
    for size, left, used in runs:
        base, remainder = divmod(amount * left, whole)
        over -= base * size
        parts.append((size, left - base, used))
        remainders.append(remainder)
    if not over:
        return parts
    for place in sorted(range(len(parts)), key=remainders.__getitem__, reverse=True):
        size, left, used = parts[place]
        if over < size:
            parts[place : place + 1] = [(over, left - 1, used), (size - over, left, used)]
            break
        parts[place] = (size, left - 1, used)
        over -= size
        if not over:
            break
    return joined(parts)


def _spread_above(amount: int, whole: int, runs: list[Run], floor: int) -> list[Run]:
    shares = share_sized(amount, [run[0] for run in runs], [run[1] for run in runs], whole, floor)
    parts: list[Run] = []
    for run, (base, extra) in zip(runs, shares, strict=True):
        parts += split(run, run[0], base, extra)
    return joined(parts)


def split(run: Run, count: int, base: int, extra: int) -> list[Run]:
    """Split a run: of `count` units `extra` get `base + 1`, the others `base`; then the rest."""
    size, left, used = run
    if size == count and not extra:
        return [(size, left - base, used)]
    parts = []
    if extra:
        parts.append((extra, left - base - 1, used))
    if count > extra:
        parts.append((count - extra, left - base, used))
    if size > count:
        parts.append((size - count, left, used))
    return parts


def joined(runs: list[Run]) -> list[Run]:
    """Join neighbours in equal state."""
    if len(runs) == 1:
        return runs
    found = [last := runs[0]]
    for run in islice(runs, 1, None):
        if run[1] == last[1] and run[2] == last[2]:
            found[-1] = last = (last[0] + run[0], last[1], last[2])
        else:
            found.append(last := run)
    return found
