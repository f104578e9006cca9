"""Timelines, read from the collections that hold what happened to a person and was done to them."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from pymongo import DESCENDING

from models.event import LATEST, Event
from models.experiment import HOLDOUT
from models.paging import Page, Window
from models.store.database import Document, Store
from models.store.events import event_of
from models.store.keyset import as_page, instant_of_cursor, within
from models.timeline import ALL, TimelineEntry, TimelineKind, Which

_RUN = {
    "name": "$trigger",
    "trigger": "$trigger",
    "run": "$_id",
    "campaign": "$campaign",
    "arms": "$arms",
}
_READ = {
    "name": "$template",
    "trigger": "$trigger",
    "run": "$run",
    "campaign": "$campaign",
    "channel": "$channel",
}
# What came with a file or too late counts, and starts nothing.
_LATE = {"$gt": [{"$subtract": ["$received_at", "$at"]}, LATEST // timedelta(milliseconds=1)]}
_IN_VAIN = {
    "$switch": {
        "branches": [
            {"case": {"$eq": ["$past", True]}, "then": "imported"},
            {"case": _LATE, "then": "too_late"},
        ],
        "default": "",
    }
}
# Where each kind comes from: collection, field of its time, prefix of its id, what is read of it.
_SOURCES: tuple[tuple[str, str, str, Document], ...] = (
    ("events", "at", "event", {"name": "$name", "data": "$data", "why": _IN_VAIN}),
    ("runs", "started_at", "run_started", _RUN | {"why": "$started_by"}),
    ("runs", "ended_at", "run_ended", _RUN | {"why": "$reason", "state": "$state"}),
    ("runs", "converted_at", "goal_reached", _RUN),
    (
        "effects",
        "at",
        "effect",
        {
            "kind": "$kind",
            "name": "$template",
            "state": "$state",
            "why": "$reason",
            "trigger": "$trigger",
            "run": "$run",
            "campaign": "$campaign",
            "data": "$data",
            "channel": "$channel",
        },
    ),
    ("effects", "opened_at", "message_opened", _READ),
    ("effects", "clicked_at", "message_clicked", _READ | {"link": "$clicked_url"}),
    (
        "memberships",
        "since",
        "segment_entered",
        {"name": {"$first": {"$split": ["$set", "|"]}}, "data": "$why"},
    ),
    (
        "points",
        "at",
        "points",
        {"name": "$reason", "campaign": "$campaign", "legs": "$legs", "data": "$about"},
    ),
)


class Timelines(Store):
    """Newest first, unless a window says.

    Each collection is asked by its index on the person, and only for a page.
    """

    NAME = "events"

    async def page(self, user_id: str, window: Window, which: Which = ALL) -> Page[TimelineEntry]:
        """Return a page of a person's timeline."""
        page = _page(window)
        stages = _together(
            [
                (collection, [*_of(collection, time, prefix, read, of), *page])
                for collection, time, prefix, read, of in _asked(user_id, which)
            ]
        )
        cursor = self.documents.aggregate([*stages, *page])
        found = [_entry(document) async for document in cursor]
        return as_page(found, window)

    async def find_many(self, ids: Sequence[str]) -> dict[str, TimelineEntry]:
        """Return those of these entries that exist, by id, whosever timelines they are in."""
        wanted = [each.partition(":") for each in ids]
        stages = _together(
            [
                (collection, _of(collection, time, prefix, read, {"_id": {"$in": keys}}))
                for collection, time, prefix, read in _SOURCES
                if (keys := [key for kind, _, key in wanted if kind == prefix])
                or collection == self.NAME
            ]
        )
        found = [_entry(document) async for document in self.documents.aggregate(stages)]
        return {entry.id: entry for entry in found}

    async def latest_event(
        self, user_id: str, name: str, *, since: datetime, until: datetime
    ) -> tuple[Event, bool] | None:
        """Return a person's latest event of a name in a time, and whether a file told it."""
        query = {"user": {"$eq": user_id}, "name": name, "at": {"$gte": since, "$lte": until}}
        document = await self.documents.find_one(query, sort=[("at", DESCENDING)])
        return None if document is None else (event_of(document), document.get("past", False))

    async def count(self, user_id: str, which: Which = ALL) -> int:
        """Return how long a person's timeline is."""
        stages = _together(
            [
                (collection, _of(collection, time, prefix, {}, of))
                for collection, time, prefix, _, of in _asked(user_id, which)
            ]
        )
        cursor = self.documents.aggregate([*stages, {"$count": "entries"}])
        found = await cursor.to_list(1)
        return int(found[0]["entries"]) if found else 0


