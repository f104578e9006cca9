"""Entries of the feed as webhooks are told them. Workers load this, and nothing of GraphQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from models.feed import Numbered
from schema.ids import to_global

_AS_IT_IS = frozenset({type(None), bool, int, float, str})


def as_told(numbered: Numbered, external_ids: Sequence[str]) -> dict[str, Any]:
    """Return an entry as webhooks are told it: what Standard Webhooks asks for, then the rest.

    `external_ids` are what the shop's own system calls the person.
    """
    entry = numbered.entry
    return {
        "type": entry.type,
        "timestamp": _plain(entry.at),
        "data": _plain(entry.data),
        "cursor": str(numbered.seq) if numbered.seq else None,
        "campaignId": _id("Campaign", entry.campaign_id),
        "userId": _id("User", entry.user_id),
        "userExternalIds": list(external_ids),
    }


def _plain(value: Any) -> object:
    """Return the value as JSON can hold it: by its class, for so many are asked for."""
    kind = type(value)
    if kind in _AS_IT_IS:
        return value
    if kind is dict:
        return {name: v if type(v) in _AS_IT_IS else _plain(v) for name, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    return value if isinstance(value, bool | int | float | str) else str(value)


def _id(kind: str, key: str | None) -> str | None:
    return None if key is None else to_global(kind, key)
