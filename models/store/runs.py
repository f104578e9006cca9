"""Runs as documents.

A move is written together with what follows from it (`unsettled`), guarded by the version it was
decided on, and with a due time long past: whatever kills the worker next, the lane finds the run
due again and first finishes settling it. `then_due_at` is when it is really due.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument, UpdateOne

from models.effect import Effect
from models.experiment import Dealt
from models.run import Run, RunState
from models.store.alarms import raised_by
from models.store.alike import Change, changing
from models.store.database import BY_ID, WHOLE_PAGE, Document, Store
from models.store.effects import effect_document, effect_of

_AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
_SETTLED = ["unsettled", "then_due_at", "claims", "failures"]
_WAITING = {"due_at": {"$exists": True}}


@dataclass(frozen=True, slots=True)
class Written:
    """What became of moves: those that hold, and the ids of those that someone else had moved."""

    runs: tuple[Run, ...]
    lost: frozenset[str]


class Runs(Store):
    NAME = "runs"
    INDEXES = (
        IndexModel(
            [("lane", ASCENDING), ("due_at", ASCENDING)],
            name="lane",
            partialFilterExpression=_WAITING,
        ),
        IndexModel(
            [("due_at", ASCENDING), ("lane", ASCENDING), ("campaign", ASCENDING)],
            name="due",
            partialFilterExpression=_WAITING,
        ),
        IndexModel(
            [("user", ASCENDING), ("trigger", ASCENDING), ("started_at", DESCENDING)], name="user"
        ),
    )

    async def due(
        self, lanes: Sequence[int], now: datetime, *, paused: Sequence[str], limit: int
    ) -> list[Run]:
        """Return these lanes' runs whose time has come; of paused campaigns only the unsettled."""
        cursor = self.documents.find(_due(lanes, now, paused), batch_size=WHOLE_PAGE)
        cursor = cursor.sort("due_at", ASCENDING)
        return [_run(document) for document in await cursor.limit(limit).to_list(None)]

    async def due_lanes(self, now: datetime, *, paused: Sequence[str]) -> frozenset[int]:
        """Return lanes that have a due run: all of them unless thousands of runs are due."""
        cursor = self.documents.find(
            {"due_at": {"$lte": now}, "campaign": {"$nin": list(paused)}}, {"_id": 0, "lane": 1}
        )
        cursor = cursor.hint("due").limit(5_000)
        return frozenset([document["lane"] async for document in cursor])

    async def of_users(
        self,
        user_ids: Sequence[str],
        *,
        triggers: Sequence[str] = (),
        goals_since: datetime | None = None,
    ) -> list[Run]:
        """Return these users' waiting runs, and all that these triggers ever started for them.

        Also those whose goal could still be reached by something at `goals_since` or later.
        """
        if not user_ids:
            return []
        wanted: list[Document] = [{"state": RunState.WAITING.value}]
        if goals_since is not None:
            wanted.append({"goal_until": {"$gte": goals_since}, "converted_at": None})
        if triggers:
            wanted.append({"trigger": {"$in": list(triggers)}})
        cursor = self.documents.find(
            {"user": {"$in": list(user_ids)}, "$or": wanted}, batch_size=WHOLE_PAGE
        )
        found = await cursor.sort("started_at", ASCENDING).to_list(None)
        return [_run(document) for document in found]

    async def known(self, ids: Sequence[str]) -> frozenset[str]:
        """Return those of these ids that are a run's."""
        cursor = self.documents.find({"_id": {"$in": list(ids)}}, {"_id": 1})
        return frozenset([document["_id"] async for document in cursor])

    async def find_many(self, ids: Sequence[str]) -> dict[str, Run]:
        """Return those of these runs that there are."""
        cursor = self.documents.find({"_id": {"$in": list(ids)}})
        return {document["_id"]: _run(document) async for document in cursor}

    async def find(self, run_id: str) -> Run | None:
        """Return the run with this id, if any."""
        document = await self.documents.find_one({"_id": {"$eq": run_id}})
        return _run(document) if document else None

    async def move(self, runs: Sequence[Run]) -> Written:
        """Write the next version of runs that exist, each only if nobody has moved it since."""
        if not runs:
            return Written((), frozenset())
        operations = [
            UpdateOne(
                {"_id": run.id, "version": run.version - 1},
                _replacement(_document(run)),
                hint=BY_ID,
            )
            for run in runs
        ]
        result = await self.documents.bulk_write(operations, ordered=False)
        if result.matched_count == len(runs):
            return Written(tuple(runs), frozenset())
        # Rare: read back which ones hold. A move of ours has our version and our very decision.
        cursor = self.documents.find({"_id": {"$in": [run.id for run in runs]}})
        stored = {document["_id"]: document async for document in cursor}
        kept = tuple(run for run in runs if _same(stored.get(run.id), run))
        return Written(kept, frozenset(run.id for run in runs) - {run.id for run in kept})

    async def start(self, runs: Sequence[Run]) -> Written:
        """Insert new runs. One that is there already keeps what was decided then."""
        there = await self._insert_missing(_document(run) for run in runs)
        kept = tuple(run for place, run in enumerate(runs) if place not in there)
        return Written(kept, frozenset(runs[place].id for place in there))

    async def plan(self, runs: Sequence[Run]) -> None:
        """Insert planned runs. One that is there already, or has started, stays as it is."""
        await self.start(runs)

    async def postpone(self, runs: Sequence[Run]) -> None:
        """Give planned runs another due time."""
        if runs:
            await self.documents.bulk_write(
                [
                    UpdateOne(
                        {"_id": run.id, "state": RunState.PLANNED.value},
                        {"$set": {"due_at": run.due_at}},
                        hint=BY_ID,
                    )
                    for run in runs
                ],
                ordered=False,
            )

    async def drop(self, runs: Sequence[Run]) -> None:
        """Remove planned runs that are not to start."""
        if runs:
            await self.documents.delete_many(
                {"_id": {"$in": [run.id for run in runs]}, "state": RunState.PLANNED.value}
            )

    async def drop_planned(self, campaign_id: str) -> int:
        """Remove all runs of a campaign that have not started."""
        result = await self.documents.delete_many(
            _WAITING | {"campaign": {"$eq": campaign_id}, "state": RunState.PLANNED.value},
            hint="due",
        )
        return result.deleted_count

    async def count_failure(self, run: Run) -> int:
        """Count a failure to move a run; return how many there have been."""
        document = await self.documents.find_one_and_update(
            {"_id": run.id, "version": run.version},
            {"$inc": {"failures": 1}},
            {"failures": 1},
            return_document=ReturnDocument.AFTER,
        )
        return int(document["failures"]) if document else 0

    async def due_marked(
        self, lane: int, now: datetime, *, paused: Sequence[str], limit: int
    ) -> list[tuple[Run, int]]:
        """Return the lane's due runs, the longest due first, with the tries that were counted."""
        cursor = self.documents.find(_due([lane], now, paused)).sort("due_at", ASCENDING)
        return [
            (_run(document), document.get("claims", 0)) async for document in cursor.limit(limit)
        ]

    async def mark(self, ids: Sequence[str]) -> None:
        """Count a try of these runs."""
        await self.documents.update_many({"_id": {"$in": list(ids)}}, {"$inc": {"claims": 1}})

    async def set_aside(self, run: Run, reason: str, alarm: str, *, now: datetime) -> bool:
        """End a run that cannot be moved; False if it has moved since."""
        done = await self.documents.update_one(
            {"_id": run.id, "version": run.version},
            {
                "$set": {
                    "state": RunState.ENDED.value,
                    "reason": reason,
                    "ended_at": now,
                    **raised_by(alarm),
                },
                "$unset": {"due_at": "", "then_due_at": "", "unsettled": ""},
                "$inc": {"version": 1},
            },
        )
        return done.modified_count > 0

    async def settle(self, runs: Sequence[Run]) -> None:
        """Record that all that follows from these runs' last moves has been carried over."""
        if not runs:
            return
        settled = [
            Change(
                id=run.id,
                were={"version": run.version},
                set={} if run.due_at is None else {"due_at": run.due_at},
                unset=[*_SETTLED, "due_at"] if run.due_at is None else _SETTLED,
            )
            for run in runs
        ]
        await self.forgettable.bulk_write(changing(settled), ordered=False)

    async def waiting_in(self, campaign_id: str, *, limit: int) -> list[Run]:
        """Return runs of a campaign that are under way."""
        cursor = self.documents.find(
            _WAITING | {"campaign": {"$eq": campaign_id}, "state": RunState.WAITING.value}
        ).hint("due")
        return [_run(document) async for document in cursor.limit(limit)]

    async def waiting_campaigns(self) -> list[str | None]:
        """Return the campaigns that have runs under way."""
        return list(await self.documents.distinct("campaign", {"due_at": {"$exists": True}}))

    async def count_waiting(self, triggers: Sequence[str]) -> dict[str, int]:
        """Count the runs under way of each of these triggers that has any."""
        if not triggers:
            return {}
        match = {
            "due_at": {"$exists": True},
            "trigger": {"$in": list(triggers)},
            "state": RunState.WAITING.value,
        }
        cursor = self.documents.aggregate(
            [
                {"$match": match},
                {"$group": {"_id": "$trigger", "count": {"$sum": 1}}},
                {"$sort": {"_id": 1}},
            ],
            hint="due",
        )
        return {document["_id"]: document["count"] async for document in cursor}

    async def count_by_state(self, campaign_id: str | None = None) -> dict[str, int]:
        """Count runs by state, of one campaign or of all."""
        match = {} if campaign_id is None else {"campaign": {"$eq": campaign_id}}
        cursor = self.documents.aggregate(
            [{"$match": match}, {"$group": {"_id": "$state", "count": {"$sum": 1}}}]
        )
        return {document["_id"]: document["count"] async for document in cursor}


