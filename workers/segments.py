"""Background work on segments."""

from services import fillings
from workers.deps import Deps


async def fill_segments(deps: Deps, _: str) -> None:
    """Fill segments as the live rules want them.

    Safe to run twice: one worker fills at a time, and a page may be repeated.
    """
    lanes = deps.lanes
    await fillings.work(
        stores=lanes.stores, rulebook=lanes.rulebook, clock=lanes.clock, stopping=lanes.stopping
    )
