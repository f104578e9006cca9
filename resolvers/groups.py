"""Group buys. Each field is one call to a service."""

from typing import Annotated

import strawberry

from models.api_key import Scope
from resolvers.access import anyone, signed_in
from resolvers.naming import named
from resolvers.nodes import found
from schema.context import Info
from schema.group import (
    Group,
    JoinGroupInput,
    JoinGroupPayload,
    OpenGroupInput,
    OpenGroupPayload,
)
from schema.ids import from_global
from services import claims


@strawberry.type
class GroupQueries:
    @strawberry.field(description="A group, for whoever has its link.", extensions=anyone())
    async def group(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="What the link carries.")],
    ) -> Group | None:
        return await found(Group, id, info.context)


@strawberry.type
class GroupMutations:
    @strawberry.mutation(
        description="Open a group and be its first member.",
        extensions=signed_in(scope=Scope.ORDERS),
    )
    async def open_group(
        self,
        info: Info,
        input: Annotated[OpenGroupInput, strawberry.argument(description="What to buy.")],
    ) -> OpenGroupPayload:
        context = info.context
        user_id = await _who(info, input)
        group = await context.groups.open(
            input.group_buy, input.idempotency_key, user_id=user_id, now=context.clock.now()
        )
        return OpenGroupPayload(group=Group.of(group, user_id))

    @strawberry.mutation(
        description="Become a member of a group.", extensions=signed_in(scope=Scope.ORDERS)
    )
    async def join_group(
        self,
        info: Info,
        input: Annotated[JoinGroupInput, strawberry.argument(description="Which group.")],
    ) -> JoinGroupPayload:
        context = info.context
        user_id = await _who(info, input)
        group = await context.groups.join(
            from_global("Group", input.group_id, "groupId"),
            user_id=user_id,
            now=context.clock.now(),
        )
        return JoinGroupPayload(group=Group.of(group, user_id))


async def _who(info: Info, input: OpenGroupInput | JoinGroupInput) -> str:
    found = await named(info.context, input.user_id, input.external_id)
    return claims.buyer(found, info.context.caller)
