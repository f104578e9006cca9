"""Measures: an aggregate read from a person's days is what it would be, read from the events."""

from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dsl
from dsl.buckets import Measured, fits, fold
from dsl.core import Aggregate, EventSource, Ever, Last
from dsl.days import day_of
from dsl.kinds import NUMBER
from dsl.measures import is_zoned, measures_of
from dsl.walking import nodes
from dsl.zones import first_instant, of_ms, offsets
from tests.dsl import random_rules as rules
from tests.dsl.test_timing import DAYS, is_daily

PEOPLE = rules.crowd(seed=7, size=40)
FEW = settings(
    max_examples=150, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)
ZONES = (*rules.ZONES, "America/St_Johns", "Africa/Monrovia", "Pacific/Apia", "America/Asuncion")


@pytest.mark.parametrize("zone", ZONES)
def test_a_day_lasts_from_its_first_instant_to_that_of_the_next(zone):
    # Before 1900 and from 2200 on every zone counts as UTC: not at those two seams.
    changes = [of_ms(since) for since, _ in offsets(zone)[1:-1]]
    near = [
        at + timedelta(hours=hours, minutes=minutes, milliseconds=ms)
        for at in changes
        if 1910 < at.year < 2040
        for hours in range(-2, 3)
        for minutes in (0, 1, 30)
        for ms in (-1, 0)
    ]

    for at in near:
        day = date.fromisoformat(day_of(at, zone))
        assert first_instant(day, zone) <= at < first_instant(day + timedelta(days=1), zone)


def aggregates_in(condition, program):
    """Yield the aggregates of events that a condition has, with whether it is in a segment."""
    for segment in program.segments.values():
        yield from ((node, True) for node in nodes(segment.condition))
    yield from ((node, False) for node in nodes(condition))


def kept(person, measures, program):
    """Return a person's buckets, and the measures of which a bucket does not fit."""
    moment = dsl.Moment(rules.NOW, program.zone, program)
    buckets, unfit = {}, set()
    for measure in measures:
        events = sorted(person["events"][measure.source.event], key=lambda event: event["time"])
        judge = partial(passes, measure.where, person, moment)
        buckets[measure.id] = fold(measure, events, judge)
        if not all(fits(measure.slot, value) for value in buckets[measure.id].values()):
            unfit.add(measure.id)
    return buckets, unfit


def passes(where, person, moment, element):
    return where is None or dsl.holds(where, person, moment, element)


def with_measures(person, condition, program, zone, since):
    """Return a person's facts as they are loaded: days that are over as buckets, where they can be.

    Also which aggregates are read from them.
    """
    found = [
        (node, inside)
        for node, inside in aggregates_in(condition, program)
        if isinstance(node, Aggregate) and isinstance(node.source, EventSource)
    ]
    measures = {m.id: m for node, _ in found for m in measures_of(node, program)}
    buckets, unfit = kept(person, measures.values(), program)
    live = frozenset(measures.keys() - unfit)
    measured = Measured(buckets, live, since=since, zone=program.zone)
    raw = {
        node.source.event
        for node, inside in found
        if not {m.id for m in measures_of(node, program)} & live
        or not {m.id for m in measures_of(node, program)} <= live
        or (is_zoned(node) and not inside and zone != program.zone)
    }
    events = {
        name: [event for event in told if name in raw or event["time"] >= measured.until]
        for name, told in person["events"].items()
    }
    return {**person, "events": events, "measures": measured}, measures.keys() & live


@FEW
@given(
    rules.programs(),
    rules.conditions(),
    st.sampled_from(rules.NOWS),
    st.sampled_from(rules.ZONES) | st.none(),
    st.sampled_from((0, 1, 30, 1000)),
)
def test_conditions_hold_alike_with_measures_and_with_events(program, condition, now, zone, early):
    zone = zone or program.zone
    moment = dsl.Moment(now, zone, program)
    judge = dsl.compiled(condition, program)
    for person in PEOPLE:
        wanted = dsl.holds(condition, person, moment)
        since = moment.now - timedelta(hours=early)
        facts, _ = with_measures(person, condition, program, zone, since)

        assert dsl.holds(condition, facts, moment) is wanted
        assert judge(facts, moment) is wanted


@st.composite
def own_aggregates(draw):
    """Return an aggregate of events whose filter asks about nothing but their elements."""
    kind = draw(st.sampled_from([kind for _, kind in rules.SCALARS]))
    return draw(rules.aggregates(kind, None, 2).filter(lambda it: isinstance(it, Aggregate)))


