"""Forgetting people, in the API."""

from datetime import datetime
from typing import Self

import strawberry

from models import erasure as models
from schema.external import EXTERNAL_ID
from schema.ids import to_global
from schema.payloads import Payload


@strawberry.type(description="How far someone is forgotten.")
class Erasure:
    user_id: strawberry.ID = strawberry.field(description="Who: an id that is nobody's any more.")
    asked_at: datetime = strawberry.field(description="Since when they cannot be found.")
    done_at: datetime | None = strawberry.field(
        description="When the last of them was gone; null until then."
    )
    waits_for: list[str] = strawberry.field(
        description="Audiences of which a platform has not yet been told to forget them."
    )

    @classmethod
    def of(cls, erasure: models.Erasure) -> Self:
        """Show an erasure."""
        return cls(
            user_id=strawberry.ID(to_global("User", erasure.user_id)),
            asked_at=erasure.asked_at,
            done_at=erasure.done_at,
            waits_for=list(erasure.waits_for),
        )


@strawberry.input(description="Someone who is to be forgotten.")
class ErasePersonInput:
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="Who. This or `externalId` has to be given."
    )
    external_id: str | None = strawberry.field(default=None, description=EXTERNAL_ID)
    password: str | None = strawberry.field(
        default=None, description="The caller's own, where it is the caller who is forgotten."
    )


@strawberry.type(description="What is under way: a minute or two, unless a platform is away.")
class ErasePersonPayload(Payload):
    erasure: Erasure | None = strawberry.field(default=None, description="How far it is.")
