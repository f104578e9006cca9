"""The messaging policy and the suppression list. Each field is one call to a service."""

from typing import Annotated

import strawberry

from models.campaign import Channel
from models.messaging import Bar
from models.principal import Role
from resolvers.access import roles, staff
from schema.context import Info
from schema.messaging import (
    MessagingPolicy,
    SuppressAddressInput,
    SuppressAddressPayload,
    UnsuppressAddressInput,
    UnsuppressAddressPayload,
    UpdateMessagingPolicyInput,
    UpdateMessagingPolicyPayload,
)
from services import messaging


@strawberry.type
class MessagingQueries:
    @strawberry.field(
        description="What holds for all marketing messages: caps and holdout.", extensions=staff()
    )
    async def messaging_policy(self, info: Info) -> MessagingPolicy:
        return MessagingPolicy.of(await info.context.stores.workspace.get())

    @strawberry.field(
        description="Why an address is on the suppression list; null if it is not.",
        extensions=roles(Role.ADMIN),
    )
    async def suppression(
        self,
        info: Info,
        address: Annotated[str, strawberry.argument(description="Which address.")],
        channel: Annotated[
            Channel, strawberry.argument(description="EMAIL or SMS.")
        ] = Channel.EMAIL,
    ) -> Bar | None:
        return await info.context.suppression.find(channel.value, address)


@strawberry.type
class MessagingMutations:
    @strawberry.mutation(
        description="Change how much marketing people get; what waits to be sent is judged by it.",
        extensions=roles(Role.ADMIN),
    )
    async def update_messaging_policy(
        self,
        info: Info,
        input: Annotated[
            UpdateMessagingPolicyInput, strawberry.argument(description="How it should be.")
        ],
    ) -> UpdateMessagingPolicyPayload:
        workspace = await messaging.update_policy(
            input.policy(), version=input.version, stores=info.context.stores
        )
        return UpdateMessagingPolicyPayload(policy=MessagingPolicy.of(workspace))

    @strawberry.mutation(
        description="Put an address on the suppression list: it gets no marketing.",
        extensions=roles(Role.ADMIN),
    )
    async def suppress_address(
        self,
        info: Info,
        input: Annotated[SuppressAddressInput, strawberry.argument(description="Which address.")],
    ) -> SuppressAddressPayload:
        context = info.context
        channel = input.channel.value
        await context.suppression.add(channel, input.address, Bar.MANUAL, now=context.clock.now())
        return SuppressAddressPayload(reason=await context.suppression.find(channel, input.address))

    @strawberry.mutation(
        description="Take an address off the suppression list, as after a bounce was mended.",
        extensions=roles(Role.ADMIN),
    )
    async def unsuppress_address(
        self,
        info: Info,
        input: Annotated[UnsuppressAddressInput, strawberry.argument(description="Which address.")],
    ) -> UnsuppressAddressPayload:
        await info.context.suppression.remove(input.channel.value, input.address)
        return UnsuppressAddressPayload(removed=True)
