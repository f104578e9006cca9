"""API keys. Each field is one call to a service or store."""

from typing import Annotated

import strawberry

from models.principal import Role
from resolvers.access import roles
from schema.api_key import (
    ApiKey,
    CreateApiKeyInput,
    CreateApiKeyPayload,
    RevokeApiKeyInput,
    RevokeApiKeyPayload,
)
from schema.context import Info
from schema.ids import from_global
from services import api_keys
from services.keys import require_key


@strawberry.type
class ApiKeyQueries:
    @strawberry.field(
        description="All API keys, newest first, revoked ones too.", extensions=roles(Role.ADMIN)
    )
    async def api_keys(self, info: Info) -> list[ApiKey]:
        return [ApiKey.of(key) for key in await info.context.stores.api_keys.all()]


@strawberry.type
class ApiKeyMutations:
    @strawberry.mutation(description="Make a key for another system.", extensions=roles(Role.ADMIN))
    async def create_api_key(
        self,
        info: Info,
        input: Annotated[CreateApiKeyInput, strawberry.argument(description="What it is for.")],
    ) -> CreateApiKeyPayload:
        context, key = info.context, input.idempotency_key
        made, token = await api_keys.create(
            input.name,
            input.scopes,
            expires_at=input.expires_at,
            request=None if key is None else f"{context.caller.user_id}|{require_key(key)}",
            caller=context.caller,
            stores=context.stores,
            tokens=context.tokens,
            now=context.clock.wall(),
        )
        return CreateApiKeyPayload(api_key=ApiKey.of(made), token=token)

    @strawberry.mutation(
        description="End a key, its open subscriptions too. Safe to repeat.",
        extensions=roles(Role.ADMIN),
    )
    async def revoke_api_key(
        self,
        info: Info,
        input: Annotated[RevokeApiKeyInput, strawberry.argument(description="Which one.")],
    ) -> RevokeApiKeyPayload:
        context = info.context
        key = await context.stores.api_keys.revoke(
            from_global("ApiKey", input.id, "id"), now=context.clock.wall()
        )
        return RevokeApiKeyPayload(api_key=ApiKey.of(key))
