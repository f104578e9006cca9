"""Adding what the feed tells to the counts of reports, some blocks together, each once.

Which blocks are added together is written down before, and a row knows the last block that it has.
So it may be repeated, also by two at once: whoever is late adds nothing. Experiments are counted by
a reader of their own: where reports were counted before there were any, it begins with all that the
feed still has, and no process of an earlier version passes over what it cannot count.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from models.feed import Block, FeedEntry
from models.report import Count, Part, Series
from models.store import Stores
from services import sequencer
from services.reporting.arms import dealt
from services.reporting.entries import counted
from services.reporting.older import completed
from services.rulebook import Rulebook

log = logging.getLogger(__name__)

REPORTS, EXPERIMENTS = "reports", "experiments"
BLOCKS = 20  # added together: a row is written once for all of them
MOST = 500  # blocks in one round

_Add: TypeAlias = Callable[[int, Sequence[FeedEntry], Stores], Awaitable[None]]


async def follow(*, stores: Stores) -> int:
    """Add what the feed has told since the last time; return how many blocks. Safe to repeat."""
    told = Told(stores)
    added = dict.fromkeys(_READERS, 0)
    for reader in _READERS:
        await stores.positions.begin(reader, 0)
    going = list(_READERS)
    while going:
        # In step, so that what one has read is there for the other.
        for reader in tuple(going):
            blocks = await _step(reader, told)
            added[reader] += blocks or 0
            if blocks is None or added[reader] >= MOST:
                going.remove(reader)
    return max(added.values())


@dataclass(slots=True)
class Told:
    """Reads the feed, and remembers what it read last."""

    stores: Stores
    _seq: int | None = None
    _blocks: Sequence[Block] = ()
    _entries: dict[int, Sequence[FeedEntry]] = field(default_factory=dict)
    _rulebook: Rulebook | None = None

    async def after(self, seq: int, upto: int | None) -> Sequence[Block]:
        """Return blocks with what comes after a place, as far as they are wanted if that is known.

        Another may have seen, and planned to add, more than was there a moment ago.
        """
        last = self._blocks[-1].last_seq if self._blocks else seq
        if seq != self._seq or last <= seq or (upto is not None and last < upto):
            self._blocks = await sequencer.after(seq, stores=self.stores, limit=BLOCKS)
            self._seq = seq
            self._entries.clear()
        return self._blocks

    async def entries(self, blocks: Sequence[Block]) -> Sequence[FeedEntry]:
        """Return what blocks tell, each entry as it is told today."""
        found: list[FeedEntry] = []
        for block in blocks:
            if block.number not in self._entries:
                rulebook = self._rulebook = self._rulebook or Rulebook(self.stores)
                self._entries[block.number] = await completed(
                    block.entries, stores=self.stores, rulebook=rulebook
                )
            found += self._entries[block.number]
        return found


async def _step(reader: str, told: Told) -> int | None:
    """Add the next blocks for a reader; return how many, None if there are none."""
    positions = told.stores.positions
    seq, upto = await positions.stretch(reader)
    blocks = await told.after(seq, upto)
    if upto is None:
        if not blocks:
            return None
        upto = blocks[-1].last_seq
        if not await positions.plan(reader, seq, upto):
            return 0  # someone else has, and may have seen more
    blocks = [block for block in blocks if block.last_seq <= upto]
    if seq and (not blocks or blocks[0].first_seq > seq + 1):
        until = blocks[0].first_seq - 1 if blocks else upto
        log.error("%s lack what the feed told from %s to %s", reader, seq + 1, until)
    if blocks:
        await _READERS[reader](blocks[-1].number, await told.entries(blocks), told.stores)
    await positions.pass_over(reader, seq, upto)
    return len(blocks)


async def _add_reports(last: int, entries: Sequence[FeedEntry], stores: Stores) -> None:
    found = counted(entries)
    for campaign, user_id in await stores.reached.note(last, found.people):
        hour = found.people[campaign, user_id]
        found.add(Series(campaign, Part.CAMPAIGN), hour, Count.PEOPLE)
    await stores.metrics.add(last, found.counts, found.templates)


async def _add_arms(last: int, entries: Sequence[FeedEntry], stores: Stores) -> None:
    found = dealt(entries)
    people = {("|".join(series), user): (series, user) for series, user in found.people}
    hours = {key: found.people[each] for key, each in people.items()}
    for key in await stores.reached.note(last, hours):
        found.add(people[key][0], hours[key], Count.PEOPLE)
    # A goal counts in the hour in which its person was first dealt the arm: so whatever span is
    # asked for, nobody is among those who reached it and not among those who could.
    goals = {("|".join(series), user): series for series, user in found.goals}
    since = await stores.reached.hours(goals)
    reached = {(f"{key}|goal", user): (key, user) for key, user in since}
    first = {goal: since[each] for goal, each in reached.items()}
    for goal in await stores.reached.note(last, first):
        found.add(goals[reached[goal]], first[goal], Count.CONVERTED)
    await stores.metrics.add(last, found.counts, {})


_READERS: Mapping[str, _Add] = {REPORTS: _add_reports, EXPERIMENTS: _add_arms}
