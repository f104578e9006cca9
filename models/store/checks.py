"""Questions over whole collections that only `fanfare verify` asks: what must never be found."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ulid import ULID

from models.store.database import Document, Store
from models.store.notes import AT_ONCE


class Checks(Store):
    """Reads other stores' collections, all of them; slow, and without effect on anything."""

    NAME = "counters"

    async def stock_units(self, collection: str, owner: str, unit: str) -> dict[str, list[int]]:
        """Return for each stock the units that are taken of it, once for every taker."""
        rows = await self._rows(
            collection,
            [
                {"$match": {unit: {"$exists": True}}},
                {"$group": {"_id": f"${owner}", "units": {"$push": f"${unit}"}}},
            ],
        )
        return {row["_id"]: row["units"] for row in rows}

    async def misplaced_claims(self) -> int:
        """Return how many claims have a unit and are released, or have none and are not."""
        return await self.database["claims"].count_documents(
            {
                "$or": [
                    {"state": "released", "unit": {"$exists": True}},
                    {"state": {"$ne": "released"}, "unit": {"$exists": False}},
                ]
            }
        )

    async def unordered_claims(self) -> list[str]:
        """Return claims that an attempt at an order has sold, which is not the order there is."""
        rows = await self._rows(
            "claims",
            [
                {"$match": {"state": "sold", "holder": {"$exists": True}}},
                {
                    "$lookup": {
                        "from": "orders",
                        "localField": "order",
                        "foreignField": "_id",
                        "as": "found",
                    }
                },
                {"$match": {"$expr": {"$not": {"$in": ["$holder", "$found.attempt"]}}}},
            ],
        )
        return [row["_id"] for row in rows]

    async def unsold_claims(self) -> list[str]:
        """Return claims that an order has sold and kept, and that say otherwise."""
        rows = await self._rows(
            "orders",
            [
                {"$match": {"state": "placed", "returns": [], "reserved.how": "claim"}},
                {"$unwind": "$reserved"},
                {"$match": {"reserved.how": "claim"}},
                {
                    "$lookup": {
                        "from": "claims",
                        "localField": "reserved.id",
                        "foreignField": "_id",
                        "as": "found",
                    }
                },
                {"$match": {"$expr": {"$not": {"$in": ["$_id", "$found.order"]}}}},
            ],
        )
        return [row["reserved"]["id"] for row in rows]

    async def misplaced_groups(self) -> int:
        """Return how many groups keep a seat though they failed."""
        return await self.database["groups"].count_documents(
            {"state": "failed", "seat": {"$exists": True}}
        )

    async def seated_people(self) -> dict[str, int]:
        """Return how many units are set aside for groups, by group buy."""
        rows = await self._rows(
            "groups",
            [
                {"$match": {"seat": {"$exists": True}}},
                {"$group": {"_id": "$buy", "people": {"$sum": "$size"}}},
            ],
        )
        return {row["_id"]: row["people"] for row in rows}

    async def missing_indexes(self, wanted: Mapping[str, Sequence[str]]) -> list[str]:
        """Return which of these unique indexes, by collection, are not there."""
        missing: list[str] = []
        for collection, names in wanted.items():
            found = await self.database[collection].index_information()
            missing += [
                f"{collection}.{name}" for name in names if not found.get(name, {}).get("unique")
            ]
        return missing

    async def ungranted_prizes(self) -> list[str]:
        """Return codes that winners were told of and that there are not."""
        rows = await self._rows(
            "draws",
            [
                {"$match": {"state": "drawn", "untold": {"$exists": False}}},
                {"$unwind": "$winners"},
                {"$match": {"winners.code": {"$ne": None}}},
                {"$set": {"key": {"$toLower": "$winners.code"}}},
                {
                    "$lookup": {
                        "from": "codes",
                        "localField": "key",
                        "foreignField": "_id",
                        "as": "found",
                    }
                },
                {"$match": {"found": []}},
            ],
        )
        return [f"{row['_id']}: {row['winners']['code']}" for row in rows]

    async def unordered_members(self) -> list[str]:
        """Return members of groups whose attempt at an order is not the order there is."""
        rows = await self._rows(
            "groups",
            [
                {"$match": {"members.holder": {"$exists": True}}},
                {"$unwind": "$members"},
                {"$match": {"members.holder": {"$exists": True}}},
                {
                    "$lookup": {
                        "from": "orders",
                        "localField": "members.order",
                        "foreignField": "_id",
                        "as": "found",
                    }
                },
                {"$match": {"$expr": {"$not": {"$in": ["$members.holder", "$found.attempt"]}}}},
            ],
        )
        return [f"{row['members']['user']} in {row['_id']}" for row in rows]

    async def misformed_groups(self) -> list[str]:
        """Return groups that are too full, have someone twice, or are complete and are not."""
        people = {"$size": "$members"}
        different = {"$size": {"$setUnion": ["$members.user", []]}}
        complete = {"$eq": ["$state", "completed"]}
        wrong = {
            "$or": [
                {"$gt": [people, "$size"]},
                {"$ne": [people, different]},
                {"$ne": [complete, {"$eq": [people, "$size"]}]},
            ]
        }
        return [
            document["_id"]
            async for document in self.database["groups"].find({"$expr": wrong}, {"_id": 1})
        ]

    async def groups_with_two_ends(self) -> list[str]:
        """Return members of groups that were told both that they get it and that they do not."""
        return await self._told_twice("group.fulfilled", "group.refunded")

    async def draw_ids(self) -> list[str]:
        """Return every draw."""
        return [document["_id"] async for document in self.database["draws"].find({}, {"_id": 1})]

    async def feed_blocks(self) -> list[tuple[int, int, int]]:
        """Return each block's number, its first place and how many entries it has, in order."""
        rows = await self._rows(
            "feed",
            [
                {"$project": {"first_seq": 1, "count": {"$size": "$entries"}}},
                {"$sort": {"_id": 1}},
            ],
        )
        return [(row["_id"], row["first_seq"], row["count"]) for row in rows]

    async def told_twice(self) -> list[str]:
        """Return entries that are in the feed more than once."""
        rows = await self._rows(
            "feed",
            [
                {"$unwind": "$entries"},
                {"$group": {"_id": "$entries._id", "count": {"$sum": 1}}},
                {"$match": {"count": {"$gt": 1}}},
            ],
        )
        return [row["_id"] for row in rows]

    async def unbalanced_transfers(self) -> list[str]:
        """Return transfers of points that have not two legs which sum to zero."""
        wrong = {"$or": [{"$ne": [{"$size": "$legs"}, 2]}, {"$ne": [{"$sum": "$legs.points"}, 0]}]}
        cursor = self.database["points"].find({"$expr": wrong}, {"_id": 1})
        return [document["_id"] async for document in cursor]

    async def owners_of_points(self, after: str, *, limit: int) -> list[str]:
        """Return people whose points have ever moved, in the order of their ids."""
        rows = await self._rows(
            "points",
            [
                {"$match": {"user": {"$gt": after}}},
                {"$group": {"_id": "$user"}},
                {"$sort": {"_id": 1}},
                {"$limit": limit},
            ],
        )
        return [row["_id"] for row in rows]

    async def attempts(self, orders: Sequence[str]) -> dict[str, str]:
        """Return the attempts by which those of these orders were placed that were."""
        query = {"_id": {"$in": list(orders)}, "attempt": {"$exists": True}}
        cursor = self.database["orders"].find(query, {"attempt": 1})
        return {document["_id"]: document["attempt"] async for document in cursor}

    async def stuck(
        self, now: datetime, wall: datetime, *, paused: Sequence[str]
    ) -> dict[str, int]:
        """Return how much of each kind of work has waited beyond its time."""
        overdue: dict[str, tuple[str, Document]] = {
            "events that wait to be applied": (
                "events",
                {"pending": True, "received_at": {"$lt": now}},
            ),
            "events that were set aside": ("events", {"dead": {"$exists": True}}),
            "holds that have ended": ("claims", {"state": "held", "until": {"$lt": now}}),
            "groups that are over": ("groups", {"state": "open", "until": {"$lt": now}}),
            "draws that should have been drawn": (
                "draws",
                {"state": {"$ne": "drawn"}, "draw_at": {"$lt": now}, "promise.beacon": None},
            ),
            "draws that wait for their beacon": ("draws", {"waiting": {"$exists": True}}),
            "reservations that were left behind": ("redemptions", {"until": {"$lt": wall}}),
            "orders that are not settled": ("orders", {"settle_at": {"$lt": wall}}),
            "accounts of points that are due": ("accounts", {"due_at": {"$lt": now}}),
            "points that were held and left": ("accounts", {"holds.until": {"$lt": wall}}),
            "journeys that are due": (
                "runs",
                {"due_at": {"$lt": now}, "campaign": {"$nin": list(paused)}},
            ),
            "people to be looked at for segments": (
                "users",
                {
                    "$or": [
                        {"recheck.token": {"$lt": str(ULID.from_datetime(wall)).lower()}},
                        {"recheck.at": {"$gt": AT_ONCE, "$lt": now}},
                    ]
                },
            ),
            # Those that have come to nothing are forgotten after an hour (services.alarms).
            "alerts that nobody tells": (
                "alarms",
                {"_id": {"$lt": str(ULID.from_datetime(wall - timedelta(hours=2))).lower()}},
            ),
            "changes to be put into the audit log": ("audit_drafts", {"at": {"$lt": wall}}),
            "imports that stand still": (
                "imports",
                {"state": "running", "touched_at": {"$lt": wall}},
            ),
            "letters that wait": ("letters", {"next_at": {"$lt": wall}}),
            "messages and calls that wait": ("effects", {"next_at": {"$lt": wall}}),
            "things that the feed is to tell": (
                "outbox",
                {"order": {"$lt": str(ULID.from_datetime(wall)).lower()}},
            ),
        }
        return {
            what: await self.database[name].count_documents(query)
            for what, (name, query) in overdue.items()
        }

    async def _told_twice(self, one: str, other: str) -> list[str]:
        rows = await self._rows(
            "feed",
            [
                {"$unwind": "$entries"},
                {"$match": {"entries.type": {"$in": [one, other]}}},
                {
                    "$group": {
                        "_id": {"user": "$entries.user", "group": "$entries.data.group"},
                        "types": {"$addToSet": "$entries.type"},
                    }
                },
                {"$match": {"types.1": {"$exists": True}}},
            ],
        )
        return [f"{row['_id']['user']} in {row['_id']['group']}" for row in rows]

    async def _rows(self, collection: str, pipeline: Sequence[Document]) -> list[dict[str, Any]]:
        cursor = self.database[collection].aggregate(list(pipeline), allowDiskUse=True)
        return [row async for row in cursor]
