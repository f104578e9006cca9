"""Counts over a collection by campaign and trigger, made in the database."""

from collections.abc import Mapping
from typing import Any

from models.store.database import Collection, Document


async def by_trigger(
    documents: Collection, match: Document, counts: Mapping[str, Any]
) -> dict[tuple[str, str], dict[str, int]]:
    """Return by campaign and trigger of how many each condition holds."""
    sums = {name: {"$sum": {"$cond": [condition, 1, 0]}} for name, condition in counts.items()}
    key = {"campaign": {"$ifNull": ["$campaign", ""]}, "trigger": "$trigger"}
    cursor = documents.aggregate([{"$match": match}, {"$group": {"_id": key, **sums}}])
    return {
        (document["_id"]["campaign"], document["_id"]["trigger"]): {
            name: document[name] for name in counts
        }
        async for document in cursor
    }
