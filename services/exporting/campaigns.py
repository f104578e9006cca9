"""Rows on what came of campaigns, from their counts."""

from collections.abc import AsyncGenerator, Iterator, Sequence

from dsl.money import to_text
from models.campaign import Campaign
from models.export import Export
from models.report import Count, Part, Row
from models.store import Stores
from services.exporting.said import Said
from services.reporting.experiments import Arm, Outcome, outcomes
from services.reporting.reports import pages

OF_JOURNEYS = (
    *("campaign", "title", "trigger", "runs", "heldOut", "converted", "heldOutConverted"),
    *("messages", "sent", "skipped", "failed", "unknown", "opened", "clicked"),
)
_ENDS = (Count.SENT, Count.SKIPPED, Count.FAILED, Count.UNKNOWN)
_MONEY = frozenset((Count.DISCOUNT, Count.GIVEN_BACK, Count.REVENUE, Count.REFUNDED))
_NAMES = {
    Count.HELD_OUT: "heldOut",
    Count.SET_ASIDE: "setAside",
    Count.HELD_OUT_CONVERTED: "heldOutConverted",
    Count.GIVEN_BACK: "givenBack",
}
# What is counted of each part; the other columns of its rows are empty.
_COUNTS = {
    Part.CAMPAIGN: (Count.PEOPLE,),
    Part.JOURNEY: (
        *(Count.STARTED, Count.HELD_OUT, Count.FINISHED, Count.EXITED, Count.SET_ASIDE),
        *(Count.CONVERTED, Count.HELD_OUT_CONVERTED),
    ),
    Part.MESSAGE: (*_ENDS, Count.BOUNCED, Count.COMPLAINED, Count.OPENED, Count.CLICKED),
    Part.PROMOTION: (Count.REDEMPTIONS, Count.DISCOUNT, Count.GIVEN_BACK),
    Part.SALES: (Count.ORDERS, Count.CANCELLED, Count.REVENUE, Count.REFUNDED),
    Part.ARM: (Count.PEOPLE, Count.CONVERTED),
    Part.PROMOTION_ARM: (
        *(Count.PEOPLE, Count.ORDERS, Count.CANCELLED, Count.REVENUE, Count.REFUNDED),
        *(Count.DISCOUNT, Count.GIVEN_BACK),
    ),
}
_ARMS = frozenset((Part.ARM, Part.PROMOTION_ARM))
OF_REPORTS = (
    *("campaign", "title", "about", "name", "step", "channel", "template", "currency"),
    *dict.fromkeys(
        _NAMES.get(count, count.value) for counts in _COUNTS.values() for count in counts
    ),
    *("split", "arm", "share", "beside", "low", "high", "chance"),
)


async def reports(export: Export, stores: Stores) -> AsyncGenerator[Sequence[Said]]:
    """Yield a row for each series of each campaign."""
    async for page in pages(export.span, stores=stores):
        yield [said for campaign, rows in page for said in _rows(campaign, rows)]


async def journeys(export: Export, stores: Stores) -> AsyncGenerator[Sequence[Said]]:
    """Yield a row for each trigger of each campaign that has done anything."""
    async for page in pages(export.span, stores=stores):
        yield [said for campaign, rows in page for said in _triggers(campaign, rows)]


def _rows(campaign: Campaign | None, rows: Sequence[Row]) -> Iterator[Said]:
    for row in rows:
        if row.series.part not in _ARMS:
            yield _series(campaign, row)
    for outcome in outcomes(rows):
        for arm in outcome.arms:
            yield _arm(campaign, outcome, arm)


def _arm(campaign: Campaign | None, outcome: Outcome, arm: Arm) -> Said:
    beside = arm.beside
    return {
        "campaign": campaign.id if campaign else "",
        "title": campaign.title if campaign else None,
        "about": outcome.part.value,
        "name": outcome.name,
        "currency": outcome.currency,
        "split": outcome.experiment.name,
        "arm": arm.name,
        "share": arm.share,
        **({"beside": beside.value, "low": beside.low, "high": beside.high} if beside else {}),
        "chance": outcome.chance,
        **_counts(outcome.part, outcome.currency, arm.row),
    }


def _series(campaign: Campaign | None, row: Row) -> Said:
    series = row.series
    named = "channel" if series.part is Part.MESSAGE else "currency"
    return {
        "campaign": series.campaign,
        "title": campaign.title if campaign else None,
        "about": series.part.value,
        "name": series.name,
        "step": series.step,
        named: series.by,
        "template": row.template,
        **_counts(series.part, series.by, row),
    }


def _counts(part: Part, currency: str, row: Row) -> Said:
    return {
        _NAMES.get(count, count.value): to_text(row[count], currency)
        if count in _MONEY
        else row[count]
        for count in _COUNTS[part]
    }


def _triggers(campaign: Campaign | None, rows: Sequence[Row]) -> Iterator[Said]:
    own = [row for row in rows if row.series.part in (Part.JOURNEY, Part.MESSAGE)]
    for trigger in sorted({row.series.name for row in own}):

        def total(*counts: Count, name: str = trigger) -> int:
            return sum(row[count] for row in own if row.series.name == name for count in counts)

        yield {
            "campaign": campaign.id if campaign else "",
            "title": campaign.title if campaign else None,
            "trigger": trigger,
            "runs": total(Count.STARTED),
            "heldOut": total(Count.HELD_OUT),
            "converted": total(Count.CONVERTED),
            "heldOutConverted": total(Count.HELD_OUT_CONVERTED),
            "messages": total(*_ENDS),
            "sent": total(Count.SENT),
            "skipped": total(Count.SKIPPED),
            "failed": total(Count.FAILED),
            "unknown": total(Count.UNKNOWN),
            "opened": total(Count.OPENED),
            "clicked": total(Count.CLICKED),
        }
