"""Background work on lanes."""

from services import lanes
from workers.deps import Deps


async def work_lane(deps: Deps, lane: str) -> None:
    """Apply a lane's pending events and move its due runs.

    Safe to run twice: one worker holds a lane at a time, and all that follows is keyed.
    """
    await lanes.work(int(lane), deps.lanes)
