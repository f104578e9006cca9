"""Adding what the feed tells to the counts of reports, block after block, each once.

A block is added to rows that know the last one they have, and how far all are is noted afterwards.
So it may be repeated, also by two at once: whoever is late adds nothing.
"""

import logging

from models.feed import Block
from models.report import Count, Part, Series
from models.store import Stores
from services import sequencer
from services.reporting.entries import counted

log = logging.getLogger(__name__)

READER = "reports"
BLOCKS = 20  # read at once
MOST = 500  # blocks in one round


async def follow(*, stores: Stores) -> int:
    """Add what the feed has told since the last time; return how many blocks. Safe to repeat."""
    seq = await stores.positions.find(READER)
    if seq is None:
        await stores.positions.begin(READER, 0)
        seq = 0
    added = 0
    while added < MOST:
        blocks = await sequencer.after(seq, stores=stores, limit=BLOCKS)
        for block in blocks:
            if block.first_seq > seq + 1 and seq:
                log.error("reports lack what the feed told from %s to %s", seq + 1, block.first_seq)
            await _add(block, stores)
            seq = block.last_seq
        if not blocks:
            break
        await stores.positions.reach(READER, seq)
        added += len(blocks)
    return added


async def _add(block: Block, stores: Stores) -> None:
    found = counted(block.entries)
    for campaign, user_id in await stores.reached.note(block.number, found.people.keys()):
        hour = found.people[campaign, user_id]
        found.add(Series(campaign, Part.CAMPAIGN), hour, Count.PEOPLE)
    await stores.metrics.add(block.number, found.counts, found.templates)
