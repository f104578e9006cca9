"""Entries in draws: each at a place of its user, so that nobody has more than they may."""

from datetime import datetime

from engine.draws import ticket_of
from models.draw import Entry, entry_id
from models.store import Stores


async def add_entry(
    draw_id: str,
    user_id: str,
    source: str,
    at: datetime,
    *,
    nonce: str,
    places: int | None,
    stores: Stores,
) -> bool:
    """Add one entry, at the first of the user's places that is free; False if they have all.

    Safe to repeat: the same source enters the same person once.
    """
    for place in range(places if places is not None else 1):
        entry = Entry(
            id=entry_id(draw_id, user_id, source),
            draw=draw_id,
            user_id=user_id,
            source=source,
            ticket=ticket_of(draw_id, user_id, source, nonce),
            nonce=nonce,
            slot=None if places is None else f"{place}|{user_id}",
            at=at,
        )
        if await stores.entries.add(entry) != "slot" or await stores.entries.has(entry.id):
            return True
    return False
