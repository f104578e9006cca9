"""Counting the workers that died with something: whoever takes it over counts one more."""

from collections.abc import Mapping
from typing import Any

from models.store.database import Document


def taken_over(change: Mapping[str, Any], **claim: str | bool) -> list[Document]:
    """Return the update by which something is claimed that may still bear a dead worker's claim.

    `claim` is the name and the value of the field that says who has it. Whoever lets go of
    something removes it, so one that is there is of somebody who died, or was too slow.
    """
    ((name, token),) = claim.items()
    free = {"$eq": [{"$type": f"${name}"}, "missing"]}
    one_more = {"$add": [{"$ifNull": ["$deaths", 0]}, 1]}
    deaths = {"$cond": [free, "$deaths", one_more]}
    return [{"$set": {**change, "deaths": deaths, name: {"$literal": token}}}]
