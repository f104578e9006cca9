"""What entries of the feed count as, for reports."""

from datetime import UTC, datetime

import pytest

from models.feed import KINDS, FeedEntry
from models.report import Count, Part, Series
from services.reporting.entries import counted

AT = datetime(2026, 3, 2, 9, 59, tzinfo=UTC)
HOUR = datetime(2026, 3, 2, 9, tzinfo=UTC)
ABOUT = {"trigger": "t", "step": "s", "channel": "email", "template": "hello"}
JOURNEY = Series("c", Part.JOURNEY, "t")
MESSAGE = Series("c", Part.MESSAGE, "t", "s", "email")


def entry(kind, **data):
    return FeedEntry("id", kind, AT, "c", "ann", {**ABOUT, **data})


def counts(*entries):
    found = counted(entries)
    assert {hour for _, hour in found.counts} <= {HOUR}
    return {series: dict(each) for (series, _), each in found.counts.items()}


@pytest.mark.parametrize(
    ("told", "count"),
    [
        (entry("run.started"), Count.STARTED),
        (entry("run.started", held_out=True), Count.HELD_OUT),
        (entry("run.converted"), Count.CONVERTED),
        (entry("run.converted", held_out=True), Count.HELD_OUT_CONVERTED),
        (entry("run.ended", state="done"), Count.FINISHED),
        (entry("run.ended", state="ended", reason="event"), Count.EXITED),
        (entry("alert.run_set_aside"), Count.SET_ASIDE),
    ],
)
def test_a_journeys_steps_count_for_its_trigger(told, count):
    assert counts(told) == {JOURNEY: {count: 1}}


def test_the_end_of_who_is_held_out_is_no_exit():
    assert counts(entry("run.ended", state="ended", held_out=True)) == {}


@pytest.mark.parametrize("verb", [*KINDS["message"], *KINDS["call"]])
def test_every_end_of_a_message_counts_for_its_step(verb):
    assert counts(entry(f"message.{verb}")) == {MESSAGE: {Count(verb): 1}}
    assert counted([entry(f"message.{verb}")]).templates == {MESSAGE: "hello"}


def test_people_are_noted_with_the_first_hour_at_which_they_began():
    found = counted([entry("run.started"), entry("run.started"), entry("run.converted")])

    assert found.people == {("c", "ann"): HOUR}
    assert counted([entry("run.started", held_out=True)]).people == {}


SHARES = [
    {"promotion": "ten", "campaign": "c", "amount": "1.00"},
    {"promotion": "gift", "campaign": "c", "amount": "0.00"},
    {"promotion": "other", "campaign": None, "amount": "0.50"},
]


def test_an_order_counts_once_for_each_campaign_that_took_part():
    told = entry("order.placed", currency="USD", total="12.50", promotions=SHARES)

    sales = {Count.ORDERS: 1, Count.REVENUE: 1_250}
    assert counts(told) == {
        Series("c", Part.PROMOTION, "ten", by="USD"): {Count.REDEMPTIONS: 1, Count.DISCOUNT: 100},
        Series("c", Part.PROMOTION, "gift", by="USD"): {Count.REDEMPTIONS: 1},
        Series("", Part.PROMOTION, "other", by="USD"): {Count.REDEMPTIONS: 1, Count.DISCOUNT: 50},
        Series("c", Part.SALES, by="USD"): sales,
        Series("", Part.SALES, by="USD"): sales,
    }


def test_what_comes_back_counts_as_refunded_and_given_back():
    returned = entry(
        "order.returned",
        currency="JPY",
        refund="7",
        promotions=[{"promotion": "ten", "campaign": "c", "amount": "3"}],
    )
    cancelled = entry(
        "order.cancelled",
        currency="JPY",
        undone="5",
        refunded="12",
        promotions=[{"promotion": "ten", "campaign": "c", "amount": "2"}],
    )

    assert counts(returned, cancelled) == {
        Series("c", Part.PROMOTION, "ten", by="JPY"): {Count.GIVEN_BACK: 5},
        Series("c", Part.SALES, by="JPY"): {Count.CANCELLED: 1, Count.REFUNDED: 12},
    }


def test_an_order_without_promotions_and_all_else_counts_for_nobody():
    others = [
        FeedEntry("id", f"{noun}.{verb}", AT, "c", "ann", {})
        for noun, verbs in KINDS.items()
        if noun not in ("run", "message", "call", "alert", "order")
        for verb in verbs
    ]

    assert counts(entry("order.placed", currency="USD", total="1.00"), *others) == {}
