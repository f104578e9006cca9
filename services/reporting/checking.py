"""Whether the counts of reports are what the feed tells: for `fanfare verify`."""

from collections import Counter
from typing import TypeAlias

from models.feed import Block
from models.paging import EVER
from models.report import Count, Part, Series
from models.store import Stores
from services.reporting.arms import dealt
from services.reporting.entries import counted
from services.reporting.rollup import BLOCKS, EXPERIMENTS, REPORTS, Told

_Counts: TypeAlias = Counter[tuple[Series, Count]]


async def check(*, stores: Stores) -> tuple[str, list[str]]:
    """Return what was looked at, and where counts differ from what was counted of the feed.

    That can be known only as long as the feed has all that it ever told.
    """
    counted_to = {
        reader: await stores.positions.find(reader) or 0 for reader in (REPORTS, EXPERIMENTS)
    }
    first = await stores.feed.find_first()
    if not all(counted_to.values()) or first is None or first.number != 1:
        return "nothing: the feed is not all there, or not counted yet", []
    told = await _told(counted_to[REPORTS], counted_to[EXPERIMENTS], stores)
    campaigns = sorted({series.campaign for series, _ in told})
    kept = await stores.metrics.of(campaigns, EVER)
    rows = [row for each in kept.values() for row in each]
    found: _Counts = Counter(
        {(row.series, count): number for row in rows for count, number in row.counts.items()}
    )
    return f"{len(rows)} series", [
        f"{' '.join(filter(None, series))}: {found[series, count]} {count.value} are counted, "
        f"the feed tells of {told[series, count]}"
        for series, count in sorted(told.keys() | found.keys())
        if found[series, count] != told[series, count]
    ]


async def _told(reports_to: int, experiments_to: int, stores: Stores) -> _Counts:
    told: _Counts = Counter()
    reached: set[tuple[Series, Count, str]] = set()
    reading = Told(stores)
    number = 1
    while blocks := await stores.feed.from_number(number, limit=BLOCKS):
        for block in blocks:
            if block.last_seq <= reports_to:
                await _add_reports(block, reading, told, reached)
            if block.last_seq <= experiments_to:
                await _add_arms(block, reading, told, reached)
        number = blocks[-1].number + 1
    told.update((series, count) for series, count, _ in reached)
    return told


async def _add_reports(
    block: Block, reading: Told, told: _Counts, reached: set[tuple[Series, Count, str]]
) -> None:
    found = counted(await reading.entries([block]))
    reached |= {(Series(c, Part.CAMPAIGN), Count.PEOPLE, user) for c, user in found.people}
    for (series, _), counts in found.counts.items():
        told.update({(series, count): some for count, some in counts.items()})


async def _add_arms(
    block: Block, reading: Told, told: _Counts, reached: set[tuple[Series, Count, str]]
) -> None:
    found = dealt(await reading.entries([block]))
    reached |= {(series, Count.PEOPLE, user) for series, user in found.people}
    reached |= {(series, Count.CONVERTED, user) for series, user in found.goals}
    for (series, _), counts in found.counts.items():
        told.update({(series, count): some for count, some in counts.items()})
