"""Events that could not be applied, in the API."""

from datetime import datetime
from typing import Self

import strawberry

from models.event import Event
from schema.ids import to_global
from schema.node import Node
from schema.payloads import Payload


@strawberry.type(description="An event that could not be applied and waits for someone to look.")
class EventSetAside(Node):
    key: str = strawberry.field(description="Its source and its id there.")
    name: str = strawberry.field(description="Which event it is.")
    user_id: strawberry.ID = strawberry.field(description="Whom it happened to.")
    occurred_at: datetime = strawberry.field(description="When it happened.")
    set_aside_at: datetime = strawberry.field(description="When it was given up.")
    reason: str = strawberry.field(description="What went wrong the last time.")

    @classmethod
    def of(cls, event: Event, reason: str, at: datetime) -> Self:
        """Show an event that was set aside."""
        return cls(
            id=strawberry.ID(to_global("Event", event.id)),
            key=event.id,
            name=event.name,
            user_id=strawberry.ID(to_global("User", event.user_id)),
            occurred_at=event.at,
            set_aside_at=at,
            reason=reason,
        )


@strawberry.input(description="Events that were set aside and are to be tried again.")
class RedriveEventsInput:
    ids: list[strawberry.ID] = strawberry.field(description="Which ones; at most 500.")


@strawberry.input(description="Letters that were set aside and are to be sent after all.")
class RedriveLettersInput:
    letters: list[str] = strawberry.field(
        description="Which ones, as `alert.letter_set_aside` names them; at most 500."
    )


@strawberry.type(description="What is sent after all.")
class RedriveLettersPayload(Payload):
    redriven: int | None = strawberry.field(
        default=None, description="How many were set aside and now wait to be sent."
    )


@strawberry.type(description="What is tried again.")
class RedriveEventsPayload(Payload):
    redriven: int | None = strawberry.field(
        default=None, description="How many were set aside and now wait to be applied."
    )
