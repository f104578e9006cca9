"""Whether the counts of reports are what the feed tells: for `fanfare verify`."""

from collections import Counter
from typing import TypeAlias

from models.paging import EVER
from models.report import Count, Part, Series
from models.store import Stores
from services.reporting.entries import counted
from services.reporting.rollup import BLOCKS, READER

_Counts: TypeAlias = Counter[tuple[Series, Count]]


async def check(*, stores: Stores) -> tuple[str, list[str]]:
    """Return what was looked at, and where counts differ from what was counted of the feed.

    That can be known only as long as the feed has all that it ever told.
    """
    counted_to = await stores.positions.find(READER) or 0
    first = await stores.feed.find_first()
    if not counted_to or first is None or first.number != 1:
        return "nothing: the feed is not all there, or not counted yet", []
    told = await _told(counted_to, stores)
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


async def _told(counted_to: int, stores: Stores) -> _Counts:
    told: _Counts = Counter()
    people: set[tuple[str, str]] = set()
    number = 1
    while blocks := await stores.feed.from_number(number, limit=BLOCKS):
        for block in blocks:
            if block.last_seq > counted_to:
                break
            found = counted(block.entries)
            people |= found.people.keys()
            for (series, _), counts in found.counts.items():
                told.update({(series, count): some for count, some in counts.items()})
        number = blocks[-1].number + 1
    told.update((Series(campaign, Part.CAMPAIGN), Count.PEOPLE) for campaign, _ in people)
    return told
