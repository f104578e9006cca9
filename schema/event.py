"""Events coming in, and the messages and templates that go out, in the API."""

from datetime import datetime
from enum import Enum, StrEnum
from typing import Any, Self

import strawberry

from models import event as models
from models.campaign import Channel
from models.effect import Effect, EffectState
from models.errors import NotFound
from models.event import IncomingEvent, Outcome
from models.paging import Span
from schema import campaign as campaigns
from schema import user as users
from schema.context import Info
from schema.enums import describe
from schema.ids import split_global, to_global
from schema.node import Node
from schema.paging import Direction
from schema.payloads import Payload
from schema.scalars import JSON

describe(
    Outcome,
    "What became of an event.",
    name="EventOutcome",
    ACCEPTED="It is new, and kept for good.",
    DUPLICATE="It was told before.",
    REJECTED="It cannot be taken: `reason` says why.",
)


class MessageStatus(StrEnum):
    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    FAILED = "failed"
    SKIPPED = "skipped"


describe(
    MessageStatus,
    "Where a message stands.",
    PENDING="It waits to be sent.",
    SENDING="It is on its way.",
    SENT="It was sent.",
    UNKNOWN="It was on its way when a worker was stopped: it may have left or not, and is not sent "
    "again.",
    FAILED="It could not be sent.",
    SKIPPED="It was not to be sent, as without consent.",
)


@strawberry.input(description="Something that happened to somebody.")
class EventInput:
    id: str = strawberry.field(
        description="Unique within its source: sent again, it is a duplicate and does no harm."
    )
    name: str = strawberry.field(description="The event's name, as the rules declare it.")
    user: str | None = strawberry.field(
        default=None,
        description="Whom it happened to: an id of this API, the shop's own, or another system's.",
    )
    anonymous_id: str | None = strawberry.field(
        default=None,
        description="Instead of a user: which visitor, by the source's own id. Such events are "
        "kept, and count once `identify` says who it was.",
    )
    source: str = strawberry.field(default="api", description="Which system tells it.")
    occurred_at: datetime | None = strawberry.field(
        default=None, description="When it happened; now, unless given. May be long ago."
    )
    data: JSON | None = strawberry.field(
        default=None,
        description="Its fields: money as decimal text, times as RFC 3339, dates as YYYY-MM-DD.",
    )

    def incoming(self) -> IncomingEvent:
        """Return it as the services take it."""
        return IncomingEvent(
            id=self.id,
            name=self.name,
            user=local_user(self.user or ""),
            anonymous=self.anonymous_id or "",
            source=self.source,
            at=self.occurred_at,
            data=self.data if self.data is not None else {},  # type: ignore[arg-type]
        )


def local_user(user: str) -> str:
    """Return the key of a global user id, and anything else as it is."""
    try:
        kind, key = split_global(user)
    except NotFound:
        return user
    return key if kind == "User" else user


@strawberry.input(description="Events to take in: at most 500.")
class IngestEventsInput:
    events: list[EventInput] = strawberry.field(description="In any order.")


@strawberry.type(description="What became of one event.")
class EventVerdict:
    source: str = strawberry.field(description="Which system told it.")
    id: str = strawberry.field(description="Its id within the source.")
    outcome: Outcome = strawberry.field(description="Whether it was taken.")
    path: list[str] | None = strawberry.field(description="Where a rejected event is wrong.")
    reason: str | None = strawberry.field(description="In what way.")

    @classmethod
    def of(cls, verdict: models.Verdict) -> Self:
        """Show a verdict."""
        return cls(
            source=verdict.source,
            id=verdict.id,
            outcome=verdict.outcome,
            path=list(verdict.path) or None,
            reason=verdict.reason or None,
        )


@strawberry.type(description="One verdict for each event, in the order sent.")
class IngestEventsPayload(Payload):
    verdicts: list[EventVerdict] | None = strawberry.field(
        default=None, description="What became of each event; null if none was looked at."
    )
    accepted: int | None = strawberry.field(
        default=None, description="How many are new and kept for good."
    )


