"""The most that repeats of a bundle still take, as seen in the middle of a search.

Whichever units they take at their turn, these cost no more then than those that cost most now.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.pricing.till import Till

_NOTHING = 1e-9  # of a unit, left over by rounding in floating point


@dataclass(frozen=True, slots=True)
class Repeats:
    """At most so many, each of which takes so many units of each part's lines.

    They save what those cost beyond a price.
    """

    parts: Sequence[tuple[int, Sequence[int]]]
    price: int
    repeats: int
    cap: int | None

    @property
    def lines(self) -> set[int]:
        """The lines of all parts."""
        return {at for _, lines in self.parts for at in lines}

    def most(self, till: Till) -> float:
        """Return the most that they can take from here on: the dearest units first."""
        counts = [count for count, _ in self.parts]
        queues = [_dearest_last(till, lines) for _, lines in self.parts]
        found, repeats = 0.0, float(self.repeats)
        while repeats > _NOTHING and all(queues):
            heads = [queue[-1] for queue in queues]
            each = sum([n * cost for n, (cost, _) in zip(counts, heads, strict=True)]) - self.price
            if each <= 0:
                break
            # So many repeats take units that cost the same.
            times = min(repeats, *[s / n for n, (_, s) in zip(counts, heads, strict=True)])
            found += times * each
            repeats -= times
            for count, queue in zip(counts, queues, strict=True):
                cost, size = queue.pop()
                if size - times * count > _NOTHING:
                    queue.append((cost, size - times * count))
        return found if self.cap is None else min(found, self.cap)


def _dearest_last(till: Till, lines: Sequence[int]) -> list[tuple[int, float]]:
    """Return what units of lines cost at most, and how many can cost that; the dearest last."""
    left, quantities, prices = till.left, till.goods.quantities, till.goods.prices
    return sorted(
        [
            # Units that are not even may be at their first price, as many as the line pays for.
            (prices[at], min(quantities[at], -(-left[at] // prices[at])))
            if at in till.runs
            else (-(-left[at] // quantities[at]), quantities[at])
            for at in lines
            if left[at]
        ]
    )
