"""Updates that take what is personal out of a document, and leave what sums are made of."""

from typing import TypeAlias

from models.store.database import Document

Change: TypeAlias = Document | list[Document]

# Of what the feed tells of someone: ids, amounts and the shop's own names. No texts, no reasons.
_TOLD = """
message run trigger step held_out splits channel template order currency subtotal saved shipping
total to_pay points points_redeemed refunded points_returned undone key refund promotion promotions
until group claim sale sku draw ticket segment transfer state tier event lottery entry
"""
FEED_KEEPS = _TOLD.split()
_NOTHING: Document = {"$literal": {}}


def _if(state: str, then: object, otherwise: object) -> Document:
    return {"$cond": [{"$eq": ["$state", state]}, then, otherwise]}


def _word(path: str) -> Document:
    """Keep a reason that is a word of ours; what a server or an error said may name someone."""
    ours = {"$regexMatch": {"input": {"$ifNull": [path, ""]}, "regex": "^[a-z_]*$"}}
    return {"$cond": [ours, path, "erased"]}


def _told(data: str) -> Document:
    pairs = {"$objectToArray": {"$ifNull": [data, {}]}}
    kept = {"$in": ["$$pair.k", FEED_KEEPS]}
    return {"$arrayToObject": {"$filter": {"input": pairs, "as": "pair", "cond": kept}}}


EVENT: Change = {
    "$set": {"data": {}, "erased": True},
    "$unset": dict.fromkeys(("pending", "dead", "set_aside_at", "failures", "claims"), ""),
}
# What is waited for does not come any more. What has left the house, or may have, did so.
EFFECT: Change = [
    {
        "$set": {
            "to": "",
            "subject": "",
            "data": _NOTHING,
            "reason": _if("pending", "erased", _word("$reason")),
            "next_at": _if("pending", "$$REMOVE", "$next_at"),
            "state": _if("pending", "skipped", "$state"),
        }
    },
    {"$unset": ["claim", "clicked_url"]},
]
RUN: Change = [
    {
        "$set": {
            "event": _NOTHING,
            "bound": _NOTHING,
            "granted": _NOTHING,
            "waits_for": [],
            "reason": _if("waiting", "erased", _word("$reason")),
            "ended_at": _if("waiting", "$$NOW", "$ended_at"),
            "version": {"$add": ["$version", _if("waiting", 1, 0)]},
            "state": _if("waiting", "ended", "$state"),
        }
    },
    {"$unset": ["due_at", "then_due_at"]},
]
OUTBOX: Change = [{"$set": {"data": _told("$data")}}]
DELIVERY: Change = [{"$set": {"entry.data": _told("$entry.data")}}]


def feed(user_id: str) -> Change:
    """Return the update of a block that is about a person's entries, and nobody else's."""
    theirs = {"$eq": ["$$entry.user", {"$literal": user_id}]}
    blank = {"$mergeObjects": ["$$entry", {"data": _told("$$entry.data")}]}
    blanked = {"$cond": [theirs, blank, "$$entry"]}
    entries = {"$map": {"input": "$entries", "as": "entry", "in": blanked}}
    return [{"$set": {"entries": entries}}]
