"""What the interpreter makes of odd facts and the corners of the language."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

import dsl
from dsl.core import (
    Aggregate,
    Apply,
    Const,
    EventSource,
    Ever,
    InSegment,
    Last,
    ListSource,
    Not,
    Ref,
)
from dsl.kinds import BOOL, DATE, NUMBER, TEXT, TIMESTAMP, ListOf, Money, Record
from dsl.moment import Moment
from dsl.program import Program, Segment

USD = Money("USD")
NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
LINES = ListOf(Record((("category", TEXT), ("quantity", NUMBER), ("amount", USD))))
PLACED = Record((("total", USD), ("stars", NUMBER), ("items", LINES)))
MOMENT = Moment(NOW, "UTC", Program(events={"placed": PLACED}))


def user(name, kind):
    return Ref("user", (name,), kind)


def of_events(function, field=(), where=None, window=None, kind=NUMBER):
    return Aggregate(function, EventSource("placed"), field, where, window or Ever(), kind)


def value(expr, moment=MOMENT, **facts):
    return dsl.value(expr, facts, moment)


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"user": None, "events": None, "segments": None},
        {"user": [], "events": [], "segments": "vip"},
        {"user": {"n": {}, "tags": 5}, "events": {"placed": {"time": NOW}}},
        {"user": {"n": object()}, "events": {"placed": [None, 5, {}, {"time": "x"}]}},
        {"user": {"n": 10**40, "tags": [[], {}, None]}, "events": {"placed": [{"time": NOW}] * 2}},
    ],
)
def test_no_facts_however_odd_raise(facts):
    asked = [user("n", kind) for kind in (NUMBER, USD, TEXT, DATE, TIMESTAMP, BOOL, ListOf(TEXT))]

    assert [dsl.value(expr, facts, MOMENT) for expr in asked] == [dsl.MISSING] * len(asked)
    assert dsl.value(of_events("sum", ("total",), kind=USD), facts, MOMENT) == 0
    assert not dsl.holds(InSegment("vip"), facts, MOMENT)


def test_a_known_membership_needs_no_judging():
    assert dsl.holds(InSegment("vip"), {"segments": ["vip"]}, MOMENT)


def test_segments_in_a_cycle_end_as_false():
    around = Program(
        segments={"a": Segment("a", InSegment("b")), "b": Segment("b", InSegment("a"))}
    )

    assert not dsl.holds(InSegment("a"), {}, Moment(NOW, "UTC", around))
    assert dsl.holds(Not(InSegment("a")), {}, Moment(NOW, "UTC", around))


def test_segments_are_judged_in_the_zone_of_the_workspace():
    today = of_events("any", window=Last(1, "day"), kind=BOOL)
    program = Program(
        zone="Pacific/Kiritimati",
        events={"placed": PLACED},
        segments={"now": Segment("now", today)},
    )
    facts = {"events": {"placed": [{"time": NOW - timedelta(hours=3)}]}}

    # In Kiritimati, fourteen hours ahead, the day of three hours ago is over.
    assert dsl.holds(today, facts, Moment(NOW, "UTC", program))
    assert not dsl.holds(InSegment("now"), facts, Moment(NOW, "UTC", program))


def test_sums_do_not_depend_on_the_order_of_events():
    stars = [0.1, 0.2, 0.3, 1e9, -1e9, 0.7, 1e-7]
    facts = [{"time": NOW, "stars": number} for number in stars]
    total = of_events("sum", ("stars",))

    assert value(total, events={"placed": facts}) == 1.3
    assert value(total, events={"placed": facts[::-1]}) == 1.3


def test_a_sum_too_large_to_count_in_millionths_is_missing():
    facts = {"placed": [{"time": NOW, "stars": 1e13}]}

    assert value(of_events("sum", ("stars",)), events=facts) is dsl.MISSING
    assert value(of_events("max", ("stars",)), events=facts) == 10**13


def test_the_latest_is_by_time_and_of_equal_times_the_last():
    placed = [
        {"time": NOW - timedelta(days=1), "stars": 1},
        {"time": NOW - timedelta(days=2), "stars": 2},
        {"time": NOW - timedelta(days=1), "stars": 3},
        {"time": NOW - timedelta(hours=1)},
    ]

    assert value(of_events("latest", ("stars",)), events={"placed": placed}) == 3
    assert value(of_events("earliest", ("stars",)), events={"placed": placed}) == 2


def test_elements_are_filtered_in_their_own_scope():
    lines = [
        {"category": "A", "quantity": 2, "amount": 300},
        {"category": "B", "quantity": 1, "amount": 500},
        {"category": "A", "quantity": "2", "amount": 700},
    ]
    of_a = Apply("=", (Ref("element", ("category",), TEXT), Const("A", TEXT)), BOOL)
    source = ListSource(Ref("cart", ("items",), LINES))

    total = Aggregate("sum", source, ("amount",), of_a, None, USD)
    units = Aggregate("sum", source, ("quantity",), of_a, None, NUMBER)

    assert value(total, cart={"items": lines}) == 1000
    assert value(units, cart={"items": lines}) == 2


def test_timestamps_of_any_zone_count_to_the_millisecond():
    there = NOW.astimezone(timezone(timedelta(hours=8))) + timedelta(microseconds=999)

    assert value(user("seen", TIMESTAMP), user={"seen": there}) == NOW
    assert value(user("seen", TIMESTAMP), user={"seen": NOW.replace(tzinfo=None)}) == NOW


def test_whole_numbers_come_as_integers():
    assert (
        repr(value(Apply("+", (user("n", NUMBER), Const(1, NUMBER)), NUMBER), user={"n": 2})) == "3"
    )
    assert repr(value(Apply("neg", (user("n", NUMBER),), NUMBER), user={"n": 0})) == "0"


@pytest.mark.parametrize(
    ("minor", "operator", "number", "result"),
    [
        (100, "*", 0.285, 29),
        (100, "*", 0.275, 28),
        (-100, "*", 0.285, -29),
        (1000, "/", 3, 333),
        (5, "/", 2, 3),
        (-5, "/", 2, -3),
        (2**62, "*", 3, dsl.MISSING),
        (1, "/", 0, dsl.MISSING),
        (1, "/", -0.0, dsl.MISSING),
        (2**63 - 1, "*", 1, 2**63 - 1),
        (1, "*", 1e308, dsl.MISSING),
    ],
)
def test_money_times_a_number_rounds_half_away_from_zero(minor, operator, number, result):
    expr = Apply(operator, (Const(minor, USD), Const(number, NUMBER)), USD)

    assert value(expr) == result


def test_a_pattern_is_looked_for_in_short_texts_only():
    a = Apply("matches", (user("s", TEXT), Const("a+$", TEXT)), BOOL)

    assert value(a, user={"s": "a" * 10_240})
    assert not value(a, user={"s": "a" * 10_241})
    assert not value(a, user={"s": "\ud800a"})
