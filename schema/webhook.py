"""Webhooks in the API."""

from datetime import datetime
from typing import Self

import strawberry

from models import webhook as models
from schema.ids import to_global
from schema.node import Node
from schema.payloads import Payload
from schema.scalars import URL


@strawberry.type(description="Another system that rules may call by a name.")
class Webhook(Node):
    name: str = strawberry.field(description="The name that rules call it by.")
    url: URL = strawberry.field(description="Where calls are posted to.")
    enabled: bool = strawberry.field(description="Whether it is called; else calls are skipped.")
    events: list[str] = strawberry.field(
        description="Entries of the feed that it follows, as `message.sent`, `message.*` or `*`."
    )
    rotating_until: datetime | None = strawberry.field(
        description="Until then calls are signed with the secret before, too."
    )
    created_at: datetime = strawberry.field(description="When it was made.")
    version: int = strawberry.field(
        description="Counts changes. An edit names the version it was made from."
    )

    @classmethod
    def of(cls, webhook: models.Webhook) -> Self:
        """Show a webhook, without its secrets."""
        return cls(
            id=strawberry.ID(to_global("Webhook", webhook.name)),
            name=webhook.name,
            url=URL(webhook.url),
            enabled=webhook.enabled,
            events=list(webhook.events),
            rotating_until=webhook.secrets[1].until if len(webhook.secrets) > 1 else None,
            created_at=webhook.created_at,
            version=webhook.version,
        )


@strawberry.input(description="A webhook to make.")
class CreateWebhookInput:
    name: str = strawberry.field(description="The name that rules call it by.")
    url: URL = strawberry.field(description="Where to post: https, on the public internet.")
    events: list[str] = strawberry.field(
        default_factory=list,
        description="Entries of the feed to be told of, as `message.sent`, `message.*` or `*`.",
    )


@strawberry.input(description="What to change; what is left out stays.")
class UpdateWebhookInput:
    name: str = strawberry.field(description="Which webhook.")
    url: URL | None = strawberry.field(default=None, description="Where to post from now on.")
    enabled: bool | None = strawberry.field(default=None, description="Whether to call it.")
    events: list[str] | None = strawberry.field(
        default=None, description="Entries of the feed to be told of from now on."
    )
    version: int | None = strawberry.field(
        default=None, description="Refuse if the webhook is no longer this version."
    )


@strawberry.input(description="Whose secret to replace.")
class RotateWebhookSecretInput:
    name: str = strawberry.field(description="Which webhook.")
    version: int | None = strawberry.field(
        default=None, description="Refuse if the webhook is no longer this version."
    )


@strawberry.type(
    description="The new webhook. Its secret is shown this once. Refusals: WEBHOOK_URL, NAME_TAKEN."
)
class CreateWebhookPayload(Payload):
    webhook: Webhook | None = strawberry.field(default=None, description="The webhook.")
    secret: str | None = strawberry.field(
        default=None, description="What calls are signed with, as Standard Webhooks has it."
    )


@strawberry.type(
    description="The webhook after the change. Refusals: WEBHOOK_URL, NOT_FOUND, CONFLICT."
)
class UpdateWebhookPayload(Payload):
    webhook: Webhook | None = strawberry.field(default=None, description="The webhook.")


@strawberry.type(description="The webhook with a new secret, which is shown this once.")
class RotateWebhookSecretPayload(Payload):
    webhook: Webhook | None = strawberry.field(default=None, description="The webhook.")
    secret: str | None = strawberry.field(
        default=None, description="The new one; the one before is good for another 24 hours."
    )
