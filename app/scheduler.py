"""The scheduler process. Any number may run; one leads."""

import asyncio
import logging
import signal

from app.collector import settle
from app.settings import Settings
from app.wiring import wired
from workers.schedule import Schedule, run


def run_scheduler(settings: Settings) -> None:
    """Keep the schedule until SIGTERM or Ctrl-C."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    settings.seal_keys()  # said now if the secret is missing, not by the first entry
    asyncio.run(_run(settings))


async def _run(settings: Settings) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with wired(settings) as wiring:
        schedule = Schedule(
            stores=wiring.stores,
            rulebook=wiring.rulebook,
            jobs=wiring.jobs,
            clock=wiring.clock,
            seal_keys=settings.seal_keys(),
            beacon=wiring.beacon,
            audit_days=settings.audit_days,
        )
        settle()
        await run(schedule, stopping)
