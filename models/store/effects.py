"""The ledger of effects, and the way of a message through it.

`next_at` (wall time) is there while something is still to be done about an effect: when it may be
taken for delivery, when a delivery under way counts as stuck, when a result must be told again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument, UpdateOne

from models.effect import Effect, EffectKind, EffectState
from models.paging import EVER, Page, Sorting, Span, Window
from models.store.alarms import raised_by
from models.store.database import Document, Store
from models.store.deaths import taken_over
from models.store.keyset import page_of, within

_OVER = [
    EffectState.SENT.value,
    EffectState.UNKNOWN.value,
    EffectState.FAILED.value,
    EffectState.SKIPPED.value,
]
# Whoever takes many to find out about them leaves out what may be large.
_BRIEFLY = {"data": 0}


class Effects(Store):
    NAME = "effects"
    INDEXES = (
        IndexModel(
            [("next_at", ASCENDING), ("state", ASCENDING)],
            name="open",
            partialFilterExpression={"next_at": {"$exists": True}},
        ),
        IndexModel([("kind", ASCENDING), ("at", DESCENDING), ("_id", DESCENDING)], name="kind"),
        IndexModel([("user", ASCENDING), ("at", DESCENDING), ("_id", DESCENDING)], name="user"),
    )

    async def add(self, effects: Iterable[Effect], *, wall: datetime) -> None:
        """Insert effects. One that is there already stays as it is."""
        documents = []
        for effect in effects:
            document = effect_document(effect)
            if effect.state is EffectState.PENDING:
                document["next_at"] = wall
            documents.append(document)
        await self._insert_missing(documents)

    async def claim(
        self, ids: Sequence[str], token: str, *, wall: datetime, lease: timedelta
    ) -> list[Effect]:
        """Take those messages that may be tried now, but none that a worker died with."""
        await self.documents.update_many(
            _due(ids, wall) | {"claim": {"$exists": False}, "deaths": {"$exists": False}},
            {"$set": {"next_at": wall + lease, "claim": token}, "$inc": {"claims": 1}},
        )
        cursor = self.documents.find({"_id": {"$in": list(ids)}, "claim": token})
        return [effect_of(document) async for document in cursor]

    async def suspects(self, ids: Sequence[str], *, wall: datetime) -> list[Effect]:
        """Return those of these messages that may be tried now and that a worker died with.

        Without their data, which may be what kills. A claim that ran out counts as a death.
        """
        query = _due(ids, wall) | {"$or": [{"claim": {"$exists": True}}, {"deaths": {"$gt": 0}}]}
        cursor = self.documents.find(query, _BRIEFLY)
        return [
            replace(effect, deaths=effect.deaths + ("claim" in document))
            async for document in cursor
            if (effect := effect_of(document))
        ]

    async def claim_suspect(
        self, effect_id: str, token: str, *, wall: datetime, lease: timedelta
    ) -> Effect | None:
        """Take one of those, with the death that is being counted; None if someone else has it."""
        document = await self.documents.find_one_and_update(
            _due([effect_id], wall),
            taken_over({"next_at": wall + lease, "claims": {"$add": ["$claims", 1]}}, claim=token),
            return_document=ReturnDocument.AFTER,
        )
        return None if document is None else effect_of(document)

    async def set_aside(
        self, effect: Effect, alarm: str, *, wall: datetime, tell_by: datetime
    ) -> bool:
        """Have a message that kills its workers fail, unless someone else has it."""
        done = await self.documents.update_one(
            _due([effect.id], wall),
            {
                "$set": _outcome(effect) | {"next_at": tell_by} | raised_by(alarm),
                "$unset": {"claim": ""},
            },
        )
        return done.modified_count > 0

    async def begin(self, effect: Effect, token: str, *, until: datetime) -> bool:
        """Pass the point of no return: from here on the message may have left."""
        result = await self.documents.update_one(
            {"_id": effect.id, "state": EffectState.PENDING.value, "claim": token},
            {
                "$set": {
                    "state": EffectState.SENDING.value,
                    "next_at": until,
                    "to": effect.to,
                    "subject": effect.subject,
                    "template_version": effect.template_version,
                }
            },
        )
        return result.modified_count > 0

    async def finish(self, effect: Effect, token: str, *, tell_by: datetime) -> bool:
        """Record how it went, unless it was given up for stuck meanwhile."""
        result = await self.documents.update_one(
            {
                "_id": effect.id,
                "state": {"$in": [EffectState.PENDING.value, EffectState.SENDING.value]},
                "claim": token,
            },
            {"$set": _outcome(effect) | {"next_at": tell_by}, "$unset": {"claim": ""}},
        )
        return result.modified_count > 0

    async def postpone(self, effect: Effect, token: str, *, until: datetime) -> None:
        """Put a message that certainly did not leave back in the queue."""
        await self.documents.update_one(
            {"_id": effect.id, "claim": token},
            {
                "$set": {
                    "state": EffectState.PENDING.value,
                    "next_at": until,
                    "reason": effect.reason,
                    "failures": effect.failures,
                },
                "$unset": {"claim": "", "deaths": ""},
            },
        )

    async def release(self, ids: Sequence[str], token: str, *, until: datetime) -> None:
        """Put back messages that were taken and not tried: that they were does not count."""
        await self.documents.update_many(
            {"_id": {"$in": list(ids)}, "state": EffectState.PENDING.value, "claim": token},
            {"$set": {"next_at": until}, "$unset": {"claim": ""}, "$inc": {"claims": -1}},
        )

    async def let_go(self, ids: Sequence[str], token: str) -> None:
        """Note that whoever claimed these lives, though nothing came of it. Safe to repeat.

        They wait as long as the lease would have lasted. Of what is being sent nobody lets go.
        """
        await self.documents.update_many(
            {"_id": {"$in": list(ids)}, "state": EffectState.PENDING.value, "claim": token},
            {"$unset": {"claim": ""}},
        )

    async def waiting(self, ids: Sequence[str], *, wall: datetime) -> list[Effect]:
        """Return those of these messages that may be tried now, without their data."""
        cursor = self.documents.find(_due(ids, wall), _BRIEFLY)
        return [effect_of(document) async for document in cursor]

    async def put_back(self, effect_id: str, *, wall: datetime) -> bool:
        """Have a message that failed tried once more, as if for the first time."""
        result = await self.documents.update_one(
            {"_id": {"$eq": effect_id}, "state": EffectState.FAILED.value},
            {
                "$set": {
                    "state": EffectState.PENDING.value,
                    "next_at": wall,
                    "claims": 0,
                    "failures": 0,
                },
                "$unset": {"claim": "", "deaths": ""},
            },
        )
        return result.modified_count > 0

    async def note(self, effect_id: str, what: str, at: datetime, **about: str) -> None:
        """Note when a message was first "opened" or "clicked", and what is known of it, as `url`.

        Safe to repeat.
        """
        fields = {f"{what}_at": at, **{f"{what}_{name}": each for name, each in about.items()}}
        await self.documents.update_one(
            {"_id": {"$eq": effect_id}, f"{what}_at": {"$exists": False}}, {"$set": fields}
        )

    async def told(self, ids: Sequence[str]) -> None:
        """Record that the feed has these results."""
        if ids:
            await self.documents.update_many(
                {"_id": {"$in": list(ids)}, "state": {"$in": _OVER}}, {"$unset": {"next_at": ""}}
            )

    async def overdue(self, state: EffectState, *, before: datetime, limit: int) -> list[Effect]:
        """Return effects in a state whose `next_at` has passed, the longest overdue first.

        Without their data, as below.
        """
        cursor = (
            self.documents.find({"next_at": {"$lte": before}, "state": state.value}, _BRIEFLY)
            .sort("next_at", ASCENDING)
            .limit(limit)
        )
        return [effect_of(document) async for document in cursor]

    async def untold(self, *, before: datetime, limit: int) -> list[Effect]:
        """Return results that were recorded but perhaps never told."""
        query: Document = {"next_at": {"$lte": before}, "state": {"$in": _OVER}}
        cursor = self.documents.find(query, _BRIEFLY)
        return [effect_of(document) async for document in cursor.limit(limit)]

    async def give_up_stuck(
        self, effects: Sequence[Effect], *, before: datetime, tell_by: datetime
    ) -> None:
        """Move deliveries that never came back: to unknown, or, if transactional, to try again."""
        operations = []
        for effect in effects:
            change: Document = (
                {
                    "$set": {"state": EffectState.PENDING.value, "next_at": tell_by},
                    "$inc": {"deaths": 1},
                }
                if effect.transactional
                else {
                    "$set": {
                        "state": EffectState.UNKNOWN.value,
                        "reason": "the worker stopped while sending",
                        "next_at": tell_by,
                    }
                }
            )
            operations.append(
                UpdateOne(
                    {
                        "_id": effect.id,
                        "state": EffectState.SENDING.value,
                        "next_at": {"$lte": before},
                    },
                    change | {"$unset": {"claim": ""}},
                )
            )
        if operations:
            await self.documents.bulk_write(operations, ordered=False)

    async def find(self, effect_id: str) -> Effect | None:
        """Return the effect with this id, if any."""
        document = await self.documents.find_one({"_id": {"$eq": effect_id}})
        return effect_of(document) if document else None

    async def find_messages(self, ids: Sequence[str]) -> dict[str, Effect]:
        """Return those of these effects that are messages, by id."""
        query = {"_id": {"$in": list(ids)}, "kind": EffectKind.MESSAGE.value}
        return {doc["_id"]: effect_of(doc) async for doc in self.documents.find(query)}

    async def messages(
        self, window: Window, *, user_id: str | None = None, created: Span = EVER
    ) -> Page[Effect]:
        """Return messages, newest first, optionally only one user's."""
        query, sorting = _messages(user_id, created), Sorting("at", descending=True)
        return await page_of(self.documents, query, window, read=effect_of, sorting=sorting)

    async def count_messages(self, *, user_id: str | None = None, created: Span = EVER) -> int:
        """Count messages in any state, optionally only one user's."""
        return await self.documents.count_documents(_messages(user_id, created))

    async def count_by_state(self) -> dict[str, int]:
        """Count messages by state."""
        cursor = self.documents.aggregate(
            [
                {"$match": {"kind": EffectKind.MESSAGE.value}},
                {"$group": {"_id": "$state", "count": {"$sum": 1}}},
            ]
        )
        return {document["_id"]: document["count"] async for document in cursor}


