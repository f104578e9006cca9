"""The one document of the workspace. Its `current` decides what is live."""

from decimal import Decimal
from typing import Any

from pymongo import ReturnDocument

from models.errors import Conflict
from models.messaging import Cap, Messaging
from models.store.database import Document, Store
from models.workspace import Workspace

_ONE = {"_id": "workspace"}


class Workspaces(Store):
    NAME = "workspace"

    async def get(self) -> Workspace:
        """Return the workspace, making it with the defaults if this is the first time."""
        document = await self.documents.find_one(_ONE)
        if document is None:
            default = Workspace()
            fields = {
                "zone": default.zone,
                "currency": default.currency,
                "retention_days": default.retention_days,
                "current": default.current,
                "unsettled": [],
                "version": default.version,
            }
            document = await self.documents.find_one_and_update(
                _ONE, {"$setOnInsert": fields}, upsert=True, return_document=ReturnDocument.AFTER
            )
        return _workspace(document)

    async def edit(self, *, version: int, **settings: Any) -> Workspace:
        """Change zone, currency, retention_days, messaging, unless someone has since `version`."""
        if isinstance(messaging := settings.get("messaging"), Messaging):
            settings = settings | {"messaging": _messaging_document(messaging)}
        document = await self.documents.find_one_and_update(
            {**_ONE, "version": version},
            {"$set": settings, "$inc": {"version": 1}},
            return_document=ReturnDocument.AFTER,
        )
        if document is None:
            raise Conflict("The settings were changed by someone else; read them and retry.")
        return _workspace(document)

    async def switch(self, workspace: Workspace, to: int) -> bool:
        """Make publication `to` the current one, unless anything has changed since it was checked.

        This one update is the moment of publishing; the new number waits in `unsettled` until its
        campaigns have been told.
        """
        result = await self.documents.update_one(
            {**_ONE, "current": workspace.current, "version": workspace.version},
            {"$set": {"current": to}, "$push": {"unsettled": to}},
        )
        return result.modified_count == 1

    async def settle(self, number: int) -> None:
        """Note that every campaign of a publication has been told."""
        await self.documents.update_one(_ONE, {"$pull": {"unsettled": number}})


def _workspace(document: Document) -> Workspace:
    return Workspace(
        zone=document["zone"],
        currency=document["currency"],
        retention_days=document["retention_days"],
        messaging=_messaging(document.get("messaging", {})),
        current=document["current"],
        unsettled=tuple(document["unsettled"]),
        version=document["version"],
    )


def _messaging_document(messaging: Messaging) -> Document:
    caps = [{"most": c.most, "days": c.days, "channel": c.channel} for c in messaging.caps]
    return {"caps": caps, "holdout": str(messaging.holdout)}


def _messaging(document: Document) -> Messaging:
    return Messaging(
        caps=tuple(
            Cap(most=each["most"], days=each["days"], channel=each["channel"])
            for each in document.get("caps", ())
        ),
        holdout=Decimal(document.get("holdout", "0")),
    )
