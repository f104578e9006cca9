"""Flash sales in the API."""

from collections.abc import Hashable
from datetime import datetime
from typing import Self

import strawberry

from models import claim as models
from models.claim import ClaimState
from schema.enums import describe
from schema.external import EXTERNAL_ID
from schema.ids import to_global
from schema.node import Node
from schema.payloads import Payload

describe(
    ClaimState,
    "What has become of a claim.",
    HELD="Its unit is kept for its buyer.",
    SOLD="Its unit was ordered.",
    RELEASED="Its unit went back to stock.",
)


@strawberry.type(description="One unit of a flash sale, held for one person.")
class Claim(Node):
    sale: str = strawberry.field(description="The flash sale's name in the rules.")
    sku: str = strawberry.field(description="What is held.")
    state: ClaimState = strawberry.field(description="Whether it is still held.")
    held_at: datetime = strawberry.field(description="Since when.")
    held_until: datetime = strawberry.field(
        description="Without an order until then the unit returns to stock."
    )
    order: str | None = strawberry.field(description="The order it was sold with.")

    @classmethod
    def of(cls, claim: models.Claim) -> Self:
        """Show a claim."""
        return cls(
            id=strawberry.ID(to_global("Claim", claim.id)),
            sale=claim.name,
            sku=claim.sku,
            state=claim.state,
            held_at=claim.at,
            held_until=claim.until,
            order=claim.order,
        )


@strawberry.type(description="What is left of a flash sale.")
class Stock:
    initial: int = strawberry.field(description="How many units there were at first.")
    free: int = strawberry.field(description="How many can be claimed now.")
    held: int = strawberry.field(description="How many are held and not ordered yet.")
    sold: int = strawberry.field(description="How many are ordered.")

    @classmethod
    def of(cls, stock: models.Stock) -> Self:
        """Show a stock."""
        return cls(initial=stock.initial, free=stock.free, held=stock.held, sold=stock.sold)

    def sameness(self) -> Hashable:
        return self.initial, self.free, self.held, self.sold


@strawberry.input(description="What to hold, and for whom.")
class ClaimStockInput:
    sale: str = strawberry.field(description="The flash sale's name in the rules.")
    idempotency_key: str = strawberry.field(
        description="Made by the caller; the same key again is answered with the same claim."
    )
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="For integrators: whom for. Customers claim for themselves."
    )
    external_id: str | None = strawberry.field(default=None, description=EXTERNAL_ID)


@strawberry.type(
    description="The unit held. Refusals: SOLD_OUT, LIMIT_REACHED, NOT_ACTIVE, PAUSED."
)
class ClaimStockPayload(Payload):
    claim: Claim | None = strawberry.field(default=None, description="What is held now.")


@strawberry.input(description="Which claim was ordered.")
class ConfirmClaimInput:
    claim_id: strawberry.ID = strawberry.field(description="Which claim.")
    order: str = strawberry.field(description="The shop's order: the same again changes nothing.")


@strawberry.type(
    description="The claim, sold. Refusals: CLAIM_USED, SOLD_OUT, HOLD_ENDED, LIMIT_REACHED."
)
class ConfirmClaimPayload(Payload):
    claim: Claim | None = strawberry.field(default=None, description="What is sold now.")


@strawberry.input(description="Which claim's order is cancelled.")
class ReturnClaimInput:
    claim_id: strawberry.ID = strawberry.field(description="Which claim.")
    order: str = strawberry.field(description="The order it was sold with.")


@strawberry.type(description="The claim, released. Refusal: CLAIM_USED.")
class ReturnClaimPayload(Payload):
    claim: Claim | None = strawberry.field(default=None, description="What is in stock again.")
