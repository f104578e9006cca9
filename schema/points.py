"""Points in the API."""

from datetime import datetime
from enum import Enum
from typing import Self

import strawberry

from engine.loyalty.replay import Lot
from engine.loyalty.tiers import Progress
from models.paging import Span
from models.points import Reason
from schema.enums import describe
from schema.ids import to_global
from schema.paging import Direction
from services.statements import Line, Standing

describe(
    Reason,
    "Why points moved.",
    name="PointsReason",
    EARNED="An event earned them.",
    PROMOTION="A promotion gave them with an order.",
    AWARDED="A journey awarded them.",
    TAKEN_BACK="What they were for was undone.",
    EXPIRED="They were not spent in time.",
    REDEEMED="They paid for an order.",
    ENTERED="They paid for an entry in a lottery.",
    GIVEN_BACK="What they had paid for was undone.",
    UNDONE="None moved: it notes what has become of an order.",
)


@strawberry.input(description="Which lines of a statement to list.")
class PointsFilter:
    moved_after: datetime | None = strawberry.field(
        default=None, description="Only what moved at this time or later."
    )
    moved_before: datetime | None = strawberry.field(
        default=None, description="Only what moved before this time."
    )

    def moved(self) -> Span:
        """Return it as the services take it."""
        return Span(self.moved_after, self.moved_before)


class PointsOrderField(Enum):
    AT = "at"


describe(PointsOrderField, "What a statement can be sorted by.", AT="When the points moved.")


@strawberry.input(description="How to sort a statement.")
class PointsOrder:
    field: PointsOrderField = strawberry.field(description="By what.")
    direction: Direction = strawberry.field(default=Direction.ASC, description="Which way.")


@strawberry.type(description="Points that will expire together unless they are spent before.")
class ExpiringPoints:
    points: int = strawberry.field(description="How many are left of them.")
    expires_at: datetime = strawberry.field(description="When.")

    @classmethod
    def of(cls, lot: Lot) -> Self:
        """Show what is left of a lot that expires."""
        assert lot.expires_at is not None  # or it would not be among them
        return cls(points=lot.left, expires_at=lot.expires_at)


@strawberry.type(description="The next tier up.")
class NextTier:
    name: str = strawberry.field(description="Its name in the rules.")
    missing: int = strawberry.field(description="How many points it takes, gained now.")

    @classmethod
    def of(cls, progress: Progress) -> Self:
        """Show what is missing."""
        return cls(name=progress.tier, missing=progress.missing)


@strawberry.type(description="Someone's points now.")
class PointsAccount:
    balance: int = strawberry.field(
        description="What the ledger comes to. Below zero if points were taken back after they "
        "had been spent: further ones fill the gap."
    )
    available: int = strawberry.field(
        description="What can be spent: without what is held for an order under way."
    )
    tier: str | None = strawberry.field(description="The tier reached.")
    tier_until: datetime | None = strawberry.field(
        description="When it falls unless more points are gained."
    )
    next_tier: NextTier | None = strawberry.field(description="The next one up.")
    expiring: list[ExpiringPoints] = strawberry.field(
        description="Points that will expire, the first to do so first; at most 100 lots."
    )

    @classmethod
    def of(cls, standing: Standing) -> Self:
        """Show what someone has."""
        return cls(
            balance=standing.balance,
            available=standing.available,
            tier=standing.tier,
            tier_until=standing.tier_until,
            next_tier=None if standing.next_tier is None else NextTier.of(standing.next_tier),
            expiring=[ExpiringPoints.of(lot) for lot in standing.expiring],
        )


@strawberry.type(description="One line of a statement: points that came or went.")
class PointsEntry:
    reason: Reason = strawberry.field(description="Why.")
    points: int = strawberry.field(description="How many: below zero where they went.")
    at: datetime = strawberry.field(description="When what moved them happened.")
    expires_at: datetime | None = strawberry.field(
        description="When those of them that are left expire."
    )
    balance_after: int = strawberry.field(description="What all up to this one came to.")
    order_id: strawberry.ID | None = strawberry.field(
        description="The order that it is about: an id of `order`, if it was placed here."
    )
    event: str | None = strawberry.field(description="The event that earned them.")
    promotion: str | None = strawberry.field(description="The promotion that awarded them.")
    trigger: str | None = strawberry.field(description="The journey that awarded them.")
    lottery: str | None = strawberry.field(description="The lottery that an entry was bought in.")

    @classmethod
    def of(cls, line: Line) -> Self:
        """Show a transfer."""
        each, about = line.transfer, line.transfer.about
        return cls(
            reason=each.reason,
            points=each.points,
            at=each.at,
            expires_at=each.expires_at,
            balance_after=line.balance,
            order_id=None if each.order is None else strawberry.ID(to_global("Order", each.order)),
            event=about.get("event"),
            promotion=about.get("promotion"),
            trigger=about.get("trigger"),
            lottery=about.get("lottery"),
        )
