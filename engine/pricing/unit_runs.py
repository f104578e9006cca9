"""Who took how much of each unit of a line, told from how its units differ turn by turn."""

from collections.abc import Iterator, Sequence

from engine.pricing.runs import Run
from models.quote import Taken, UnitRun


def after_turn(before: Sequence[UnitRun], runs: Sequence[Run], promotion: str) -> list[UnitRun]:
    """Return a line's units after a promotion's turn, neighbours in equal state as one."""
    found: list[UnitRun] = []
    for part in _overlaid(before, runs, promotion):
        last = found[-1] if found else None
        if last is not None and (last.total, last.applied) == (part.total, part.applied):
            found[-1] = UnitRun(last.count + part.count, part.total, part.applied)
        else:
            found.append(part)
    return found


def _overlaid(before: Sequence[UnitRun], runs: Sequence[Run], promotion: str) -> Iterator[UnitRun]:
    """Yield units in order; both are the same units, cut in different places."""
    ahead = iter(runs)
    size, left = 0, 0
    for unit in before:
        rest = unit.count
        while rest:
            if not size:
                size, left, _ = next(ahead)
            count = min(rest, size)
            taken = unit.total - left
            applied = (*unit.applied, Taken(promotion, taken)) if taken else unit.applied
            yield UnitRun(count, left, applied)
            rest -= count
            size -= count
