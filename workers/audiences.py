"""Background work on audiences."""

from services import audiences
from workers.deps import Deps


async def sync_audience(deps: Deps, name: str) -> None:
    """Bring an audience up to date. Safe to run twice: one worker at a time, and all is keyed."""
    await audiences.sync(name, deps.platforms)
