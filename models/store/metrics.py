"""Counts of what came of campaigns: by the hour, by the day, and ever.

Blocks of the feed are added in order, always the same ones together, and a row knows the last block
that it has. So they may be added again by whoever cannot know whether they were.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from pymongo import ASCENDING, IndexModel, UpdateOne
from pymongo.errors import BulkWriteError

from models.paging import Span
from models.report import Count, Part, Row, Series
from models.store.database import BY_ID, Document, Store, duplicates

HOUR, DAY, EVER = "hour", "day", "ever"
_START = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)

# What reached someone, and their id.
Person: TypeAlias = tuple[str, str]
# By series and the hour at which it was.
Added: TypeAlias = Mapping[tuple[Series, datetime], Mapping[Count, int]]


class Metrics(Store):
    NAME = "metrics"
    INDEXES = (
        IndexModel(
            [("campaign", ASCENDING), ("unit", ASCENDING), ("at", ASCENDING)], name="campaign"
        ),
    )

    async def add(self, block: int, added: Added, templates: Mapping[Series, str]) -> None:
        """Add what blocks of the feed up to this one tell. Safe to repeat, as long as in order."""
        rows: dict[tuple[Series, str, datetime], dict[Count, int]] = defaultdict(dict)
        for (series, hour), counts in added.items():
            day = hour.replace(hour=0)
            for key in ((series, HOUR, hour), (series, DAY, day), (series, EVER, _START)):
                for count, number in counts.items():
                    rows[key][count] = rows[key].get(count, 0) + number
        writes = [
            UpdateOne(
                {"_id": "|".join((*series, unit, at.isoformat())), "block": {"$lt": block}},
                {
                    "$inc": {f"counts.{count}": number for count, number in counts.items()},
                    "$set": {"block": block} | _template(templates.get(series)),
                    "$setOnInsert": series._asdict() | {"unit": unit, "at": at},
                },
                upsert=True,
                hint=BY_ID,
            )
            for (series, unit, at), counts in rows.items()
        ]
        if writes:
            try:
                await self.documents.bulk_write(writes, ordered=False)
            except BulkWriteError as error:
                duplicates(error)  # rows that have this block already

    async def of(self, campaigns: Sequence[str], span: Span) -> dict[str, list[Row]]:
        """Return the counts of campaigns over whole hours, by campaign, series in order."""
        found: dict[str, list[Row]] = {campaign: [] for campaign in campaigns}
        key = {name: f"${name}" for name in Series._fields}
        cursor = self.documents.aggregate(
            [
                {"$match": {"campaign": {"$in": list(campaigns)}, "$or": list(_within(span))}},
                {"$sort": {"campaign": ASCENDING, "unit": ASCENDING, "at": ASCENDING}},
                {
                    "$group": {
                        "_id": key,
                        "template": {"$last": "$template"},
                        **{count.value: {"$sum": f"$counts.{count}"} for count in Count},
                    }
                },
            ]
        )
        async for document in cursor:
            row = _row(document)
            found[row.series.campaign].append(row)
        for rows in found.values():
            rows.sort(key=lambda row: row.series)
        return found


class Reached(Store):
    """Whom something has reached: each person once, in the block of the feed that first told.

    What it is that reached them is a campaign, or the key of something in one.
    """

    NAME = "reached"
    INDEXES = (IndexModel([("user", ASCENDING)], name="user"),)

    async def note(self, block: int, people: Mapping[Person, datetime]) -> frozenset[Person]:
        """Note people, each by what reached them, and at which hour; return who is new in a block.

        Safe to repeat: whoever was new is again.
        """
        if not people:
            return frozenset()
        ids = {"|".join(person): person for person in people}
        blocks = await self._blocks(ids)
        missing = [
            {
                "_id": key,
                "campaign": person[0].partition("|")[0],
                "user": person[1],
                "at": people[person],
                "block": block,
            }
            for key, person in ids.items()
            if key not in blocks  # as a rule most are there: refusing them takes far longer
        ]
        if await self._insert_missing(missing):  # another was faster
            blocks = await self._blocks(ids)
        return frozenset(person for key, person in ids.items() if blocks.get(key, block) == block)

    async def _blocks(self, ids: Collection[str]) -> dict[str, int]:
        """Return the blocks of those that were noted."""
        cursor = self.documents.find({"_id": {"$in": list(ids)}}, {"block": 1})
        return {document["_id"]: document["block"] async for document in cursor}

    async def hours(self, people: Collection[Person]) -> dict[Person, datetime]:
        """Return at which hour each was reached."""
        ids = {"|".join(person): person for person in people}
        if not ids:
            return {}
        cursor = self.documents.find({"_id": {"$in": list(ids)}}, {"at": 1})
        return {ids[document["_id"]]: document["at"] async for document in cursor}


def _within(span: Span) -> Iterable[Document]:
    """Yield conditions that together take each hour of a span once: whole days as such."""
    since, until = span.since, span.until
    if since is None and until is None:
        yield {"unit": EVER}
        return
    first = None if since is None else _midnight(since + _DAY - timedelta(microseconds=1))
    last = None if until is None else _midnight(until)
    if first is not None and last is not None and first >= last:
        yield {"unit": HOUR, "at": {"$gte": since, "$lt": until}}
        return
    yield {"unit": DAY} | _between(first, last)
    if since is not None and since != first:
        yield {"unit": HOUR} | _between(since, first)
    if until is not None and until != last:
        yield {"unit": HOUR} | _between(last, until)


def _midnight(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _between(since: datetime | None, until: datetime | None) -> Document:
    bounds = {"$gte": since, "$lt": until}
    return {"at": {name: at for name, at in bounds.items() if at is not None}}


def _template(name: str | None) -> Document:
    return {"template": name} if name else {}


def _row(document: Document) -> Row:
    key = document["_id"]
    series = Series(**{**key, "part": Part(key["part"])})
    counts = {count: document[count.value] for count in Count if document[count.value]}
    return Row(series, counts, document["template"] or "")
