"""Audiences. Each field is one call to a service."""

from typing import Annotated

import strawberry

from models.principal import Role
from resolvers.access import roles
from schema.audience import (
    Audience,
    CreateAudienceInput,
    CreateAudiencePayload,
    EnableAudienceInput,
    EnableAudiencePayload,
    RemoveAudienceInput,
    RemoveAudiencePayload,
)
from schema.context import Info
from services import audiences


@strawberry.type
class AudienceQueries:
    @strawberry.field(description="All audiences, by name.", extensions=roles(Role.ADMIN))
    async def audiences(self, info: Info) -> list[Audience]:
        return [Audience.of(audience) for audience in await info.context.stores.audiences.all()]


@strawberry.type
class AudienceMutations:
    @strawberry.mutation(
        description="Have an advertising platform told who is in a segment, of those who agreed.",
        extensions=roles(Role.ADMIN),
    )
    async def create_audience(
        self,
        info: Info,
        input: Annotated[CreateAudienceInput, strawberry.argument(description="What to make.")],
    ) -> CreateAudiencePayload:
        context = info.context
        audience = await audiences.create(
            input.name,
            input.segment,
            input.url,
            input.token,
            stores=context.stores,
            clock=context.clock,
            private=context.private_targets,
        )
        return CreateAudiencePayload(audience=Audience.of(audience))

    @strawberry.mutation(
        description="Have an audience brought up to date at once, also one that was set aside "
        "because its workers died. Safe to repeat.",
        extensions=roles(Role.ADMIN),
    )
    async def enable_audience(
        self,
        info: Info,
        input: Annotated[EnableAudienceInput, strawberry.argument(description="Which audience.")],
    ) -> EnableAudiencePayload:
        context = info.context
        audience = await audiences.enable(input.name, stores=context.stores, clock=context.clock)
        return EnableAudiencePayload(audience=Audience.of(audience))

    @strawberry.mutation(
        description="Have everybody taken out of an audience over there, and then forget it.",
        extensions=roles(Role.ADMIN),
    )
    async def remove_audience(
        self,
        info: Info,
        input: Annotated[RemoveAudienceInput, strawberry.argument(description="Which audience.")],
    ) -> RemoveAudiencePayload:
        context = info.context
        audience = await audiences.remove(input.name, stores=context.stores, clock=context.clock)
        return RemoveAudiencePayload(audience=Audience.of(audience))
