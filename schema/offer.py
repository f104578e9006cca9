"""The wallet in the API: offers, and codes of one's own."""

from datetime import datetime
from decimal import Decimal
from typing import Self

import strawberry

from dsl.money import to_text
from models import offer as models
from models.offer import OfferStatus
from schema.enums import describe
from schema.quote import NotAppliedReason
from schema.scalars import Money

describe(
    OfferStatus,
    "How a promotion stands for someone.",
    APPLIED="It applies to the cart.",
    USABLE="It is theirs to use.",
    ALMOST="It would be with something more in the cart.",
    USED_UP="They have used it as often as they may, or its limit is reached.",
)


@strawberry.type(description="A promotion, as it stands for one person.")
class Offer:
    name: str = strawberry.field(description="Unique in the workspace.")
    title: str | None = strawberry.field(description="For people.")
    status: OfferStatus = strawberry.field(description="How it stands.")
    saved: Money = strawberry.field(description="What it takes off the cart asked about.")
    reason: NotAppliedReason | None = strawberry.field(
        description="Why it does not apply to the cart, and what would help."
    )
    ends_at: datetime | None = strawberry.field(
        description="When it ends, or its window of today does."
    )
    uses_left: int | None = strawberry.field(
        description="How often this person may still use it now; null without such a limit."
    )
    uses_left_in_all: int | None = strawberry.field(
        description="How often everyone together may still use it; null without such a limit."
    )

    @classmethod
    def of(cls, offer: models.Offer, currency: str) -> Self:
        """Show an offer."""
        return cls(
            name=offer.name,
            title=offer.title,
            status=offer.status,
            saved=Money(amount=Decimal(to_text(offer.saved, currency)), currency=currency),
            reason=None if offer.reason is None else NotAppliedReason.of(offer.reason),
            ends_at=offer.ends_at,
            uses_left=offer.left,
            uses_left_in_all=offer.left_in_all,
        )


@strawberry.type(description="A single-use code that only its owner can use, and still can.")
class OwnCode:
    code: str = strawberry.field(description="As people type it; case does not count.")
    promotion: str = strawberry.field(description="The promotion that it opens.")
    title: str | None = strawberry.field(description="The promotion's, for people.")
    live: bool = strawberry.field(
        description="Whether the promotion is on now; else the code opens nothing for the moment."
    )
    granted_at: datetime = strawberry.field(description="Since when they have it.")
    expires_at: datetime | None = strawberry.field(description="Until when it can be used.")

    @classmethod
    def of(cls, own: models.OwnCode) -> Self:
        """Show a code."""
        return cls(
            code=own.code.code,
            promotion=own.code.promotion,
            title=own.title,
            live=own.is_on,
            granted_at=own.code.made_at,
            expires_at=own.code.expires_at,
        )