@strawberry.input(description="Who a visitor turned out to be.")
class IdentifyInput:
    anonymous_id: str = strawberry.field(description="Which visitor, by the source's own id.")
    user: str = strawberry.field(
        description="Who it was: an id of this API, the shop's own, or another system's."
    )


@strawberry.type(description="The visitor, known from now on.")
class IdentifyPayload(Payload):
    user: users.User | None = strawberry.field(default=None, description="Who it was.")
    joined: int | None = strawberry.field(
        default=None, description="How many of the visitor's events became the user's just now."
    )


@strawberry.input(description="Which messages to list.")
class SentMessageFilter:
    created_after: datetime | None = strawberry.field(
        default=None, description="Only those that journeys came to at this time or later."
    )
    created_before: datetime | None = strawberry.field(
        default=None, description="Only those that journeys came to before this time."
    )

    def created(self) -> Span:
        """Return when the messages are from."""
        return Span(self.created_after, self.created_before)


class SentMessageOrderField(Enum):
    CREATED_AT = "at"


describe(
    SentMessageOrderField,
    "What messages can be sorted by.",
    CREATED_AT="When the journey came to the message.",
)


@strawberry.input(description="How to sort messages.")
class SentMessageOrder:
    field: SentMessageOrderField = strawberry.field(description="By what.")
    direction: Direction = strawberry.field(default=Direction.ASC, description="Which way.")


async def _user(root: strawberry.Parent[Any], info: Info) -> users.User | None:
    user = await info.context.loaders.users(root.effect.user_id)
    return users.User.of(user) if user else None


async def _campaign(root: strawberry.Parent[Any], info: Info) -> campaigns.Campaign | None:
    if not root.effect.campaign_id:
        return None
    campaign = await info.context.loaders.campaigns(root.effect.campaign_id)
    return campaigns.Campaign.of(campaign) if campaign else None


@strawberry.type(description="A message to one person, sent or not.")
class SentMessage(Node):
    channel: Channel = strawberry.field(description="How it leaves.")
    status: MessageStatus = strawberry.field(description="Where it stands.")
    reason: str | None = strawberry.field(description="Why it was skipped, failed or waits.")
    to: str | None = strawberry.field(description="The address it went to.")
    subject: str | None = strawberry.field(description="Its subject, as sent.")
    template: str = strawberry.field(description="The template's name.")
    template_version: int | None = strawberry.field(description="The version that was sent.")
    trigger: str = strawberry.field(description="The trigger that sends it.")
    created_at: datetime = strawberry.field(description="When the journey came to it.")
    sent_at: datetime | None = strawberry.field(description="When it was sent.")
    opened_at: datetime | None = strawberry.field(
        description="When it was first opened, of those who agree that we know."
    )
    clicked_at: datetime | None = strawberry.field(
        description="When a link in it was first clicked, of those who agree that we know."
    )
    effect: strawberry.Private[Effect]

    user: users.User | None = strawberry.field(resolver=_user, description="Whom it is for.")
    campaign: campaigns.Campaign | None = strawberry.field(
        resolver=_campaign, description="What it is part of."
    )

    @classmethod
    def of(cls, effect: Effect) -> Self:
        """Show a message."""
        status = EffectState.SENT if effect.state is EffectState.DONE else effect.state
        return cls(
            id=strawberry.ID(to_global("Message", effect.id)),
            channel=Channel(effect.channel),
            status=MessageStatus(status.value),
            reason=effect.reason or None,
            to=effect.to or None,
            subject=effect.subject or None,
            template=effect.template,
            template_version=effect.template_version,
            trigger=effect.trigger,
            created_at=effect.at,
            sent_at=effect.sent_at,
            opened_at=effect.opened_at,
            clicked_at=effect.clicked_at,
            effect=effect,
        )


@strawberry.input(description="A message to try again.")
class RetryMessageInput:
    id: strawberry.ID = strawberry.field(
        description="The message's; of a call, `Message:` and the id that the feed gives, encoded."
    )


@strawberry.type(
    description="The message, waiting again. Refusals: NOT_FOUND, CONFLICT for one not failed."
)
class RetryMessagePayload(Payload):
    message: SentMessage | None = strawberry.field(default=None, description="The message.")
