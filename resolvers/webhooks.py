"""Webhooks. Each field is one call to a service."""

from typing import Annotated

import strawberry

from models.principal import Role
from resolvers.access import roles
from schema.context import Info
from schema.webhook import (
    CreateWebhookInput,
    CreateWebhookPayload,
    RotateWebhookSecretInput,
    RotateWebhookSecretPayload,
    UpdateWebhookInput,
    UpdateWebhookPayload,
    Webhook,
)
from services import webhooks


@strawberry.type
class WebhookQueries:
    @strawberry.field(description="All webhooks, by name.", extensions=roles(Role.ADMIN))
    async def webhooks(self, info: Info) -> list[Webhook]:
        return [Webhook.of(webhook) for webhook in await info.context.stores.webhooks.all()]


@strawberry.type
class WebhookMutations:
    @strawberry.mutation(
        description="Make a webhook that rules may call.", extensions=roles(Role.ADMIN)
    )
    async def create_webhook(
        self,
        info: Info,
        input: Annotated[CreateWebhookInput, strawberry.argument(description="What to make.")],
    ) -> CreateWebhookPayload:
        context = info.context
        webhook = await webhooks.create(
            input.name,
            input.url,
            events=input.events,
            stores=context.stores,
            now=context.clock.wall(),
            private=context.private_targets,
        )
        return CreateWebhookPayload(webhook=Webhook.of(webhook), secret=webhook.secrets[0].value)

    @strawberry.mutation(
        description="Change where a webhook leads, or whether it is called.",
        extensions=roles(Role.ADMIN),
    )
    async def update_webhook(
        self,
        info: Info,
        input: Annotated[UpdateWebhookInput, strawberry.argument(description="What to change.")],
    ) -> UpdateWebhookPayload:
        context = info.context
        webhook = await webhooks.update(
            input.name,
            url=input.url,
            enabled=input.enabled,
            events=input.events,
            version=input.version,
            stores=context.stores,
            private=context.private_targets,
        )
        return UpdateWebhookPayload(webhook=Webhook.of(webhook))

    @strawberry.mutation(
        description="Replace a webhook's secret; the old one is good for another 24 hours.",
        extensions=roles(Role.ADMIN),
    )
    async def rotate_webhook_secret(
        self,
        info: Info,
        input: Annotated[
            RotateWebhookSecretInput, strawberry.argument(description="Whose secret.")
        ],
    ) -> RotateWebhookSecretPayload:
        context = info.context
        webhook = await webhooks.rotate_secret(
            input.name,
            version=input.version,
            stores=context.stores,
            now=context.clock.wall(),
        )
        return RotateWebhookSecretPayload(
            webhook=Webhook.of(webhook), secret=webhook.secrets[0].value
        )
