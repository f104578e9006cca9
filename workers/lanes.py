"""Background work on lanes."""

from services import lanes
from workers.deps import Deps


async def work_lane(deps: Deps, numbers: str) -> None:
    """Apply pending events of some lanes, and move their due runs.

    Safe to run twice: one worker holds a lane at a time, and all that follows is keyed.
    """
    await lanes.work([int(lane) for lane in numbers.split(",")], deps.lanes)