def _due(lanes: Sequence[int], now: datetime, paused: Sequence[str]) -> Document:
    return {
        "lane": {"$in": list(lanes)},
        "due_at": {"$lte": now},
        "$or": [{"campaign": {"$nin": list(paused)}}, {"unsettled": {"$exists": True}}],
    }


def _document(run: Run) -> Document:
    document: Document = {
        "_id": run.id,
        "trigger": run.trigger,
        "user": run.user_id,
        "lane": run.lane,
        "campaign": run.campaign_id,
        "publication": run.publication,
        "started_by": run.started_by,
        "started_at": run.started_at,
        "event": dict(run.event),
        "bound": {name: dict(event) for name, event in run.bound.items()},
        "granted": dict(run.granted),
        "state": run.state.value,
        "position": run.position,
        "since": run.since,
        "waits_for": list(run.waits_for),
        "acted": run.acted,
        "counted": run.counted,
        "goal_until": run.goal_until,
        "converted_at": run.converted_at,
        "ended_at": run.ended_at,
        "reason": run.reason,
        "version": run.version,
    }
    if run.arms:
        document["arms"] = [{**dealt.told(), "at": dealt.at} for dealt in run.arms]
    if run.unsettled is not None:
        document["unsettled"] = [effect_document(effect) for effect in run.unsettled]
        document["due_at"] = _AT_ONCE
        document["then_due_at"] = run.due_at
    elif run.due_at is not None:
        document["due_at"] = run.due_at
    return document


