"""Forgetting people. Each field is one call to a service."""

from typing import Annotated

import strawberry

from models.api_key import Scope
from models.principal import Role
from resolvers.access import roles, signed_in
from resolvers.naming import somebody
from schema.context import Info
from schema.erasure import ErasePersonInput, ErasePersonPayload, Erasure
from schema.ids import from_global
from services import erasures


@strawberry.type
class ErasureQueries:
    @strawberry.field(
        description="How far someone is forgotten; null if nobody has asked for it.",
        extensions=roles(Role.ADMIN, Role.INTEGRATOR, scope=Scope.PEOPLE),
    )
    async def erasure(
        self,
        info: Info,
        user_id: Annotated[strawberry.ID, strawberry.argument(description="Who.")],
    ) -> Erasure | None:
        found = await erasures.find(
            from_global("User", user_id, "userId"), stores=info.context.stores
        )
        return Erasure.of(found)


@strawberry.type
class ErasureMutations:
    @strawberry.mutation(
        description="Forget someone, everywhere and for good. For administrators, and for the "
        "person themself, with their password. Sums stay, without whose they are.",
        extensions=signed_in(scope=Scope.PEOPLE),
    )
    async def erase_person(
        self,
        info: Info,
        input: Annotated[ErasePersonInput, strawberry.argument(description="Whom.")],
    ) -> ErasePersonPayload:
        context = info.context
        erasure = await erasures.ask(
            await somebody(context, input.user_id, input.external_id),
            password=input.password,
            address=context.address,
            caller=context.caller,
            stores=context.stores,
            passwords=context.passwords,
            wall=context.clock.wall(),
        )
        return ErasePersonPayload(erasure=Erasure.of(erasure))
