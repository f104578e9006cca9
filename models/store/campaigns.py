"""Campaigns as documents, each saved whole with the version it was read in."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from models.campaign import ALL, Act, Campaign, Channel, Live, Status, Transition, Which
from models.errors import STALE, Conflict, NotFound
from models.paging import Page, Window
from models.store.database import Document, Store
from models.store.keyset import LATEST_ID, page_of, within
from models.store.outbox import entry_document, entry_of


class Campaigns(Store):
    NAME = "campaigns"
    INDEXES = (
        IndexModel([("status", ASCENDING), ("_id", ASCENDING)], name="status"),
        IndexModel(
            [("status", ASCENDING), ("updated_at", ASCENDING), ("_id", ASCENDING)],
            name="status_updated",
        ),
        IndexModel([("updated_at", ASCENDING), ("_id", ASCENDING)], name="updated"),
        IndexModel([("scheduled_for", ASCENDING)], name="scheduled_for", sparse=True),
        IndexModel([("ends_at", ASCENDING)], name="ends_at", sparse=True),
        IndexModel([("key", ASCENDING)], name="key", unique=True, sparse=True),
        IndexModel([("request", ASCENDING)], name="request", unique=True, sparse=True),
        IndexModel([("untold._id", ASCENDING)], name="untold", sparse=True),
    )

    async def add(self, campaign: Campaign) -> Campaign:
        """Insert a new campaign and return it as saved."""
        saved = replace(campaign, version=1)
        try:
            await self.documents.insert_one(_document(saved))
        except DuplicateKeyError as error:
            raise Conflict("There is such a campaign already.") from error
        return saved

    async def save(self, campaign: Campaign, *, was: int) -> Campaign:
        """Replace the campaign, unless someone has changed it since version `was`."""
        saved = replace(campaign, version=was + 1)
        result = await self.documents.replace_one(
            {"_id": {"$eq": campaign.id}, "version": was}, _document(saved)
        )
        if result.matched_count == 0:
            raise Conflict(STALE)
        return saved

    async def find(self, campaign_id: str) -> Campaign | None:
        """Return the campaign with this id, if any."""
        document = await self.documents.find_one({"_id": {"$eq": campaign_id}})
        return None if document is None else _campaign(document)

    async def get(self, campaign_id: str) -> Campaign:
        """Return the campaign with this id."""
        campaign = await self.find(campaign_id)
        if campaign is None:
            raise NotFound("There is no such campaign.")
        return campaign

    async def find_many(self, campaign_ids: Sequence[str]) -> dict[str, Campaign]:
        """Return those of these campaigns that exist, by id, in one read."""
        cursor = self.documents.find({"_id": {"$in": list(campaign_ids)}})
        return {document["_id"]: _campaign(document) async for document in cursor}

    async def find_keys(self, keys: Sequence[str]) -> dict[str, Campaign]:
        """Return the campaigns that are kept in files of these names, by name."""
        cursor = self.documents.find({"key": {"$in": list(keys)}})
        return {document["key"]: _campaign(document) async for document in cursor}

    async def find_request(self, request: str | None) -> Campaign | None:
        """Return the campaign that was begun by a request, if any."""
        document = await self.documents.find_one({"request": {"$eq": request}}) if request else None
        return None if document is None else _campaign(document)

    async def page(self, window: Window, which: Which = ALL) -> Page[Campaign]:
        """Return campaigns, newest first."""
        return await page_of(
            self.documents, _query(which), window, read=_campaign, sorting=LATEST_ID
        )

    async def count(self, which: Which = ALL) -> int:
        """Count those campaigns."""
        return await self.documents.count_documents(_query(which))

    async def paused_ids(self) -> frozenset[str]:
        """Return the ids of the campaigns that are paused: this status is what pauses them."""
        cursor = self.documents.find({"status": Status.PAUSED.value}, {"_id": 1})
        return frozenset([document["_id"] async for document in cursor])

    async def scheduled_until(self, now: datetime, *, limit: int) -> list[Campaign]:
        """Return the campaigns whose time to be published has come."""
        cursor = self.documents.find({"scheduled_for": {"$lte": now}}).sort("scheduled_for", 1)
        return [_campaign(document) async for document in cursor.limit(limit)]

    async def over_at(self, now: datetime, *, limit: int) -> list[Campaign]:
        """Return the live campaigns whose own time is over."""
        cursor = self.documents.find({"ends_at": {"$lte": now}}).sort("ends_at", 1)
        return [_campaign(document) async for document in cursor.limit(limit)]

    async def with_untold(self, *, limit: int) -> list[Campaign]:
        """Return campaigns with something that the feed has not been told."""
        cursor = self.documents.find({"untold._id": {"$exists": True}}).limit(limit)
        return [_campaign(document) async for document in cursor]

    async def told(self, campaign: Campaign) -> None:
        """Forget what is now in the outbox."""
        ids = [entry.id for entry in campaign.untold]
        await self.documents.update_one(
            {"_id": campaign.id}, {"$pull": {"untold": {"_id": {"$in": ids}}}}
        )


def _query(which: Which) -> Document:
    query = within(which.updated, "updated_at")
    if which.status is not None:
        query["status"] = {"$eq": which.status.value}
    return query


def _document(campaign: Campaign) -> Document:
    document: Document = {
        "_id": campaign.id,
        "title": campaign.title,
        "source": campaign.source,
        "author": campaign.author,
        "created_at": campaign.created_at,
        "updated_at": campaign.updated_at,
        "goal": campaign.goal,
        "channels": [channel.value for channel in campaign.channels],
        "key": campaign.key,
        "request": campaign.request,
        "asked": campaign.asked,
        "status": campaign.status.value,
        "revision": campaign.revision and campaign.revision.value,
        "live": campaign.live
        and {"publication": campaign.live.publication, "source": campaign.live.source},
        "writers": list(campaign.writers),
        "scheduled_for": campaign.scheduled_for,
        "ends_at": campaign.ends_at,
        "history": [_transition_document(transition) for transition in campaign.history],
        "untold": [entry_document(entry) for entry in campaign.untold],
        "settled": campaign.settled,
        "version": campaign.version,
    }
    # Absent, not null: the indexes on times are sparse.
    return {key: value for key, value in document.items() if value is not None}


def _transition_document(transition: Transition) -> Document:
    return {
        "verb": transition.verb,
        "before": transition.before.value,
        "after": transition.after.value,
        "by": transition.act.by,
        "at": transition.act.at,
        "why": transition.act.why,
    }


def _campaign(document: Document) -> Campaign:
    live = document.get("live")
    revision = document.get("revision")
    return Campaign(
        id=document["_id"],
        title=document["title"],
        source=document["source"],
        author=document["author"],
        created_at=document["created_at"],
        updated_at=document["updated_at"],
        goal=document["goal"],
        channels=tuple(Channel(channel) for channel in document["channels"]),
        key=document.get("key"),
        request=document.get("request"),
        asked=document.get("asked"),
        status=Status(document["status"]),
        revision=Status(revision) if revision else None,
        live=Live(live["publication"], live["source"]) if live else None,
        writers=tuple(document["writers"]),
        scheduled_for=document.get("scheduled_for"),
        ends_at=document.get("ends_at"),
        history=tuple(_transition(transition) for transition in document["history"]),
        untold=tuple(entry_of(entry) for entry in document["untold"]),
        settled=document["settled"],
        version=document["version"],
    )


def _transition(document: Document) -> Transition:
    return Transition(
        document["verb"],
        Status(document["before"]),
        Status(document["after"]),
        Act(document["by"], document["at"], document["why"]),
    )
