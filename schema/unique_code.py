"""Single-use codes in the API."""

from datetime import datetime
from typing import Self

import strawberry

from models import unique_code as models
from schema.external import EXTERNAL_ID
from schema.ids import to_global
from schema.node import Node
from schema.payloads import Payload


@strawberry.type(description="A single-use code of a promotion with `codes unique`.")
class UniqueCode(Node):
    code: str = strawberry.field(description="As people type it; case does not count.")
    promotion: str = strawberry.field(description="The promotion that it opens.")
    batch: str | None = strawberry.field(description="What it was made with.")
    made_at: datetime = strawberry.field(description="When it was made.")
    user_id: strawberry.ID | None = strawberry.field(description="The only one who can use it.")
    expires_at: datetime | None = strawberry.field(description="Until when it can be used.")
    revoked_at: datetime | None = strawberry.field(description="Since when it is useless.")
    order_id: strawberry.ID | None = strawberry.field(description="The order that used it.")

    @classmethod
    def of(cls, code: models.Code) -> Self:
        """Show a code."""
        return cls(
            id=strawberry.ID(to_global("UniqueCode", code.key)),
            code=code.code,
            promotion=code.promotion,
            batch=code.batch,
            made_at=code.made_at,
            user_id=strawberry.ID(to_global("User", code.user_id)) if code.user_id else None,
            expires_at=code.expires_at,
            revoked_at=code.revoked_at,
            order_id=strawberry.ID(to_global("Order", code.order)) if code.order else None,
        )


@strawberry.input(description="Which codes to list.")
class UniqueCodeFilter:
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only those that nobody but this person can use."
    )
    external_id: str | None = strawberry.field(
        default=None,
        description="Only those of the person with this id in the shop's own system; instead of "
        "`userId`.",
    )


@strawberry.input(description="Which codes to make.")
class GenerateCodesInput:
    promotion: str = strawberry.field(
        description="The name of a promotion that is live and has `codes unique`."
    )
    count: int = strawberry.field(
        description="How many: at most 50,000. `fanfare codes generate` makes up to 1,000,000."
    )
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="The only one who can use them; else whoever has one."
    )
    external_id: str | None = strawberry.field(default=None, description=EXTERNAL_ID)
    expires_at: datetime | None = strawberry.field(
        default=None, description="Until when they can be used."
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="Made by the caller; the same again with the same key makes no more codes.",
    )


@strawberry.type(description="The codes that were made.")
class GenerateCodesPayload(Payload):
    batch: str | None = strawberry.field(default=None, description="To ask for them by.")
    count: int | None = strawberry.field(default=None, description="How many.")


@strawberry.input(description="Which codes to make useless.")
class RevokeCodesInput:
    codes: list[str] = strawberry.field(description="At most 1,000.")


@strawberry.type(description="What came of it.")
class RevokeCodesPayload(Payload):
    revoked: int | None = strawberry.field(
        default=None, description="How many of them are useless now; used ones are not counted."
    )
