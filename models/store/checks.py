"""Questions over whole collections that only `fanfare verify` asks: what must never be found."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from models.store.database import Document, Store


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

    async def uses(self) -> list[dict[str, Any]]:
        """Return what orders have taken of what is counted, beside what the counters say.

        Orders of which things came back are left out: they may have given some of it back.
        """
        return await self._rows(
            "orders",
            [
                {"$match": {"state": "placed", "returns": []}},
                {"$unwind": "$takings"},
                {
                    "$group": {
                        "_id": "$takings.name",
                        "uses": {"$sum": "$takings.uses"},
                        "money": {"$sum": "$takings.money"},
                        "most": {"$max": "$takings.most"},
                        "budget": {"$max": "$takings.budget"},
                    }
                },
                {"$set": {"counter": {"$concat": ["all|", "$_id"]}}},
                {
                    "$lookup": {
                        "from": "counters",
                        "localField": "counter",
                        "foreignField": "_id",
                        "as": "counted",
                    }
                },
                {"$set": {"counted": {"$first": "$counted"}}},
            ],
        )

    async def overused_by_one(self) -> list[dict[str, Any]]:
        """Return users whose orders used something more often than one person ever may."""
        allowed = {
            "$min": {
                "$map": {
                    "input": {
                        "$filter": {
                            "input": "$takings.per_user",
                            "cond": {"$eq": ["$$this.within", None]},
                        }
                    },
                    "in": "$$this.count",
                }
            }
        }
        return await self._rows(
            "orders",
            [
                {"$match": {"state": "placed", "returns": [], "user": {"$ne": None}}},
                {"$unwind": "$takings"},
                {
                    "$group": {
                        "_id": {"user": "$user", "name": "$takings.name"},
                        "uses": {"$sum": "$takings.uses"},
                        "most": {"$max": allowed},
                    }
                },
                {"$match": {"most": {"$ne": None}, "$expr": {"$gt": ["$uses", "$most"]}}},
            ],
        )

    async def codes_used_twice(self) -> list[str]:
        """Return single-use codes that are in more than one order that stands."""
        rows = await self._rows(
            "orders",
            [
                {"$match": {"state": "placed"}},
                {"$unwind": "$codes"},
                {"$group": {"_id": {"$first": "$codes"}, "orders": {"$sum": 1}}},
                {"$match": {"orders": {"$gt": 1}}},
            ],
        )
        return [row["_id"] for row in rows]

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

    async def stuck(self, now: datetime, wall: datetime) -> dict[str, int]:
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
