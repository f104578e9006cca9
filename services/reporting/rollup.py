"""Adding what the feed tells to the counts of reports, some blocks together, each once.

Which blocks are added together is written down before, and a row knows the last block that it has.
So it may be repeated, also by two at once: whoever is late adds nothing.
"""

import logging
from collections.abc import Sequence

from models.feed import Block
from models.report import Count, Part, Series
from models.store import Stores
from services import sequencer
from services.reporting.entries import counted

log = logging.getLogger(__name__)

READER = "reports"
BLOCKS = 20  # added together: a row is written once for all of them
MOST = 500  # blocks in one round


async def follow(*, stores: Stores) -> int:
    """Add what the feed has told since the last time; return how many blocks. Safe to repeat."""
    await stores.positions.begin(READER, 0)
    added = 0
    while added < MOST:
        seq, upto = await stores.positions.stretch(READER)
        blocks = await sequencer.after(seq, stores=stores, limit=BLOCKS)
        if upto is None:
            if not blocks:
                break
            upto = blocks[-1].last_seq
            if not await stores.positions.plan(READER, seq, upto):
                continue  # someone else has, and may have seen more
        blocks = [block for block in blocks if block.last_seq <= upto]
        await _add(blocks, seq, upto, stores)
        await stores.positions.pass_over(READER, seq, upto)
        added += len(blocks)
    return added


async def _add(blocks: Sequence[Block], seq: int, upto: int, stores: Stores) -> None:
    if seq and (not blocks or blocks[0].first_seq > seq + 1):
        until = blocks[0].first_seq - 1 if blocks else upto
        log.error("reports lack what the feed told from %s to %s", seq + 1, until)
    if not blocks:
        return
    found = counted(entry for block in blocks for entry in block.entries)
    last = blocks[-1].number
    for campaign, user_id in await stores.reached.note(last, found.people.keys()):
        hour = found.people[campaign, user_id]
        found.add(Series(campaign, Part.CAMPAIGN), hour, Count.PEOPLE)
    await stores.metrics.add(last, found.counts, found.templates)
