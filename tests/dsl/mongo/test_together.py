"""Several conditions in one pass answer as each alone; time is looked ahead never too far."""

from datetime import timedelta

import pymongo
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dsl
from tests.dsl import random_rules as rules
from tests.dsl.test_backends import LAYOUT, NOW, checked, keep, named
from tests.dsl.test_timing import DAYS, is_daily, vars_of

FEW = settings(
    max_examples=150, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)
DAY = timedelta(days=1)


class Crowd:
    """Not a dataclass: written out, a crowd is half a megabyte."""

    def __init__(self, people, collections):
        self.people = people
        self.collections = collections


@pytest.fixture(scope="module")
def collections(mongodb_uri):
    with pymongo.MongoClient(mongodb_uri, tz_aware=True) as client:
        client.together.events.create_index([("user", 1), ("name", 1), ("at", 1)])
        yield client.together


@pytest.fixture(scope="module")
def crowd(collections):
    found = Crowd(rules.crowd(seed=2027, size=80), collections)
    keep(found.people, collections)
    return found


def ask(conditions, moment, collections):
    stages = dsl.to_mongo_together(conditions, LAYOUT, moment)
    return {user["_id"]: set(user["names"]) for user in collections.users.aggregate(stages)}


def test_one_lookup_serves_all_and_only_those_who_need_it(collections):
    texts = {
        "many": "user.household_size >= 3 and count(order_placed, ever) >= 2",
        "dear": 'user.colour = "red" and sum(order_placed.total, last 9 days) > 5 USD',
    }
    found = {name: checked(text) for name, text in texts.items()}
    moment = dsl.Moment(NOW, "UTC", found["many"][1])

    stages = dsl.to_mongo_together({n: c for n, (c, _) in found.items()}, LAYOUT, moment)

    (lookup,) = (stage["$lookup"] for stage in stages if "$lookup" in stage)
    assert lookup["localField"] != "_id"


@FEW
@given(
    rules.programs(),
    st.lists(rules.conditions(), min_size=1, max_size=4),
    st.sampled_from(rules.NOWS),
    st.sampled_from(rules.ZONES),
)
def test_random_conditions_hold_together_as_alone(crowd, program, conditions, now, zone):
    moment = dsl.Moment(now, zone, program)
    asked = {}
    for place, condition in enumerate(conditions):
        try:
            dsl.to_mongo(condition, LAYOUT, moment)
        except dsl.NotPushable:
            continue
        asked[f"c{place}"] = condition
    if not asked:
        return

    found = ask(asked, moment, crowd.collections)

    for who in crowd.people:
        holding = {name for name, each in asked.items() if dsl.holds(each, who, moment)}
        assert found.get(who["user"]["id"], set()) == holding


@FEW
@given(
    rules.programs(),
    rules.conditions(),
    st.sampled_from(rules.NOWS),
    st.sampled_from(rules.ZONES),
)
def test_the_database_looks_ahead_never_too_far(crowd, program, condition, now, zone):
    if not is_daily(condition, program):
        return
    program = dsl.Program(**{**vars_of(program), "zone": zone})
    moment = dsl.Moment(now, zone, program)
    try:
        stages = dsl.to_mongo_next_change({"c": condition}, LAYOUT, moment)
    except dsl.NotPushable:
        return
    turns = {user["_id"]: user["next"] for user in crowd.collections.users.aggregate(stages)}
    for who in crowd.people[:20]:
        ahead = [at for events in who["events"].values() for at in times(events) if at > now]
        turn = turns.get(who["user"]["id"])
        answer = dsl.holds(condition, who, moment)
        for days in DAYS:
            day = moment.first_instant(moment.today + timedelta(days=days))
            if (turn is None or day < turn) and not any(at <= day for at in ahead):
                later = dsl.holds(condition, who, dsl.Moment(day, zone, program))
                assert later is answer, (who, days, turn)


def times(events):
    return [event["time"] for event in events if "time" in event]


@pytest.mark.parametrize(
    ("text", "user", "earliest", "latest"),
    [
        ("days_until(user.birthday) <= 7", {"birthday": "1980-04-20"}, 35, 39),
        ("years_since(user.birthday) >= 46", {"birthday": "1981-03-01"}, 355, 362),
        ("days_since(user.joined) > 30", {"joined": "2026-03-01"}, 20, 27),
        ("days_since(user.joined) > 30", {"joined": "2020-03-01"}, None, None),
        ("days_until(user.birthday) <= 7", {}, None, None),
        (
            'user.colour = "red" and days_until(user.birthday) <= 7',
            {"birthday": "1980-03-20", "colour": "grün"},
            None,
            None,
        ),
        ("count(order_placed, last 90 days) >= 2", {}, 78, 81),
        ("count(order_placed, this year) >= 2", {}, 301, 302),
        ("count(review_posted, this year) >= 2", {}, None, None),
    ],
)
def test_the_database_seldom_looks_too_early(text, user, earliest, latest, collections):
    condition, program = checked(text)
    people = named([{"user": user, "events": {"order_placed": [{"time": NOW - 10 * DAY}]}}])
    keep(people, collections)

    stages = dsl.to_mongo_next_change({"c": condition}, LAYOUT, dsl.Moment(NOW, "UTC", program))
    found = list(collections.users.aggregate(stages))

    if earliest is None:
        assert not found
    else:
        (one,) = found
        assert NOW + earliest * DAY - DAY <= one["next"] <= NOW + latest * DAY