@FEW
@given(
    own_aggregates().filter(lambda it: measures_of(it, dsl.Program(events=rules.EVENTS))),
    st.sampled_from(rules.NOWS),
    st.sampled_from(rules.ZONES),
    st.sampled_from((0, 1, 30, 1000)),
)
def test_values_are_the_same_with_measures_and_with_events(aggregate, now, zone, early):
    program = dsl.Program(zone=zone, events=rules.EVENTS, user=rules.USER)
    moment = dsl.Moment(now, zone, program)
    valuer = dsl.Compiler(program).value(aggregate)
    for person in PEOPLE:
        wanted = dsl.value(aggregate, person, moment)
        since = moment.now - timedelta(hours=early)
        facts, _ = with_measures(person, aggregate, program, zone, since)

        assert dsl.value(aggregate, facts, moment) == wanted
        assert valuer(facts, moment) == wanted


@FEW
@given(
    rules.programs(),
    rules.conditions(),
    st.sampled_from(rules.NOWS),
    st.sampled_from((0, 1, 30)),
)
def test_with_measures_too_no_day_before_the_next_change_gives_another_answer(
    program, condition, now, early
):
    if not is_daily(condition, program):
        return
    moment = dsl.Moment(now, program.zone, program)
    for person in PEOPLE[:12]:
        answer = dsl.holds(condition, person, moment)
        since = moment.now - timedelta(hours=early)
        facts, _ = with_measures(person, condition, program, program.zone, since)
        turns = dsl.next_change(condition, facts, moment)
        for days in DAYS:
            day = moment.first_instant(moment.today + timedelta(days=days))
            if turns is None or day < turns:
                later = dsl.Moment(day, program.zone, program)
                assert dsl.holds(condition, person, later) is answer


ORDERS = """
event order_placed { order_id: text  total: money USD
  items: list of { sku: text category: text brand: text quantity: number amount: money USD } }
event reviewed { sku: text  stars: number  on: date }
list snacks ["CHIPS"]
segment s { %s }
"""


def measures_in(condition):
    found = dsl.check([dsl.SourceFile("r", ORDERS % condition)])
    assert found.program is not None, found.diagnostics
    program = found.program
    return [
        measures_of(node, program)
        for node in nodes(program.segments["s"].condition)
        if isinstance(node, Aggregate) and isinstance(node.source, EventSource)
    ]


@pytest.mark.parametrize(
    "condition",
    [
        "count(order_placed, last 90 days) >= 4",
        "sum(order_placed.items.amount where category in snacks, this year) > 1 USD",
        'any(order_placed where any(items where category = "COFFEE"), since 2026-01-01)',
        "any(reviewed where stars > 3 and on < 2026-01-01, ever)",
    ],
)
def test_what_asks_an_event_about_itself_is_kept(condition):
    (measures,) = measures_in(condition)

    assert measures


@pytest.mark.parametrize(
    "condition",
    [
        "any(reviewed where sku = user.name, ever)",
        "any(reviewed where days_since(on) < 3, ever)",
        "any(reviewed where on = today, ever)",
        "any(order_placed where total > avg(order_placed.total, ever), ever)",
    ],
)
def test_what_asks_an_event_about_something_else_is_not(condition):
    assert measures_in(condition)[0] == ()


def test_minutes_and_hours_are_no_days():
    program = dsl.Program(events=rules.EVENTS)
    hours = Aggregate("count", EventSource("e"), (), None, Last(2, "hour"), NUMBER)

    assert measures_of(hours, program) == ()


def test_windows_and_what_is_counted_alike_share_a_measure():
    shared = measures_in(
        "count(order_placed, last 90 days) > 4 and any(order_placed, ever)"
        " and avg(order_placed.total, ever) > 2 USD and sum(order_placed.total, this year) > 9 USD"
    )

    (count,), (same,), (total, _), (also,) = shared
    assert count.id == same.id
    assert total.id == also.id != count.id


def test_another_filter_field_or_zone_is_another_measure():
    program = dsl.Program(events=rules.EVENTS)
    plain = Aggregate("sum", EventSource("e"), ("n",), None, Ever(), NUMBER)
    others = [
        Aggregate("sum", EventSource("f"), ("n",), None, Ever(), NUMBER),
        Aggregate("sum", EventSource("e"), ("box", "n"), None, Ever(), NUMBER),
        Aggregate("max", EventSource("e"), ("n",), None, Ever(), NUMBER),
    ]
    ids = {measures_of(each, program)[0].id for each in (plain, *others)}
    ids.add(measures_of(plain, dsl.Program(events=rules.EVENTS, zone="Asia/Tokyo"))[0].id)

    assert len(ids) == 5


def test_facts_are_not_asked_about_days_that_are_only_in_buckets():
    program = dsl.Program(events=rules.EVENTS)
    count = Aggregate("count", EventSource("e"), (), None, Ever(), NUMBER)
    live = frozenset(measure.id for measure in measures_of(count, program))
    now = datetime(2026, 3, 5, 12, tzinfo=UTC)
    facts = {"user": {}, "events": {}, "measures": Measured({}, live, since=now, zone="UTC")}

    with pytest.raises(LookupError):
        dsl.value(count, facts, dsl.Moment(now - timedelta(days=1), "UTC", program))
