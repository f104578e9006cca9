"""Audiences of advertising platforms in the API."""

from datetime import datetime
from typing import Self

import strawberry

from models import audience as models
from schema.ids import to_global
from schema.node import Node
from schema.payloads import Payload
from schema.scalars import URL


@strawberry.type(description="A segment as an advertising platform knows it, by hashed addresses.")
class Audience(Node):
    name: str = strawberry.field(description="What the platform's endpoint is told.")
    segment: str = strawberry.field(description="The segment that it follows.")
    url: URL = strawberry.field(description="The endpoint that is told of changes.")
    enabled: bool = strawberry.field(
        description="Whether it is brought up to date: no more once five workers have died with "
        "it, until `enableAudience`."
    )
    leaving: bool = strawberry.field(description="Whether it is being emptied and forgotten.")
    members: int = strawberry.field(description="How many the platform has been told of.")
    synced_at: datetime | None = strawberry.field(
        description="When it was last brought up to date."
    )
    reason: str | None = strawberry.field(description="Why that went wrong the last time.")

    @classmethod
    def of(cls, audience: models.Audience) -> Self:
        """Show an audience, without its token."""
        return cls(
            id=strawberry.ID(to_global("Audience", audience.name)),
            name=audience.name,
            segment=audience.segment,
            url=URL(audience.url),
            enabled=audience.enabled,
            leaving=audience.leaving,
            members=audience.members,
            synced_at=audience.synced_at,
            reason=audience.reason or None,
        )


@strawberry.input(description="An audience to make.")
class CreateAudienceInput:
    name: str = strawberry.field(description="What the platform's endpoint is told.")
    segment: str = strawberry.field(description="The segment to follow; it must be live.")
    url: URL = strawberry.field(description="The endpoint: https, on the public internet.")
    token: str = strawberry.field(default="", description="The bearer token that it asks for.")


@strawberry.type(description="The new audience. Refusals: WEBHOOK_URL, NAME_TAKEN, INVALID.")
class CreateAudiencePayload(Payload):
    audience: Audience | None = strawberry.field(default=None, description="The audience.")


@strawberry.input(description="An audience to go on with.")
class EnableAudienceInput:
    name: str = strawberry.field(description="Which audience.")


@strawberry.type(description="The audience, about to be brought up to date. Refusal: NOT_FOUND.")
class EnableAudiencePayload(Payload):
    audience: Audience | None = strawberry.field(default=None, description="The audience.")


@strawberry.input(description="An audience to take away.")
class RemoveAudienceInput:
    name: str = strawberry.field(description="Which audience.")


@strawberry.type(description="The audience, on its way out. Refusal: NOT_FOUND.")
class RemoveAudiencePayload(Payload):
    audience: Audience | None = strawberry.field(default=None, description="The audience.")
