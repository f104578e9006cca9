"""Measures in the database: folded there and read there, the same as in Python."""

from contextlib import suppress
from datetime import timedelta
from math import isnan

import pymongo
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dsl
from dsl.buckets import fits
from dsl.core import Aggregate, EventSource
from dsl.measures import measures_of
from dsl.mongo.expressions import expression
from dsl.mongo.folding import fold_stages, folding
from dsl.mongo.lookups import Lookups
from dsl.mongo.places import Place
from dsl.mongo.terms import NotPushable
from tests.dsl import random_rules as rules
from tests.dsl.test_measures import PEOPLE, aggregates_in, kept, own_aggregates
from tests.dsl.test_timing import DAYS, is_daily

LAYOUT = dsl.Layout()
FEW = settings(
    max_examples=120, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def database(mongodb_uri):
    """Everybody and their events, the last of them noted; measures are kept by each test."""
    with pymongo.MongoClient(mongodb_uri, tz_aware=True) as client:
        database = client["measures"]
        database.events.create_index([("user", 1), ("name", 1), ("at", 1)])
        for person in PEOPLE:
            attributes = {key: value for key, value in person["user"].items() if key != "id"}
            top = {
                name: attributes.pop(name)
                for name in ("consent", "tags", "birthday", "timezone")
                if name in attributes
            }
            user_id = person["user"]["id"]
            database.users.insert_one({"_id": user_id, "attributes": attributes, **top})
            for name, told in person["events"].items():
                for place, fields in enumerate(told):
                    data = {key: value for key, value in fields.items() if key != "time"}
                    key = f"{user_id}|{name}|{place}"
                    event = {"_id": key, "user": user_id, "name": name, "at": fields["time"]}
                    database.events.insert_one({**event, "data": data})
        yield database


def folded_there(measures, program, database):
    """Return every user's buckets by measure, as MongoDB folds their events."""
    found = {}
    names = {measure.source.event for measure in measures}
    for name in names:
        foldings = [folding(m, LAYOUT, program) for m in measures if m.source.event == name]
        stages = [{"$match": {"name": name}}, *fold_stages(foldings, LAYOUT)]
        for row in database.events.aggregate(stages):
            user, day = row.pop("_id").values()
            assert row.pop("last")
            for measure, value in row.items():
                found.setdefault(user, {}).setdefault(measure, {})[day] = value
    return found


def keep(found, database):
    """Store buckets where the services do, and when each user's last event was."""
    writes = []
    for person in PEOPLE:
        user_id = person["user"]["id"]
        times = [event["time"] for told in person["events"].values() for event in told]
        facts = {"measures": found.get(user_id, {})}
        if times:
            facts["last"] = max(times)
        writes.append(pymongo.UpdateOne({"_id": user_id}, {"$set": {"facts": facts}}))
    database.users.bulk_write(writes)


def same(one, other):
    if isinstance(one, float) and isnan(one):
        return isinstance(other, float) and isnan(other)
    if isinstance(one, list):
        return set(one) == set(other) and len(one) == len(other)
    return one == other


def pushable(measures, program):
    for measure in measures:
        with suppress(NotPushable):
            folding(measure, LAYOUT, program)
            yield measure


@FEW
@given(
    own_aggregates().filter(lambda it: measures_of(it, dsl.Program(events=rules.EVENTS))),
    st.sampled_from(rules.NOWS),
    st.sampled_from(rules.ZONES),
    st.sampled_from((0, 3000)),
)
def test_days_and_what_is_read_from_them_are_the_same_there(database, aggregate, now, zone, early):
    program = dsl.Program(zone=zone, events=rules.EVENTS, user=rules.USER)
    measures = list(pushable(measures_of(aggregate, program), program))
    if not measures:
        return
    there = folded_there(measures, program, database)
    unfit = set()
    for person in PEOPLE:
        here, odd = kept(person, measures, program)
        unfit |= odd
        found = there.get(person["user"]["id"], {})
        for measure in measures:
            days = found.get(measure.id, {})
            assert days.keys() == here[measure.id].keys()
            assert all(same(value, days[day]) for day, value in here[measure.id].items())
            assert fits_alike(measure, here[measure.id], days)
    keep(there, database)

    layout = dsl.Layout(measures=frozenset(m.id for m in measures) - unfit)
    moment = dsl.Moment(now + timedelta(hours=early), zone, program)
    lookups = Lookups(layout)
    term = expression(aggregate, Place(moment, layout, lookups.add))
    stages = [stage for one in lookups.in_order() for stage in one.stages(layout, moment.now)]
    computed = {
        user["_id"]: user.get("value")
        for user in database.users.aggregate([*stages, {"$project": {"value": term.code}}])
    }
    for person in PEOPLE:
        wanted = dsl.value(aggregate, person, moment)
        found = computed[person["user"]["id"]]
        assert (dsl.MISSING if found is None else found) == wanted
        assert term.nullable or found is not None


def fits_alike(measure, here, there):
    return all(fits(measure.slot, here[day]) is fits(measure.slot, there[day]) for day in here)


@FEW
@given(rules.programs(), rules.conditions(), st.sampled_from(rules.NOWS))
def test_random_conditions_hold_alike_with_measures(database, program, condition, now):
    aggregates = [
        node
        for node, _ in aggregates_in(condition, program)
        if isinstance(node, Aggregate) and isinstance(node.source, EventSource)
    ]
    measures = {m.id: m for each in aggregates for m in measures_of(each, program)}
    possible = list(pushable(measures.values(), program))
    unfit = set().union(*(kept(person, possible, program)[1] for person in PEOPLE))
    keep(folded_there(possible, program, database), database)
    moment = dsl.Moment(now, program.zone, program)
    layout = dsl.Layout(measures=frozenset(m.id for m in possible) - unfit)
    with suppress(NotPushable):
        stages = dsl.to_mongo(condition, layout, moment)
        found = {user["_id"] for user in database.users.aggregate(stages)}
        wanted = {p["user"]["id"] for p in PEOPLE if dsl.holds(condition, p, moment)}
        assert found == wanted
    if is_daily(condition, program):
        with suppress(NotPushable):
            stages = dsl.to_mongo_next_change({"c": condition}, layout, moment)
            turns = {user["_id"]: user["next"] for user in database.users.aggregate(stages)}
            for person in PEOPLE[:12]:
                no_day_is_another(person, condition, moment, turns.get(person["user"]["id"]))


def no_day_is_another(person, condition, moment, turns):
    """The same answer comes until time or an event that lies ahead can change it."""
    told = [event["time"] for events in person["events"].values() for event in events]
    ahead = min((at for at in told if at > moment.now), default=None)
    answer = dsl.holds(condition, person, moment)
    for days in DAYS:
        day = moment.first_instant(moment.today + timedelta(days=days))
        if (turns is None or day < turns) and (ahead is None or day < ahead):
            later = dsl.Moment(day, moment.zone, moment.program)
            assert dsl.holds(condition, person, later) is answer


def test_nothing_is_looked_up_where_nobody_is_ahead():
    program = dsl.Program(events=rules.EVENTS)
    aggregate = Aggregate("any", EventSource("e"), (), None, dsl.core.Ever(), rules.BOOL)
    moment = dsl.Moment(rules.NOW, "UTC", program)
    live = frozenset(measure.id for measure in measures_of(aggregate, program))

    certain = dsl.to_mongo(aggregate, dsl.Layout(measures=live, ahead=False), moment)
    doubtful = dsl.to_mongo(aggregate, dsl.Layout(measures=live), moment)

    assert not any("$lookup" in stage for stage in certain)
    assert [stage["$lookup"]["localField"] for stage in doubtful if "$lookup" in stage] == ["_e0u"]
