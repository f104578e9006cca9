"""Sessions in the API."""

from datetime import datetime
from typing import Self

import strawberry

from models import session as models
from schema.ids import to_global
from schema.node import Node
from schema.payloads import Payload


@strawberry.type(description="Somewhere that the caller is signed in.")
class Session(Node):
    created_at: datetime = strawberry.field(description="When it was opened.")
    last_used_at: datetime = strawberry.field(
        description="When it was last gone on with; tokens are renewed every quarter of an hour."
    )
    expires_at: datetime = strawberry.field(description="When it ends by itself.")
    client: str = strawberry.field(
        description="What the program that opened it calls itself; empty if it said nothing."
    )
    current: bool = strawberry.field(description="Whether it is the one that asks.")

    @classmethod
    def of(cls, session: models.Session, *, current: str) -> Self:
        """Show a session to its owner, who asks with the session `current`."""
        return cls(
            id=strawberry.ID(to_global("Session", session.id)),
            created_at=session.created_at,
            last_used_at=session.rotated_at,
            expires_at=session.expires_at,
            client=session.client,
            current=session.id == current,
        )


@strawberry.input(description="Which of the caller's sessions to end.")
class RevokeSessionInput:
    id: strawberry.ID = strawberry.field(description="Which one.")


@strawberry.type(description="The session, ended.")
class RevokeSessionPayload(Payload):
    session: Session | None = strawberry.field(
        default=None, description="Which it was: its tokens are refused within five seconds."
    )


@strawberry.input(description="Which of the caller's sessions not to end.")
class RevokeOtherSessionsInput:
    keep: strawberry.ID | None = strawberry.field(
        default=None, description="Another one to keep beside the one that asks."
    )


@strawberry.type(description="All other sessions, ended.")
class RevokeOtherSessionsPayload(Payload):
    revoked: bool | None = strawberry.field(
        default=None, description="True: their tokens are refused within five seconds."
    )
