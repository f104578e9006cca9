"""Single-use codes. Each field is one call to a service."""

from typing import Annotated

import strawberry

from models.principal import Role
from resolvers.access import roles, staff
from resolvers.naming import named
from resolvers.paging import Paged
from schema.context import Info
from schema.paging import Asked, Connection
from schema.unique_code import (
    GenerateCodesInput,
    GenerateCodesPayload,
    RevokeCodesInput,
    RevokeCodesPayload,
    UniqueCode,
    UniqueCodeFilter,
)
from services import codes
from services.keys import require_key


@strawberry.type
class CodeQueries:
    @strawberry.field(
        description="A promotion's single-use codes, sorted by the code. NOT_FOUND if there is no "
        "such promotion, nor codes of one that was.",
        extensions=[*staff(), Paged()],
    )
    async def codes(
        self,
        info: Info,
        asked: Asked,
        promotion: Annotated[str, strawberry.argument(description="The promotion's name.")],
        batch: Annotated[
            str | None, strawberry.argument(description="Only those made together.")
        ] = None,
        filter: Annotated[
            UniqueCodeFilter | None, strawberry.argument(description="Which codes.")
        ] = None,
    ) -> Connection[UniqueCode]:
        stores = info.context.stores
        whose = (
            await named(info.context, filter.user_id, filter.external_id, "filter")
            if filter
            else None
        )
        page = await stores.codes.page(promotion, asked.window, batch=batch, user_id=whose)
        if not page.items:
            await codes.require(promotion, stores=stores, rulebook=info.context.rulebook)
        return Connection[UniqueCode].of(
            page,
            asked,
            node=UniqueCode.of,
            position=lambda code: (code.key,),
            count=lambda: stores.codes.count(promotion, batch=batch, user_id=whose),
        )


@strawberry.type
class CodeMutations:
    @strawberry.mutation(
        description="Make single-use codes of a promotion.",
        extensions=roles(Role.ADMIN, Role.MARKETER),
    )
    async def generate_codes(
        self,
        info: Info,
        input: Annotated[GenerateCodesInput, strawberry.argument(description="Which ones.")],
    ) -> GenerateCodesPayload:
        context = info.context
        key = input.idempotency_key
        batch = await codes.generate(
            input.promotion,
            codes.of_a_call(input.count),
            user_id=await named(context, input.user_id, input.external_id),
            expires_at=input.expires_at,
            request=None if key is None else f"{context.caller.user_id}|{require_key(key)}",
            stores=context.stores,
            rulebook=context.rulebook,
            now=context.clock.now(),
        )
        return GenerateCodesPayload(batch=batch, count=input.count)

    @strawberry.mutation(
        description="Make codes useless that were not used yet.",
        extensions=roles(Role.ADMIN, Role.MARKETER),
    )
    async def revoke_codes(
        self,
        info: Info,
        input: Annotated[RevokeCodesInput, strawberry.argument(description="Which ones.")],
    ) -> RevokeCodesPayload:
        context = info.context
        revoked = await codes.revoke(input.codes, stores=context.stores, now=context.clock.now())
        return RevokeCodesPayload(revoked=revoked)
