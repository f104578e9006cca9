"""The feed in the API."""

from datetime import datetime
from typing import Any, Self

import strawberry

from models.feed import Numbered
from schema.ids import to_global
from schema.scalars import JSON


@strawberry.type(description="One thing that happened.")
class ActivityEntry:
    cursor: str = strawberry.field(description="Its place: go on from here with `after`.")
    type: str = strawberry.field(description="A noun and a verb, as `campaign.published`.")
    at: datetime = strawberry.field(description="When.")
    campaign_id: strawberry.ID | None = strawberry.field(description="The campaign it is about.")
    user_id: strawberry.ID | None = strawberry.field(description="The person it is about.")
    data: JSON = strawberry.field(description="What else there is to say, by name.")

    @classmethod
    def of(cls, numbered: Numbered) -> Self:
        """Show an entry in its place."""
        entry = numbered.entry
        return cls(
            cursor=str(numbered.seq),
            type=entry.type,
            at=entry.at,
            campaign_id=_id("Campaign", entry.campaign_id),
            user_id=_id("User", entry.user_id),
            data=JSON(_plain(entry.data)),
        )


def as_told(numbered: Numbered) -> dict[str, Any]:
    """Return an entry as webhooks are told it: what Standard Webhooks asks for, then the rest."""
    shown = ActivityEntry.of(numbered)
    return {
        "type": shown.type,
        "timestamp": _plain(shown.at),
        "data": shown.data,
        "cursor": shown.cursor if numbered.seq else None,
        "campaignId": shown.campaign_id,
        "userId": shown.user_id,
    }


def _id(kind: str, key: str | None) -> strawberry.ID | None:
    return None if key is None else strawberry.ID(to_global(kind, key))


def _plain(value: object) -> object:
    """Return the value as JSON can hold it."""
    match value:
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case list() | tuple():
            return [_plain(each) for each in value]
        case None | bool() | int() | float() | str():
            return value
        case _ if hasattr(value, "items"):
            return {str(name): _plain(each) for name, each in value.items()}
        case _:
            return str(value)
