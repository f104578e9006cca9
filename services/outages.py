"""Telling the feed of servers that stop answering and come back, once for all processes.

Each process has a breaker of its own for each of them. Whoever sees first that it has turned tells;
the entry comes before the note and is known by the turn, so nobody who is killed in between, and
nobody who sees the same a moment later, tells anything twice.
"""

from datetime import datetime

from channels.roads import Road
from models.feed import FeedEntry
from models.store import Stores


async def tell(destination: str, road: Road, *, stores: Stores, wall: datetime) -> None:
    """Tell whether a destination is away, if this process sees it change or sees it first."""
    is_away = road.is_closed
    if is_away == road.told:
        return
    turns = await stores.servers.turns(destination)
    if is_away != (turns % 2 == 1):
        kind = "server.away" if is_away else "server.back"
        data = {"server": destination}
        await stores.outbox.add([FeedEntry(f"{kind}:{destination}:{turns}", kind, wall, data=data)])
        await stores.servers.turn(destination, turns)
    road.told = is_away
