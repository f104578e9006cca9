"""What entries of the feed count as for experiments."""

from datetime import UTC, datetime, timedelta

from models.experiment import Experiment
from models.feed import FeedEntry
from models.report import Count, Part, Series
from services.reporting.arms import dealt

AT = datetime(2026, 3, 2, 9, 59, tzinfo=UTC)
HOUR = datetime(2026, 3, 2, 9, tzinfo=UTC)
ARMS = [{"arm": "control", "share": "50"}, {"arm": "push", "share": "50"}]
PUSH = {"split": "call", "arm": "push", "arms": ARMS}
SERIES = Series("c", Part.ARM, "t", "call control 50 push 50", "push")


def told(kind, user="ann", at=AT, **data):
    return FeedEntry("id", kind, at, "c", user, {"trigger": "t", **data})


def test_whoever_is_dealt_an_arm_is_of_its_people_from_the_first_hour():
    later = AT + timedelta(hours=3)
    found = dealt([told("run.split", at=later, splits=[PUSH]), told("run.split", splits=[PUSH])])

    assert found.people == {(SERIES, "ann"): HOUR}
    assert found.goals == set()


def test_a_goal_counts_for_every_arm_that_was_dealt_before():
    found = dealt([told("run.converted", splits=[PUSH])])

    assert found.goals == {(SERIES, "ann")}
    assert found.people == {(SERIES, "ann"): HOUR}
    assert dealt([told("run.converted")]).goals == set()


def test_an_experiment_can_be_read_from_its_key():
    found = Experiment("size", (("ten", "33.3"), ("fifteen", "66.7")))

    assert found.key == "size ten 33.3 fifteen 66.7"
    assert Experiment.read(found.key) == found


def order(kind, arm="ten", amount="5.00", **data):
    arms = [{"arm": "ten", "share": "50"}, {"arm": "fifteen", "share": "50"}]
    share = {"promotion": "p", "campaign": "c", "amount": amount}
    split = {"split": "size", "arm": arm, "arms": arms}
    plain = {"promotion": "other", "campaign": "c", "amount": "1.00", "splits": []}
    promotions = [{**share, "splits": [split]}, plain]
    return FeedEntry("id", kind, AT, None, "ann", {**data, "promotions": promotions})


def test_an_order_counts_for_the_arms_of_its_promotions():
    entries = [
        order("order.placed", currency="USD", total="45.00"),
        order("order.placed", currency="USD", total="55.00"),
        order("order.returned", amount="1.00", currency="USD", refund="9.00"),
        order("order.cancelled", amount="4.00", currency="USD", undone="36.00"),
        order("order.placed", "fifteen", "7", currency="JPY", total="43"),
    ]

    found = dealt(entries)

    key = "size ten 50 fifteen 50"
    ten = Series("c", Part.PROMOTION_ARM, "p", key, "ten USD")
    fifteen = Series("c", Part.PROMOTION_ARM, "p", key, "fifteen JPY")
    assert {series: dict(counts) for (series, _), counts in found.counts.items()} == {
        ten: {
            Count.ORDERS: 2,
            Count.REVENUE: 10_000,
            Count.DISCOUNT: 1_000,
            Count.REFUNDED: 4_500,
            Count.GIVEN_BACK: 500,
            Count.CANCELLED: 1,
        },
        fifteen: {Count.ORDERS: 1, Count.REVENUE: 43, Count.DISCOUNT: 7},
    }
    assert found.people == {(ten, "ann"): HOUR, (fifteen, "ann"): HOUR}
