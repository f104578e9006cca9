"""What webhooks that follow the feed were told. Each field is one call to a service or store."""

from typing import Annotated

import strawberry

from models.delivery import DeliveryState
from models.errors import Invalid
from models.principal import Role
from resolvers.access import roles
from resolvers.paging import Paged
from schema.context import Info
from schema.delivery import (
    Delivery,
    DeliveryOrder,
    PingWebhookInput,
    PingWebhookPayload,
    RedeliverInput,
    RedeliverPayload,
    ReplayWebhookInput,
    ReplayWebhookPayload,
)
from schema.ids import from_global
from schema.paging import Asked, Connection
from services import deliveries, webhooks


@strawberry.type
class DeliveryQueries:
    @strawberry.field(
        description="What a webhook was told of the feed, or is to be, the latest entries first. "
        "Kept for 30 days. NOT_FOUND if there is no such webhook.",
        extensions=[*roles(Role.ADMIN), Paged(order=DeliveryOrder)],
    )
    async def webhook_deliveries(
        self,
        info: Info,
        asked: Asked,
        webhook: Annotated[str, strawberry.argument(description="Its name.")],
        state: Annotated[
            DeliveryState | None, strawberry.argument(description="Only those that stand so.")
        ] = None,
    ) -> Connection[Delivery]:
        stores = info.context.stores
        page = await stores.deliveries.page(asked.window, webhook=webhook, state=state)
        if not page.items:
            await webhooks.require(webhook, stores=stores)
        return Connection[Delivery].of(
            page,
            asked,
            node=Delivery.of,
            position=lambda delivery: (delivery.id,),
            count=lambda: stores.deliveries.count(webhook=webhook, state=state),
        )


@strawberry.type
class DeliveryMutations:
    @strawberry.mutation(
        description="Send a webhook something harmless, to see whether it arrives.",
        extensions=roles(Role.ADMIN),
    )
    async def ping_webhook(
        self,
        info: Info,
        input: Annotated[PingWebhookInput, strawberry.argument(description="Which one.")],
    ) -> PingWebhookPayload:
        context = info.context
        made = await deliveries.ping(
            input.name, stores=context.stores, jobs=context.jobs, wall=context.clock.wall()
        )
        return PingWebhookPayload(delivery=Delivery.of(made))

    @strawberry.mutation(
        description="Tell a webhook everything after a cursor once more, with the same ids.",
        extensions=roles(Role.ADMIN),
    )
    async def replay_webhook(
        self,
        info: Info,
        input: Annotated[ReplayWebhookInput, strawberry.argument(description="From where on.")],
    ) -> ReplayWebhookPayload:
        context = info.context
        if not input.after.isdecimal() or len(input.after) > 18:
            raise Invalid("This is not a cursor of the feed.", field=("after",))
        made = await deliveries.replay(
            input.name,
            int(input.after),
            stores=context.stores,
            jobs=context.jobs,
            wall=context.clock.wall(),
        )
        return ReplayWebhookPayload(deliveries=made)

    @strawberry.mutation(
        description="Make one delivery once more, whatever came of it.",
        extensions=roles(Role.ADMIN),
    )
    async def redeliver(
        self,
        info: Info,
        input: Annotated[RedeliverInput, strawberry.argument(description="Which one.")],
    ) -> RedeliverPayload:
        context = info.context
        made = await deliveries.redeliver(
            from_global("Delivery", input.id, "id"),
            stores=context.stores,
            jobs=context.jobs,
            wall=context.clock.wall(),
        )
        return RedeliverPayload(delivery=Delivery.of(made))
