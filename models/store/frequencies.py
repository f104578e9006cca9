"""How often people were sent marketing of late.

One document for each person, so that a cap holds however many workers send at once.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pymongo import ReturnDocument

from models.messaging import Cap
from models.store.database import Document, Store


class Frequencies(Store):
    NAME = "frequencies"

    async def take(
        self, user_id: str, message: str, channel: str, caps: Sequence[Cap], *, now: datetime
    ) -> bool:
        """Count a message unless a cap is reached; False if one is. A message counts once.

        The caps in force are noted beside it, so that it can be checked afterwards.
        """
        longest = now - timedelta(days=max(cap.days for cap in caps))
        kept = _those("$sent", {"$gt": ["$$each.at", longest]})
        room = [_room(cap, now) for cap in caps if cap.channel in (None, channel)]
        counted = {"$in": [message, {"$map": {"input": "$sent", "in": "$$this.id"}}]}
        fits = {"$and": [{"$not": [counted]}, *room]}
        entry = {"id": message, "channel": channel, "at": now}
        noted = [{"most": c.most, "days": c.days, "channel": c.channel} for c in caps]
        document = await self.documents.find_one_and_update(
            {"_id": {"$eq": user_id}},
            [
                {"$set": {"sent": {"$ifNull": ["$sent", []]}}},
                {"$set": {"fits": fits}},
                {
                    "$set": {
                        "sent": {
                            "$cond": [
                                "$fits",
                                {"$concatArrays": [kept, [{"$literal": entry}]]},
                                "$sent",
                            ]
                        },
                        "caps": {"$cond": ["$fits", {"$literal": noted}, "$caps"]},
                    }
                },
                {"$unset": "fits"},
            ],
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        assert document is not None  # an upsert always answers
        return any(each["id"] == message for each in document["sent"])

    async def give_back(self, user_id: str, message: str) -> None:
        """Forget a message that was not sent after all. Safe to repeat."""
        await self.documents.update_one(
            {"_id": {"$eq": user_id}}, {"$pull": {"sent": {"id": message}}}
        )

    async def overdone(self) -> list[str]:
        """Return people who were sent more than the caps allowed when the last message left."""
        found = []
        async for document in self.documents.find({"caps": {"$type": "array"}}):
            sent = document["sent"]
            last = max((each["at"] for each in sent), default=None)
            for cap in document["caps"]:
                since = last and last - timedelta(days=cap["days"])
                inside = [
                    each
                    for each in sent
                    if each["at"] > since and cap["channel"] in (None, each["channel"])
                ]
                if len(inside) > cap["most"]:
                    found.append(f"{document['_id']}: {len(inside)} of {cap['most']}")
        return found


def _room(cap: Cap, now: datetime) -> Document:
    """Return the condition that one more is within the cap."""
    wanted: list[Any] = [{"$gt": ["$$each.at", now - timedelta(days=cap.days)]}]
    if cap.channel is not None:
        wanted.append({"$eq": ["$$each.channel", cap.channel]})
    return {"$lt": [{"$size": _those("$sent", {"$and": wanted})}, cap.most]}


def _those(entries: str, condition: Document) -> Document:
    return {"$filter": {"input": entries, "as": "each", "cond": condition}}
