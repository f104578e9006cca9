"""What came of campaigns: counts, by campaign and by the part of it that they are about."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Part(StrEnum):
    """What a series is about, and what its other names then are."""

    CAMPAIGN = "campaign"
    JOURNEY = "journey"  # `name` is the trigger
    MESSAGE = "message"  # `name` is the trigger, `step` the label or digest, `by` the channel
    PROMOTION = "promotion"  # `name` is the promotion, `by` the currency
    SALES = "sales"  # `by` is the currency
    ARM = "arm"  # `name` is the trigger, `step` the experiment's key, `by` the arm
    PROMOTION_ARM = "promotion_arm"  # `name` is the promotion, `by` the arm and the currency


class Count(StrEnum):
    """What is counted. Amounts are in minor units of the series' currency."""

    PEOPLE = "people"  # each the first time: that they began a journey, or were dealt an arm
    STARTED = "started"
    HELD_OUT = "held_out"
    FINISHED = "finished"
    EXITED = "exited"
    SET_ASIDE = "set_aside"
    CONVERTED = "converted"
    HELD_OUT_CONVERTED = "held_out_converted"
    SENT = "sent"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNKNOWN = "unknown"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    OPENED = "opened"
    CLICKED = "clicked"
    REDEMPTIONS = "redemptions"
    DISCOUNT = "discount"
    GIVEN_BACK = "given_back"
    ORDERS = "orders"
    CANCELLED = "cancelled"
    REVENUE = "revenue"
    REFUNDED = "refunded"


class Series(NamedTuple):
    """What counts are about. `campaign` is "" for what belongs to none."""

    campaign: str
    part: Part
    name: str = ""
    step: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A series' counts over a time. `template` is what its messages were last made from."""

    series: Series
    counts: Mapping[Count, int]
    template: str = ""

    def __getitem__(self, count: Count) -> int:
        return self.counts.get(count, 0)
