"""Experiments in reports in the API: the arms of splits and of holdouts beside each other."""

from decimal import Decimal
from typing import Self

import strawberry

from dsl.money import to_text
from models.experiment import HOLDOUT
from models.experiment import Interval as Found
from models.report import Count
from schema.scalars import Money
from services.reporting.experiments import Arm, Outcome
from services.reporting.wording import in_words


@strawberry.type(
    description="A value that was measured, and between which the true one is: in 19 of 20 reports "
    "all intervals of an experiment are right at once."
)
class Interval:
    value: float = strawberry.field(description="What was measured.")
    low: float = strawberry.field(description="It is hardly less than this.")
    high: float = strawberry.field(description="It is hardly more than this.")

    @classmethod
    def of(cls, found: Found | None) -> Self | None:
        """Show an interval."""
        return None if found is None else cls(value=found.value, low=found.low, high=found.high)


@strawberry.type(
    description="What came of one arm on a trigger's journeys. Each person counts once."
)
class JourneyArm:
    arm: str = strawberry.field(
        description="Its name; of a holdout `held_out`, and `begun` for the others."
    )
    share: float = strawberry.field(description="How much of everybody it is to get, in percent.")
    people: int = strawberry.field(
        description="People who came to the split and were dealt this arm."
    )
    converted: int = strawberry.field(
        description="Those who reached the goal after that, within its time."
    )
    conversion: float | None = strawberry.field(
        description="`converted` for each of `people`; null if there is nobody."
    )
    difference: Interval | None = strawberry.field(
        description="How much more that is than in the first arm (0.02: two in a hundred), by "
        "Newcombe's interval. Null for the first arm, and if there is nobody in one of them."
    )

    @classmethod
    def of(cls, arm: Arm) -> Self:
        """Show an arm."""
        return cls(
            arm=arm.name,
            share=arm.share,
            people=arm.row[Count.PEOPLE],
            converted=arm.row[Count.CONVERTED],
            conversion=arm.rate,
            difference=Interval.of(arm.beside),
        )


@strawberry.type(
    description="What came of a split in a trigger's steps, or of its holdout. With other arms or "
    "shares it is another experiment, and counted apart."
)
class JourneyExperiment:
    trigger: str = strawberry.field(description="The trigger.")
    split: str | None = strawberry.field(
        description="The split's name; null for the holdout of the trigger and its campaign."
    )
    arms: list[JourneyArm] = strawberry.field(
        description="Its arms in the order written; of a holdout, `held_out` is the first."
    )
    chance: float | None = strawberry.field(
        description="How likely chance alone would bring people so far from the shares "
        "(chi-square). Below 0.001 something keeps people away from an arm, and the arms cannot be "
        "compared. Null while there are too few people."
    )
    summary: list[str] = strawberry.field(description="How the arms did, in sentences.")

    @classmethod
    def of(cls, outcome: Outcome) -> Self:
        """Show what came of an experiment."""
        name = outcome.experiment.name
        return cls(
            trigger=outcome.name,
            split=None if name == HOLDOUT else name,
            arms=[JourneyArm.of(arm) for arm in outcome.arms],
            chance=outcome.chance,
            summary=in_words(outcome),
        )


@strawberry.type(description="What came of one arm of a promotion, in orders in one currency.")
class PromotionArm:
    arm: str = strawberry.field(description="Its name.")
    share: float = strawberry.field(description="How much of everybody it is to get, in percent.")
    people: int = strawberry.field(description="People who ordered with it. Each counts once.")
    orders: int = strawberry.field(description="Orders that it took part in.")
    cancelled: int = strawberry.field(description="How many of them were cancelled.")
    revenue: Money = strawberry.field(description="What they cost in all, with shipping.")
    refunded: Money = strawberry.field(
        description="What of that was for things that came back or were cancelled."
    )
    discount: Money = strawberry.field(description="What the promotion took off them.")
    given_back: Money = strawberry.field(
        description="What of that came back with returns and cancellations."
    )
    ratio: Interval | None = strawberry.field(
        description="How many times as many `people` as of the first arm, for the shares of both: "
        "1.2 is a fifth more. Null for the first arm, and if nobody ordered with one of them."
    )

    @classmethod
    def of(cls, arm: Arm, currency: str) -> Self:
        """Show an arm."""

        def money(count: Count) -> Money:
            return Money(amount=Decimal(to_text(arm.row[count], currency)), currency=currency)

        return cls(
            arm=arm.name,
            share=arm.share,
            people=arm.row[Count.PEOPLE],
            orders=arm.row[Count.ORDERS],
            cancelled=arm.row[Count.CANCELLED],
            revenue=money(Count.REVENUE),
            refunded=money(Count.REFUNDED),
            discount=money(Count.DISCOUNT),
            given_back=money(Count.GIVEN_BACK),
            ratio=Interval.of(arm.beside),
        )


@strawberry.type(
    description="What came of a split in a promotion, in one currency. With other arms or shares "
    "it is another experiment, and counted apart."
)
class PromotionExperiment:
    promotion: str = strawberry.field(description="The promotion.")
    split: str = strawberry.field(description="The split's name.")
    currency: str = strawberry.field(description="The currency of the orders.")
    arms: list[PromotionArm] = strawberry.field(description="Its arms in the order written.")
    chance: float | None = strawberry.field(
        description="How likely chance alone would bring buyers so far from the shares "
        "(chi-square). People are dealt arms by their ids, whether they order or not: if this is "
        "low, one arm draws more buyers. Null while there are too few."
    )
    summary: list[str] = strawberry.field(description="How the arms did, in sentences.")

    @classmethod
    def of(cls, outcome: Outcome) -> Self:
        """Show what came of an experiment."""
        return cls(
            promotion=outcome.name,
            split=outcome.experiment.name,
            currency=outcome.currency,
            arms=[PromotionArm.of(arm, outcome.currency) for arm in outcome.arms],
            chance=outcome.chance,
            summary=in_words(outcome),
        )