def _replacement(document: Document) -> Document:
    document = dict(document)
    del document["_id"]
    return {"$set": document}


def _same(document: Document | None, run: Run) -> bool:
    return (
        document is not None
        and document["version"] == run.version
        and document["state"] == run.state.value
        and document["position"] == run.position
    )


def _run(document: Document) -> Run:
    unsettled: tuple[Effect, ...] | None = None
    due_at: datetime | None = document.get("due_at")
    if "unsettled" in document:
        unsettled = tuple(effect_of(effect) for effect in document["unsettled"])
        due_at = document.get("then_due_at")
    return Run(
        id=document["_id"],
        trigger=document["trigger"],
        user_id=document["user"],
        campaign_id=document["campaign"],
        publication=document["publication"],
        started_by=document["started_by"],
        started_at=document["started_at"],
        event=document["event"],
        bound=document["bound"],
        granted=document.get("granted", {}),
        arms=tuple(Dealt.heard(each, each["at"]) for each in document.get("arms", ())),
        state=RunState(document["state"]),
        position=document["position"],
        since=document["since"],
        due_at=due_at,
        waits_for=tuple(document["waits_for"]),
        acted=document["acted"],
        counted=document["counted"],
        goal_until=document.get("goal_until"),
        converted_at=document.get("converted_at"),
        ended_at=document["ended_at"],
        reason=document["reason"],
        unsettled=unsettled,
        version=document["version"],
    )
