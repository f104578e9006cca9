"""API keys in the API."""

from datetime import datetime
from typing import Self

import strawberry

from models import api_key as models
from models.api_key import Scope
from schema.enums import describe
from schema.ids import to_global
from schema.node import Node
from schema.payloads import Payload

describe(
    Scope,
    "What a key is for.",
    name="ApiKeyScope",
    BOUNCES="Telling which messages came back.",
    EVENTS="Telling what happened, and whose visits were whose.",
    EXPORTS="Fetching lists as files.",
    FEED="Following the feed.",
    IMPORTS="Sending files of people, products, orders and events.",
    ORDERS="Placing and undoing orders, claims and groups.",
    PEOPLE="Giving people all that is kept of them, and forgetting them.",
    PERSONAL="Having personal data in exports.",
    PRICES="Asking what carts cost, and what people have to use: offers, codes, points.",
    PRODUCTS="Saying what the shop sells.",
)


@strawberry.type(description="A key with which another system asks in the shop's name.")
class ApiKey(Node):
    id: strawberry.ID = strawberry.field(description="Global and opaque; not the key itself.")
    name: str = strawberry.field(description="What staff call it.")
    scopes: list[Scope] = strawberry.field(description="What it may be used for.")
    created_at: datetime = strawberry.field(description="When it was made.")
    expires_at: datetime | None = strawberry.field(
        description="When it ends by itself, if it does."
    )
    revoked_at: datetime | None = strawberry.field(description="When it was revoked, if it was.")

    @classmethod
    def of(cls, key: models.ApiKey) -> Self:
        """Show a key."""
        return cls(
            id=strawberry.ID(to_global("ApiKey", key.id)),
            name=key.name,
            scopes=sorted(key.scopes),
            created_at=key.made_at,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
        )


@strawberry.input(description="A key to make.")
class CreateApiKeyInput:
    name: str = strawberry.field(description="What to call it, as “web shop, production”.")
    scopes: list[Scope] = strawberry.field(description="What it may be used for; no more.")
    expires_at: datetime | None = strawberry.field(
        default=None, description="When it is to end by itself."
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="Made by the caller; the same again with the same key makes no other and, for "
        "ten minutes, answers the same. After that the code is `ALREADY_MADE`.",
    )


@strawberry.type(description="The key, made.")
class CreateApiKeyPayload(Payload):
    api_key: ApiKey | None = strawberry.field(default=None, description="What is kept of it.")
    token: str | None = strawberry.field(
        default=None,
        description="The key itself, to send as `Authorization: Bearer …`. It is not shown later.",
    )


@strawberry.input(description="Which key to end.")
class RevokeApiKeyInput:
    id: strawberry.ID = strawberry.field(description="Which one.")


@strawberry.type(description="The key, ended.")
class RevokeApiKeyPayload(Payload):
    api_key: ApiKey | None = strawberry.field(
        default=None, description="As it is now: refused everywhere within five seconds."
    )
