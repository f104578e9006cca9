"""Time that passes with a scheduler and workers about, and what started meanwhile."""

from datetime import timedelta

from tests.shop import Shop


async def started(shop: Shop) -> dict[str, list[str]]:
    """Return when runs started, by user, and that each user's runs have acted."""
    found: dict[str, list[str]] = {}
    async for run in shop.stores.runs.documents.find().sort("started_at"):
        assert run["state"] == "done", run
        found.setdefault(run["user"], []).append(f"{run['started_at']:%d %H:%M}")
    return found


async def pass_time(shop: Shop, *, hours: float, step: float = 0.5) -> None:
    """Turn the clock as time passes, with a scheduler and workers about."""
    end = shop.clock.business + timedelta(hours=hours)
    await shop.occur()
    while shop.clock.business < end:
        shop.clock.turn(hours=min(step, (end - shop.clock.business) / timedelta(hours=1)))
        await shop.occur()