def _due(ids: Sequence[str], wall: datetime) -> Document:
    return {
        "_id": {"$in": list(ids)},
        "state": EffectState.PENDING.value,
        "next_at": {"$lte": wall},
    }


def _messages(user_id: str | None, created: Span) -> Document:
    query = {"kind": EffectKind.MESSAGE.value} | within(created, "at")
    return query if user_id is None else query | {"user": {"$eq": user_id}}


def _outcome(effect: Effect) -> dict[str, Any]:
    return {
        "state": effect.state.value,
        "to": effect.to,
        "subject": effect.subject,
        "sent_at": effect.sent_at,
        "reason": effect.reason,
        "failures": effect.failures,
    }


def effect_document(effect: Effect) -> Document:
    """Return the stored form of an effect."""
    return {
        "_id": effect.id,
        "kind": effect.kind.value,
        "user": effect.user_id,
        "run": effect.run_id,
        "trigger": effect.trigger,
        "step": effect.step,
        "campaign": effect.campaign_id,
        "publication": effect.publication,
        "at": effect.at,
        "channel": effect.channel,
        "template": effect.template,
        "transactional": effect.transactional,
        "data": dict(effect.data),
        "claims": effect.claims,
        **_outcome(effect),
    }


def effect_of(document: Document) -> Effect:
    """Return the effect that was stored as `document`."""
    return Effect(
        id=document["_id"],
        kind=EffectKind(document["kind"]),
        user_id=document["user"],
        run_id=document["run"],
        trigger=document["trigger"],
        step=document["step"],
        campaign_id=document["campaign"],
        publication=document["publication"],
        at=document["at"],
        state=EffectState(document["state"]),
        channel=document["channel"],
        template=document["template"],
        transactional=document["transactional"],
        data=document.get("data", {}),
        to=document["to"],
        subject=document["subject"],
        sent_at=document["sent_at"],
        reason=document["reason"],
        claims=document["claims"],
        failures=document["failures"],
        deaths=document.get("deaths", 0),
        template_version=document.get("template_version"),
        opened_at=document.get("opened_at"),
        clicked_at=document.get("clicked_at"),
    )
