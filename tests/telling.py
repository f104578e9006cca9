"""Telling the feed something, without the sequencer."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from models.feed import Block, FeedEntry
from models.store import Stores

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


async def add_block(
    stores: Stores, *types: str, data: Mapping[str, Any] | None = None, at: datetime = NOW
) -> Block:
    """Append a block with entries of these types, called `e1`, `e2` and so on by their place."""
    last = await stores.feed.find_last()
    number, first = (last.number + 1, last.last_seq + 1) if last else (1, 1)
    entries = tuple(
        FeedEntry(f"e{first + place}", kind, at, data=data or {})
        for place, kind in enumerate(types)
    )
    block = Block(number, first, entries, at)
    assert await stores.feed.append(block)
    return block
