"""A person's timeline in the API."""

from datetime import datetime
from enum import Enum
from typing import Self

import strawberry

from models.paging import Span
from models.timeline import TimelineEntry as Model
from models.timeline import TimelineKind, Which
from schema.enums import describe
from schema.ids import to_global
from schema.node import Node
from schema.paging import Direction
from schema.scalars import JSON

describe(
    TimelineKind,
    "What an entry of a timeline is.",
    EVENT="An event that was told.",
    RUN_STARTED="A journey began.",
    RUN_ENDED="A journey ended.",
    GOAL_REACHED="A journey's goal was reached.",
    MESSAGE="A message.",
    MESSAGE_OPENED="A message was opened, the first time; known of those who agreed to it.",
    MESSAGE_CLICKED="A link in a message was followed, the first time; `data` has the link.",
    CALL="A call of a webhook.",
    TAG="A tag was put on the person.",
    UNTAG="A tag was taken off.",
    SET="A journey set an attribute.",
    GRANT="A journey granted a code.",
    AWARD="A journey awarded points.",
    EMIT="A journey told an event.",
    ENTER="A journey entered the person in a lottery.",
    SEGMENT_ENTERED="The person came into a segment, and is still in it.",
    POINTS="Points came or went.",
)


@strawberry.input(description="Which entries of a timeline to list.")
class TimelineFilter:
    kinds: list[TimelineKind] | None = strawberry.field(
        default=None, description="Only those of these kinds."
    )
    happened_after: datetime | None = strawberry.field(
        default=None, description="Only those that happened at this time or later."
    )
    happened_before: datetime | None = strawberry.field(
        default=None, description="Only those that happened before this time."
    )

    def which(self) -> Which:
        """Return it as the services take it."""
        kinds = None if self.kinds is None else frozenset(self.kinds)
        return Which(kinds, Span(self.happened_after, self.happened_before))


class TimelineOrderField(Enum):
    AT = "at"


describe(TimelineOrderField, "What a timeline can be sorted by.", AT="When it happened.")


@strawberry.input(description="How to sort a timeline.")
class TimelineOrder:
    field: TimelineOrderField = strawberry.field(description="By what.")
    direction: Direction = strawberry.field(default=Direction.ASC, description="Which way.")


@strawberry.type(description="One thing that happened to a person or was done to them.")
class TimelineEntry(Node):
    at: datetime = strawberry.field(description="When, by its own time.")
    kind: TimelineKind = strawberry.field(description="What it is.")
    name: str = strawberry.field(
        description="What it is about: the event, the trigger, the template, the tag."
    )
    state: str | None = strawberry.field(description="What became of it, as `sent` or `skipped`.")
    why: str | None = strawberry.field(
        description="What it is due to: the event or date that started a run or brought somebody "
        "into a segment, the reason for which a run ended or a message was skipped; of an event, "
        "`too_late` or `imported` if it could start nothing."
    )
    trigger: str | None = strawberry.field(description="The trigger whose run it belongs to.")
    run_id: strawberry.ID | None = strawberry.field(description="The run it belongs to.")
    campaign_id: strawberry.ID | None = strawberry.field(description="The campaign of that run.")
    data: JSON = strawberry.field(
        description="Its fields, in stored form: money in minor units. Of a journey, `splits` are "
        "the arms that the person was dealt on it, those of a holdout under `split: null`, with "
        "whose it is if they are held out."
    )

    @classmethod
    def of(cls, entry: Model) -> Self:
        """Show an entry."""
        return cls(
            id=strawberry.ID(to_global("TimelineEntry", entry.id)),
            at=entry.at,
            kind=entry.kind,
            name=entry.name,
            state=entry.state or None,
            why=entry.why or None,
            trigger=entry.trigger or None,
            run_id=None if entry.run_id is None else strawberry.ID(to_global("Run", entry.run_id)),
            campaign_id=None
            if entry.campaign_id is None
            else strawberry.ID(to_global("Campaign", entry.campaign_id)),
            data=dict(entry.data),  # type: ignore[arg-type]
        )