def _together(sources: list[tuple[str, list[Document]]]) -> list[Document]:
    """Return stages over the first collection that add what the others have."""
    (_, own), *others = sources
    return [
        *own,
        *({"$unionWith": {"coll": coll, "pipeline": stages}} for coll, stages in others),
    ]


def _asked(user_id: str, which: Which) -> Iterator[tuple[str, str, str, Document, Document]]:
    """Yield the sources that can have what is asked for, and what to ask them for."""
    for collection, time, prefix, read in _SOURCES:
        of: Document = {"user": {"$eq": user_id}, **within(which.happened, time)}
        if which.kinds is not None and prefix == "effect":
            of["kind"] = {"$in": sorted(which.kinds)}
        elif which.kinds is not None and prefix not in which.kinds:
            # All others are added to what the first has: it is asked for nothing instead.
            if collection != Timelines.NAME:
                continue
            of["_id"] = {"$in": []}
        yield collection, time, prefix, read, of


def _of(collection: str, time: str, prefix: str, read: Document, which: Document) -> list[Document]:
    match: Document = {**which, time: {"$type": "date", **which.get(time, {})}}
    if collection == "runs":
        match["state"] = {"$ne": "planned"}
    key = {"$concat": [f"{prefix}:", "$_id"]}
    read = {"kind": {"$literal": prefix}, **read}
    return [{"$match": match}, {"$project": {"_id": 0, "at": f"${time}", "key": key, **read}}]


def _page(window: Window) -> list[Document]:
    descending = window.sorting is None or window.sorting.descending
    order = -1 if descending is not window.backward else 1
    stages: list[Document] = []
    if window.start is not None:
        at, key = instant_of_cursor(window.start[0]), window.start[1]
        compare = "$gt" if order == 1 else "$lt"
        stages.append(
            {"$match": {"$or": [{"at": {compare: at}}, {"at": at, "key": {compare: key}}]}}
        )
    return [*stages, {"$sort": {"at": order, "key": order}}, {"$limit": window.limit + 1}]


def _entry(document: Document) -> TimelineEntry:
    kind = TimelineKind(document["kind"])
    data: dict[str, Any] = dict(document.get("data") or {})
    if "legs" in document:
        data["points"] = document["legs"][0]["points"]
    why = document.get("why") or ""
    if kind is TimelineKind.SEGMENT_ENTERED and data:  # by an event, a day, a publication, …
        ((cause, of),) = data.items()
        why = of or cause
    if document.get("channel"):
        data = {"channel": document["channel"], "data": data}
    if dealt := [_dealt(each) for each in _arms(document, kind)]:
        data["splits"] = dealt
    if document.get("link"):
        data["link"] = document["link"]
    return TimelineEntry(
        id=document["key"],
        at=document["at"],
        kind=kind,
        name=document.get("name") or _name(kind, data),
        state=document.get("state") or "",
        why=why,
        trigger=document.get("trigger") or "",
        run_id=document.get("run"),
        campaign_id=document.get("campaign"),
        data=data,
    )


def _arms(document: Document, kind: TimelineKind) -> list[Document]:
    """Return what somebody was dealt on a run; what came after a goal had no part in it."""
    goal = kind is TimelineKind.GOAL_REACHED
    return [each for each in document.get("arms") or () if not goal or each["at"] <= document["at"]]


def _dealt(told: Document) -> dict[str, str | None]:
    held = told["split"] == HOLDOUT
    dealt = {"split": None if held else told["split"], "arm": told["arm"]}
    return dealt | {"by": told["by"]} if "by" in told else dealt


def _name(kind: TimelineKind, data: dict[str, Any]) -> str:
    """Return what an effect without a template is about."""
    match kind:
        case TimelineKind.TAG | TimelineKind.UNTAG:
            return str(data["tag"])
        case TimelineKind.SET:
            return ".".join(("user", *data["path"]))
        case TimelineKind.GRANT:
            return str(data["promotion"])
        case TimelineKind.EMIT:
            return str(data["event"])
        case TimelineKind.ENTER:
            return str(data["lottery"])
        case _:
            return kind.value
