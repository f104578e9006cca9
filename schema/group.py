"""Group buys in the API."""

from datetime import datetime
from typing import Self

import strawberry

from models import group as models
from models.group import GroupState
from schema.enums import describe
from schema.external import EXTERNAL_ID
from schema.ids import to_global
from schema.node import Node
from schema.payloads import Payload

describe(
    GroupState,
    "What has become of a group.",
    OPEN="It can be joined.",
    COMPLETED="Enough were found in time.",
    FAILED="Too few were found in time.",
)


@strawberry.type(description="People who buy together, if enough of them are found in time.")
class Group(Node):
    id: strawberry.ID = strawberry.field(
        description="What its link carries: whoever knows it may join."
    )
    buy: str = strawberry.field(description="The group buy's name in the rules.")
    sku: str = strawberry.field(description="What they buy.")
    state: GroupState = strawberry.field(description="Whether it is still open.")
    people: int = strawberry.field(description="How many it takes.")
    missing: int = strawberry.field(description="How many more it takes.")
    until: datetime = strawberry.field(description="Then it is complete, or everyone is let go.")
    joined: bool = strawberry.field(description="Whether the caller is in it.")

    @classmethod
    def of(cls, group: models.Group, user_id: str | None) -> Self:
        """Show a group to someone."""
        return cls(
            id=strawberry.ID(to_global("Group", group.id)),
            buy=group.name,
            sku=group.sku,
            state=group.state,
            people=group.size,
            missing=group.missing,
            until=group.until,
            joined=user_id is not None and group.has(user_id),
        )


@strawberry.input(description="What to buy together, and who begins.")
class OpenGroupInput:
    group_buy: str = strawberry.field(description="The group buy's name in the rules.")
    idempotency_key: str = strawberry.field(
        description="Made by the caller; the same key again is answered with the same group."
    )
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="For integrators: who begins. Customers begin themselves."
    )
    external_id: str | None = strawberry.field(default=None, description=EXTERNAL_ID)


@strawberry.input(description="Which group to join, and who.")
class JoinGroupInput:
    group_id: strawberry.ID = strawberry.field(description="What the link carries.")
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="For integrators: who joins. Customers join themselves."
    )
    external_id: str | None = strawberry.field(default=None, description=EXTERNAL_ID)


@strawberry.type(
    description="The new group. Refusals: SOLD_OUT, LIMIT_REACHED, NOT_ACTIVE, PAUSED."
)
class OpenGroupPayload(Payload):
    group: Group | None = strawberry.field(default=None, description="The group, to be shared.")


@strawberry.type(
    description="The group joined. Refusals: GROUP_FULL, GROUP_OVER, LIMIT_REACHED, PAUSED."
)
class JoinGroupPayload(Payload):
    group: Group | None = strawberry.field(default=None, description="The group with its member.")
