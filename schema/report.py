"""Reports on campaigns in the API: what came of them."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Self

import strawberry

from dsl.money import to_text
from models.paging import Span
from models.report import Count, Part, Row
from schema.context import Info
from schema.experiment import JourneyExperiment, PromotionExperiment
from schema.scalars import Money
from services.reporting import reports
from services.reporting.experiments import outcomes


@strawberry.type(description="What came of one trigger's journeys.")
class JourneyReport:
    trigger: str = strawberry.field(description="The trigger that started them.")
    started: int = strawberry.field(description="Journeys that began.")
    held_out: int = strawberry.field(
        description="Journeys that would have begun, of people who are held out to compare with."
    )
    finished: int = strawberry.field(description="Those that came to the end of their steps.")
    exited: int = strawberry.field(description="Those that something ended before.")
    set_aside: int = strawberry.field(description="Those that failed too often and were given up.")
    converted: int = strawberry.field(description="Those whose goal was reached.")
    held_out_converted: int = strawberry.field(
        description="Of those held out, how many reached the goal all the same."
    )
    conversion: float | None = strawberry.field(
        description="`converted` for each one that began; null if none did."
    )
    held_out_conversion: float | None = strawberry.field(
        description="`heldOutConverted` for each one held out; null if none was. What is beyond it "
        "is what the journey brought."
    )

    @classmethod
    def of(cls, row: Row) -> Self:
        """Show a row."""
        return cls(
            trigger=row.series.name,
            started=row[Count.STARTED],
            held_out=row[Count.HELD_OUT],
            finished=row[Count.FINISHED],
            exited=row[Count.EXITED],
            set_aside=row[Count.SET_ASIDE],
            converted=row[Count.CONVERTED],
            held_out_converted=row[Count.HELD_OUT_CONVERTED],
            conversion=_rate(row[Count.CONVERTED], row[Count.STARTED]),
            held_out_conversion=_rate(row[Count.HELD_OUT_CONVERTED], row[Count.HELD_OUT]),
        )


@strawberry.type(description="What became of the messages of one step of a trigger.")
class MessageReport:
    trigger: str = strawberry.field(description="The trigger whose journeys sent them.")
    step: str = strawberry.field(
        description="The step: its label (`as LABEL`), which counts across versions of the rules; "
        "else a digest of what it says."
    )
    channel: str = strawberry.field(description="How they left, as `email`.")
    template: str = strawberry.field(description="What they were last made from.")
    sent: int = strawberry.field(description="Those that a server took.")
    skipped: int = strawberry.field(
        description="Those that were not to be sent: no consent, a cap, an address not written to."
    )
    failed: int = strawberry.field(description="Those that no server took.")
    unknown: int = strawberry.field(description="Those of which nobody can know.")
    bounced: int = strawberry.field(description="Those that came back later.")
    complained: int = strawberry.field(description="Those that were called spam.")
    opened: int = strawberry.field(
        description="Those that were opened, of people who agreed to that being known."
    )
    clicked: int = strawberry.field(
        description="Those in which a link was clicked, of people who agreed to that being known."
    )

    @classmethod
    def of(cls, row: Row) -> Self:
        """Show a row."""
        return cls(
            trigger=row.series.name,
            step=row.series.step,
            channel=row.series.by,
            template=row.template,
            sent=row[Count.SENT],
            skipped=row[Count.SKIPPED],
            failed=row[Count.FAILED],
            unknown=row[Count.UNKNOWN],
            bounced=row[Count.BOUNCED],
            complained=row[Count.COMPLAINED],
            opened=row[Count.OPENED],
            clicked=row[Count.CLICKED],
        )


@strawberry.type(description="What one promotion took off orders in one currency.")
class PromotionReport:
    promotion: str = strawberry.field(description="Its name.")
    redemptions: int = strawberry.field(description="Orders that it took part in.")
    discount: Money = strawberry.field(description="What it took off them.")
    given_back: Money = strawberry.field(
        description="What of that came back with returns and cancellations."
    )

    @classmethod
    def of(cls, row: Row) -> Self:
        """Show a row."""
        return cls(
            promotion=row.series.name,
            redemptions=row[Count.REDEMPTIONS],
            discount=_money(row, Count.DISCOUNT),
            given_back=_money(row, Count.GIVEN_BACK),
        )


@strawberry.type(
    description="The orders in one currency that promotions of the campaign took part in. An order "
    "in which several campaigns did counts for each of them."
)
class SalesReport:
    orders: int = strawberry.field(description="How many were placed.")
    cancelled: int = strawberry.field(description="How many were cancelled.")
    revenue: Money = strawberry.field(description="What they cost in all, with shipping.")
    refunded: Money = strawberry.field(
        description="What of that was for things that came back or were cancelled."
    )

    @classmethod
    def of(cls, row: Row) -> Self:
        """Show a row."""
        return cls(
            orders=row[Count.ORDERS],
            cancelled=row[Count.CANCELLED],
            revenue=_money(row, Count.REVENUE),
            refunded=_money(row, Count.REFUNDED),
        )


@strawberry.type(
    description="What came of a campaign, in all its versions: counted off the feed, each thing in "
    "the hour at which it happened, a few seconds later at most."
)
class CampaignReport:
    people: int = strawberry.field(
        description="How many people began a journey of the campaign for the first time. Without "
        "`from` and `until`: how many it has reached at all."
    )
    journeys: list[JourneyReport] = strawberry.field(description="By trigger.")
    messages: list[MessageReport] = strawberry.field(description="By trigger, step and channel.")
    promotions: list[PromotionReport] = strawberry.field(description="By promotion and currency.")
    sales: list[SalesReport] = strawberry.field(description="By currency.")
    journey_experiments: list[JourneyExperiment] = strawberry.field(
        description="Holdouts and splits of triggers: which arm did better."
    )
    promotion_experiments: list[PromotionExperiment] = strawberry.field(
        description="Splits of promotions, by currency: which arm did better."
    )

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Self:
        """Show a campaign's rows."""
        parts: dict[Part, list[Row]] = {part: [] for part in Part}
        for row in rows:
            parts[row.series.part].append(row)
        found = outcomes(rows)
        return cls(
            people=sum(row[Count.PEOPLE] for row in parts[Part.CAMPAIGN]),
            journeys=[JourneyReport.of(row) for row in parts[Part.JOURNEY]],
            messages=[MessageReport.of(row) for row in parts[Part.MESSAGE]],
            promotions=[PromotionReport.of(row) for row in parts[Part.PROMOTION]],
            sales=[SalesReport.of(row) for row in parts[Part.SALES]],
            journey_experiments=[
                JourneyExperiment.of(each) for each in found if each.part is Part.ARM
            ],
            promotion_experiments=[
                PromotionExperiment.of(each) for each in found if each.part is Part.PROMOTION_ARM
            ],
        )


async def report_of(
    root: strawberry.Parent[Any],
    info: Info,
    since: Annotated[
        datetime | None,
        strawberry.argument(
            name="from", description="From this time on: a whole hour in UTC. Else from the first."
        ),
    ] = None,
    until: Annotated[
        datetime | None,
        strawberry.argument(description="Before this time: a whole hour in UTC. Else until now."),
    ] = None,
) -> CampaignReport:
    """Return what came of a campaign. Raises Invalid."""
    span = Span(since, until)
    return CampaignReport.of(await reports.of_campaign(root.key, span, stores=info.context.stores))


def _rate(some: int, all_of_them: int) -> float | None:
    return some / all_of_them if all_of_them else None


def _money(row: Row, count: Count) -> Money:
    currency = row.series.by
    return Money(amount=Decimal(to_text(row[count], currency)), currency=currency)
