"""How often people were sent marketing of late.

One document for each person, so that a cap holds however many workers send at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pymongo import ReturnDocument, UpdateOne

from models.messaging import Cap, Sent
from models.store.database import Document, Store


class Frequencies(Store):
    NAME = "frequencies"

    async def take(
        self, user_id: str, message: str, channel: str, caps: Sequence[Cap], *, now: datetime
    ) -> bool:
        """Count a message as of `now` unless a cap is reached; False if one is, and it no longer
        counts. A message counts once, as of when it was counted last.

        The caps in force are noted beside it, so that it can be checked afterwards.
        """
        longest = now - timedelta(days=max(cap.days for cap in caps))
        kept = _those("$others", {"$gt": ["$$each.at", longest]})
        room = [_room(cap, now) for cap in caps if cap.channel in (None, channel)]
        sent = {"$ifNull": ["$sent", []]}
        entry = {"id": message, "channel": channel, "at": now}
        document = await self.documents.find_one_and_update(
            {"_id": {"$eq": user_id}},
            [
                {"$set": {"others": _those(sent, {"$ne": ["$$each.id", message]})}},
                {"$set": {"fits": {"$and": room}}},
                {
                    "$set": {
                        "sent": {
                            "$cond": [
                                "$fits",
                                {"$concatArrays": [kept, [{"$literal": entry}]]},
                                "$others",
                            ]
                        },
                        "caps": {"$cond": ["$fits", {"$literal": _noted(caps)}, "$caps"]},
                    }
                },
                {"$unset": ["fits", "others"]},
            ],
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        assert document is not None  # an upsert always answers
        return any(each["id"] == message for each in document["sent"])

    async def of_users(self, user_ids: Iterable[str]) -> dict[str, list[Sent]]:
        """Return what counts against these people's caps, by id."""
        cursor = self.documents.find({"_id": {"$in": list(user_ids)}}, {"sent": 1})
        return {
            document["_id"]: [
                Sent(each["id"], each["channel"], each["at"]) for each in document["sent"]
            ]
            async for document in cursor
        }

    async def reserve(self, messages: Mapping[str, Sequence[Sent]], caps: Sequence[Cap]) -> None:
        """Count these people's messages, by id, which were found to be within the caps.

        Safe to repeat. Only for whoever alone decides about these people: nothing is checked here.
        """
        operations: list[UpdateOne] = []
        for user_id, theirs in messages.items():
            ids = [each.id for each in theirs]
            entries = [{"id": each.id, "channel": each.channel, "at": each.at} for each in theirs]
            one = {"_id": {"$eq": user_id}}
            operations += [
                UpdateOne(one, {"$pull": {"sent": {"id": {"$in": ids}}}}),
                UpdateOne(
                    one,
                    {"$push": {"sent": {"$each": entries}}, "$set": {"caps": _noted(caps)}},
                    upsert=True,
                ),
            ]
        if operations:
            await self.documents.bulk_write(operations)

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


def _noted(caps: Iterable[Cap]) -> list[Document]:
    return [{"most": cap.most, "days": cap.days, "channel": cap.channel} for cap in caps]


def _room(cap: Cap, now: datetime) -> Document:
    """Return the condition that one more beside `others` is within the cap."""
    wanted: list[Any] = [{"$gt": ["$$each.at", now - timedelta(days=cap.days)]}]
    if cap.channel is not None:
        wanted.append({"$eq": ["$$each.channel", cap.channel]})
    return {"$lt": [{"$size": _those("$others", {"$and": wanted})}, cap.most]}


def _those(entries: str | Document, condition: Document) -> Document:
    return {"$filter": {"input": entries, "as": "each", "cond": condition}}
