"""Timelines, read from the collections that hold what happened to a person and was done to them."""

from collections.abc import Sequence
from typing import Any

from models.paging import Page, Window
from models.store.database import Document, Store, instant_of_cursor
from models.timeline import TimelineEntry, TimelineKind

_RUN = {"name": "$trigger", "trigger": "$trigger", "run": "$_id", "campaign": "$campaign"}
# Where each kind comes from: collection, field of its time, prefix of its id, what is read of it.
_SOURCES: tuple[tuple[str, str, str, Document], ...] = (
    ("events", "at", "event", {"name": "$name", "data": "$data"}),
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
    """Newest first. Each collection is asked by its index on the person, and only for a page."""

    NAME = "events"

    async def page(self, user_id: str, window: Window) -> Page[TimelineEntry]:
        """Return a page of a person's timeline."""
        page = _page(window)
        stages = _together(
            [
                (collection, [*_of(collection, time, prefix, read, _whose(user_id)), *page])
                for collection, time, prefix, read in _SOURCES
            ]
        )
        cursor = self.documents.aggregate([*stages, *page])
        found = [_entry(document) async for document in cursor]
        items = found[: window.limit]
        return Page(items=items[::-1] if window.backward else items, more=len(found) > window.limit)

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

    async def count(self, user_id: str) -> int:
        """Return how long a person's timeline is."""
        stages = _together(
            [
                (collection, _of(collection, time, prefix, {}, _whose(user_id)))
                for collection, time, prefix, _ in _SOURCES
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


def _whose(user_id: str) -> Document:
    return {"user": {"$eq": user_id}}


def _of(collection: str, time: str, prefix: str, read: Document, which: Document) -> list[Document]:
    match: Document = {**which, time: {"$type": "date"}}
    if collection == "runs":
        match["state"] = {"$ne": "planned"}
    key = {"$concat": [f"{prefix}:", "$_id"]}
    read = {"kind": {"$literal": prefix}, **read}
    return [{"$match": match}, {"$project": {"_id": 0, "at": f"${time}", "key": key, **read}}]


def _page(window: Window) -> list[Document]:
    order = 1 if window.backward else -1
    stages: list[Document] = []
    if window.start is not None:
        at, key = instant_of_cursor(window.start[0]), window.start[1]
        compare = "$gt" if window.backward else "$lt"
        stages.append(
            {"$match": {"$or": [{"at": {compare: at}}, {"at": at, "key": {compare: key}}]}}
        )
    return [*stages, {"$sort": {"at": order, "key": order}}, {"$limit": window.limit + 1}]


def _entry(document: Document) -> TimelineEntry:
    kind = TimelineKind(document["kind"])
    data: dict[str, Any] = dict(document.get("data") or {})
    if "legs" in document:
        data["points"] = document["legs"][0]["points"]
    if document.get("channel"):
        data = {"channel": document["channel"], "data": data}
    return TimelineEntry(
        id=document["key"],
        at=document["at"],
        kind=kind,
        name=document.get("name") or _name(kind, data),
        state=document.get("state") or "",
        why=document.get("why") or "",
        trigger=document.get("trigger") or "",
        run_id=document.get("run"),
        campaign_id=document.get("campaign"),
        data=data,
    )


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
