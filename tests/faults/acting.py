"""Processes to be killed: an API, or a worker that works on all lanes once."""

import asyncio
from typing import Any

from app.serve import run
from app.settings import Settings
from models.store import Stores, connect
from services import lanes
from services.lanes import Lanes
from services.rulebook import Rulebook
from tests.faults.placing import Now, Silence


def serve(settings: dict[str, Any]) -> None:
    """Be an API."""
    run(Settings(**settings))


def work(settings: dict[str, Any]) -> None:
    """Be a worker."""

    async def all_lanes() -> None:
        stores = Stores.over(connect(settings["mongodb_uri"], settings["database"]))
        parts = Lanes(stores=stores, rulebook=Rulebook(stores), jobs=Silence(), clock=Now())
        for lane in await stores.events.pending_lanes():
            await lanes.work([lane], parts)

    asyncio.run(all_lanes())
