"""What webhooks that follow the feed were told, in the API."""

from datetime import datetime
from enum import Enum
from typing import Self

import strawberry

from models import delivery as models
from models.delivery import DeliveryState
from models.feed import Numbered
from schema.activity import ActivityEntry
from schema.enums import describe
from schema.ids import to_global
from schema.node import Node
from schema.paging import Direction
from schema.payloads import Payload

describe(
    DeliveryState,
    "Where a delivery stands.",
    WAITING="It is to be tried, or tried again.",
    DELIVERED="It arrived.",
    FAILED="It was given up, and the webhook is disabled.",
)


@strawberry.type(description="An entry of the feed on its way to a webhook.")
class Delivery(Node):
    webhook: str = strawberry.field(description="The webhook's name.")
    entry: ActivityEntry = strawberry.field(description="What it is told.")
    state: DeliveryState = strawberry.field(description="Where it stands.")
    tries: int = strawberry.field(description="How often it was tried.")
    reason: str | None = strawberry.field(description="Why the last try did not succeed.")
    next_try_at: datetime | None = strawberry.field(description="When it is tried next.")
    done_at: datetime | None = strawberry.field(description="When it came to its end.")

    @classmethod
    def of(cls, delivery: models.Delivery) -> Self:
        """Show a delivery."""
        return cls(
            id=strawberry.ID(to_global("Delivery", delivery.id)),
            webhook=delivery.webhook,
            entry=ActivityEntry.of(Numbered(delivery.seq, delivery.entry)),
            state=delivery.state,
            tries=delivery.tries,
            reason=delivery.reason or None,
            next_try_at=delivery.next_at,
            done_at=delivery.done_at,
        )


class DeliveryOrderField(Enum):
    ENTRY = "id"


describe(
    DeliveryOrderField,
    "What deliveries can be sorted by.",
    ENTRY="The place of the entry in the feed.",
)


@strawberry.input(description="How to sort deliveries.")
class DeliveryOrder:
    field: DeliveryOrderField = strawberry.field(description="By what.")
    direction: Direction = strawberry.field(default=Direction.ASC, description="Which way.")


@strawberry.input(description="Which webhook to send something harmless.")
class PingWebhookInput:
    name: str = strawberry.field(description="Its name.")


@strawberry.type(description="The ping, on its way. Refusals: WEBHOOK_DISABLED, NOT_FOUND.")
class PingWebhookPayload(Payload):
    delivery: Delivery | None = strawberry.field(
        default=None, description="Ask `webhookDeliveries` what came of it."
    )


@strawberry.input(description="From where on to tell a webhook everything once more.")
class ReplayWebhookInput:
    name: str = strawberry.field(description="Its name.")
    after: str = strawberry.field(description="The cursor of the last entry not to repeat.")


@strawberry.type(description="What is told once more.")
class ReplayWebhookPayload(Payload):
    deliveries: int | None = strawberry.field(
        default=None, description="How many deliveries there were already and are made again."
    )


@strawberry.input(description="Which delivery to make once more.")
class RedeliverInput:
    id: strawberry.ID = strawberry.field(description="Its id.")


@strawberry.type(description="The delivery, waiting again.")
class RedeliverPayload(Payload):
    delivery: Delivery | None = strawberry.field(default=None, description="As it is now.")
