"""When time alone can turn a condition: never later than said, and seldom much earlier."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dsl
from dsl.core import Aggregate, Last, Now
from dsl.walking import nodes
from tests.dsl import random_rules as rules
from tests.dsl.test_backends import checked

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
NEVER = None


def next_day(text, zone="UTC", **user):
    events = user.pop("events", {})
    condition, program = checked(text)
    moment = dsl.Moment(NOW, zone, dsl.Program(**{**vars_of(program), "zone": zone}))
    found = dsl.next_change(condition, {"user": user, "events": events}, moment)
    return found and moment.local(found).date().isoformat()


def vars_of(program):
    return {name: getattr(program, name) for name in program.__slots__}


def orders(*days_ago):
    return {"order_placed": [{"time": NOW - timedelta(days=days)} for days in days_ago]}


@pytest.mark.parametrize(
    ("text", "user", "turns"),
    [
        ("user.household_size >= 3", {"household_size": 4}, NEVER),
        # Anniversaries.
        ("days_until(user.birthday) <= 7", {"birthday": "1980-03-20"}, "2026-03-13"),
        ("days_until(user.birthday) <= 7", {"birthday": "1980-03-07"}, "2026-03-08"),
        ("days_until(user.birthday) <= 7", {"birthday": "1980-03-05"}, "2026-03-06"),
        ("days_until(user.birthday) = 0", {"birthday": "1980-02-29"}, "2027-02-28"),
        ("days_until(user.birthday) <= 7", {}, NEVER),
        ("years_since(user.birthday) >= 18", {"birthday": "2008-06-01"}, "2026-06-01"),
        ("years_since(user.birthday) >= 18", {"birthday": "2000-06-01"}, NEVER),
        ("days_since(user.joined) > 30", {"joined": "2026-03-01"}, "2026-04-01"),
        ("days_since(user.joined) = 4", {"joined": "2026-03-01"}, "2026-03-06"),
        ("user.joined <= today - 30 days", {"joined": "2026-03-01"}, "2026-03-31"),
        ("user.joined between 2026-01-01 and today", {"joined": "2027-01-01"}, "2027-01-01"),
        ('weekday(today) = "monday"', {}, "2026-03-06"),
        # What is compared with a missing operand is false, and no answer that stays.
        (
            "(user.score > 0) != false or days_since(user.joined) < 3",
            {"joined": "2026-03-04"},
            "2026-03-07",
        ),
        # Windows: the oldest event leaves.
        ("count(order_placed, last 90 days) >= 2", {"events": orders(80, 10)}, "2026-03-15"),
        ("count(order_placed, last 2 weeks) >= 2", {"events": orders(80, 13)}, "2026-03-06"),
        ("count(order_placed, last 1 months) >= 2", {"events": orders(5)}, "2026-03-28"),
        ("count(order_placed, this month) >= 2", {"events": orders(1)}, "2026-04-01"),
        ("count(order_placed, this year) >= 2", {"events": orders(1)}, "2027-01-01"),
        ("count(order_placed, last 90 days) >= 2", {"events": orders(100)}, NEVER),
        ("count(order_placed, ever) >= 2", {"events": orders(100)}, NEVER),
        ("count(order_placed, since 2026-01-01) >= 2", {"events": orders(3)}, NEVER),
        # What decides and stays leaves nothing to wait for.
        (
            "user.household_size >= 3 and days_until(user.birthday) <= 7",
            {"household_size": 2, "birthday": "1980-03-20"},
            NEVER,
        ),
        (
            "days_since(user.joined) > 30 and days_until(user.birthday) <= 7",
            {"joined": "2026-03-01", "birthday": "1980-03-20"},
            "2026-04-01",
        ),
        (
            "user.household_size >= 3 or days_until(user.birthday) <= 7",
            {"household_size": 4, "birthday": "1980-03-20"},
            NEVER,
        ),
    ],
)
def test_the_day_is_found(text, user, turns):
    assert next_day(text, **user) == turns


def test_a_day_begins_when_the_zones_clocks_say():
    condition, program = checked("days_since(user.joined) > 2")
    program = dsl.Program(**{**vars_of(program), "zone": "America/New_York"})
    moment = dsl.Moment(datetime(2026, 3, 7, 12, tzinfo=UTC), program.zone, program)

    found = [
        dsl.next_change(condition, {"user": {"joined": joined}}, moment)
        for joined in ("2026-03-05", "2026-03-06")
    ]

    # On 8 March their clocks go forward.
    assert found == [
        datetime(2026, 3, 8, 5, tzinfo=UTC),
        datetime(2026, 3, 9, 4, tzinfo=UTC),
    ]


def test_an_event_ahead_counts_when_its_time_comes():
    condition, program = checked("count(order_placed, ever) >= 1")
    soon = NOW + timedelta(minutes=3)
    facts = {"user": {}, "events": {"order_placed": [{"time": soon}]}}

    assert dsl.next_change(condition, facts, dsl.Moment(NOW, "UTC", program)) == soon


def test_what_no_day_changes_is_known_beforehand():
    found = {
        text: dsl.changes_by_time(*checked(text))
        for text in (
            "user.household_size >= 3 and count(order_placed, ever) > 2",
            "count(order_placed, last 3 days) > 2",
            "years_since(user.birthday) >= 18",
            "user.joined < today",
            "user in segment big_fans",
        )
    }

    assert list(found.values()) == [False, True, True, True, False]


# --- random programs -----------------------------------------------------------------------------

FEW = settings(
    max_examples=150, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)
PEOPLE = rules.crowd(seed=7, size=25)
DAYS = (1, 2, 3, 5, 7, 8, 15, 29, 31, 33, 60, 91, 200, 340, 366, 400)


def is_daily(expr, program):
    """Whether segments may have it: neither `now` nor minutes nor hours."""
    found = [expr, *(segment.condition for segment in program.segments.values())]
    return not any(
        isinstance(node, Now)
        or (isinstance(node, Aggregate) and node.window in (Last(2, "hour"), Last(30, "minute")))
        for each in found
        for node in nodes(each)
    )


@FEW
@given(
    rules.programs(),
    rules.conditions(),
    st.sampled_from(rules.NOWS),
    st.sampled_from(rules.ZONES),
)
def test_until_then_no_day_gives_another_answer(program, condition, now, zone):
    if not is_daily(condition, program):
        return
    program = dsl.Program(**{**vars_of(program), "zone": zone})
    moment = dsl.Moment(now, zone, program)
    for facts in PEOPLE:
        turns = dsl.next_change(condition, facts, moment)
        answer = dsl.holds(condition, facts, moment)
        assert dsl.next_change(condition, facts, moment, holds=answer) == turns
        for days in DAYS:
            day = moment.first_instant(moment.today + timedelta(days=days))
            if turns is None or day < turns:
                later = dsl.holds(condition, facts, dsl.Moment(day, zone, program))
                assert later is answer, (facts, days, turns)
        assert turns is None or turns > moment.now


@pytest.mark.parametrize(
    ("text", "does"),
    [
        ("count(order_placed, last 90 days) >= 2", True),
        ("any(order_placed, this month) and user.household_size >= 3", True),
        ("user.household_size >= 3", True),
        ("count(order_placed, last 90 days) < 2", False),
        ("not any(order_placed, last 30 days)", False),
        ("sum(order_placed.total, last 30 days) > 5 USD", False),  # refunds would be negative
        ("days_until(user.birthday) <= 7", False),
    ],
)
def test_what_time_can_only_end_is_known(text, does):
    condition, program = checked(text)

    assert dsl.fades(condition, program) is does


@FEW
@given(
    rules.programs(),
    rules.conditions(),
    st.sampled_from(rules.NOWS),
    st.sampled_from(rules.ZONES),
)
def test_what_fades_and_does_not_hold_never_will_by_time_alone(program, condition, now, zone):
    program = dsl.Program(**{**vars_of(program), "zone": zone})
    if not is_daily(condition, program) or not dsl.fades(condition, program):
        return
    moment = dsl.Moment(now, zone, program)
    for person in PEOPLE:
        facts = {**person, "events": past(person.get("events", {}), now)}
        if dsl.holds(condition, facts, moment):
            continue
        for days in DAYS:
            day = moment.first_instant(moment.today + timedelta(days=days))
            assert not dsl.holds(condition, facts, dsl.Moment(day, zone, program)), (facts, days)


def past(events, now):
    """Return events without those that lie ahead."""
    return {
        name: [
            event
            for event in found
            if not isinstance(event.get("time"), datetime) or event["time"] <= now
        ]
        for name, found in events.items()
        if isinstance(found, list)
    }
