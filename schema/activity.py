"""The feed in the API."""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self, cast

import strawberry

from models.errors import Invalid
from models.feed import Numbered
from schema.context import Info
from schema.external import external_ids
from schema.ids import to_global
from schema.scalars import JSON
from services.activity import Page


async def _external_ids(root: strawberry.Parent[Any], info: Info) -> list[str]:
    return await external_ids(root.numbered.entry.user_id, info) or []


@strawberry.type(description="One thing that happened.")
class ActivityEntry:
    cursor: str = strawberry.field(description="Its place: go on from here with `after`.")
    type: str = strawberry.field(description="A noun and a verb, as `campaign.published`.")
    at: datetime = strawberry.field(description="When.")
    campaign_id: strawberry.ID | None = strawberry.field(description="The campaign it is about.")
    user_id: strawberry.ID | None = strawberry.field(description="The person it is about.")
    data: JSON = strawberry.field(description="What else there is to say, by name.")
    user_external_ids: list[str] = strawberry.field(
        resolver=_external_ids,
        description="The person's ids in the shop's own system, as they were imported; none of "
        "whoever was erased since.",
    )

    @classmethod
    def of(cls, numbered: Numbered) -> Self:
        """Show an entry in its place: for each who follows, so it is worked out when asked for."""
        return cast("Self", _Entry(numbered))


@dataclass(frozen=True, slots=True)
class _Entry:
    """Looks as the type does from which GraphQL reads."""

    numbered: Numbered

    @property
    def cursor(self) -> str:
        return str(self.numbered.seq)

    @property
    def type(self) -> str:
        return self.numbered.entry.type

    @property
    def at(self) -> datetime:
        return self.numbered.entry.at

    @property
    def campaign_id(self) -> strawberry.ID | None:
        return _id("Campaign", self.numbered.entry.campaign_id)

    @property
    def user_id(self) -> strawberry.ID | None:
        return _id("User", self.numbered.entry.user_id)

    @property
    def data(self) -> object:
        # Times in it are written as such by whoever writes the answer: see schema.scalars.
        return self.numbered.entry.data

    def sameness(self) -> Hashable:
        return self.numbered.seq

    def resume_after(self) -> str:
        return self.cursor


@strawberry.type(description="What happened, in order: as much as there was at once.")
class ActivityBatch:
    entries: list[ActivityEntry] = strawberry.field(
        description="The first first. None if nothing came for long that was asked for: then the "
        "cursor alone moves on."
    )
    cursor: str = strawberry.field(description="Go on from here with `after`.")

    @classmethod
    def of(cls, page: Page) -> Self:
        """Show a page of the feed."""
        return cls(entries=[ActivityEntry.of(each) for each in page.entries], cursor=str(page.seq))

    def sameness(self) -> Hashable:
        first = self.entries[0].cursor if self.entries else ""
        return first, len(self.entries), self.cursor

    def resume_after(self) -> str:
        return self.cursor


def begin(info: Info, after: str | None) -> int | None:
    """Return the place after which a caller wants to read. Raises Invalid."""
    cursor = info.context.last_event_id or after
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= 18):
        raise Invalid("This is not a cursor of the feed.", code="CURSOR_UNKNOWN", field=("after",))
    return int(cursor)


def _id(kind: str, key: str | None) -> strawberry.ID | None:
    return None if key is None else strawberry.ID(to_global(kind, key))
