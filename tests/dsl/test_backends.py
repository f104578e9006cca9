"""One meaning, several backends: interpreter, compiled Python and MongoDB answer alike."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pymongo
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dsl
from dsl.mongo.expressions import expression
from dsl.mongo.lookups import Lookups
from dsl.mongo.places import Place
from tests.dsl import random_rules as rules

DECLARATIONS = """
event order_placed {
  order_id: text  total: money USD
  items: list of { sku: text category: text brand: text quantity: number amount: money USD }
}
event review_posted { sku: text  stars: number }
attributes user {
  household_size: number  colour: one of ["red", "grün"]  vip: bool  joined: date
  budget: money USD  score: number  favourite: text  wake: time  seen: timestamp
}
list snacks ["CHIPS", "CANDY"]
segment big { user.household_size >= 3 }
segment big_fans { user in segment big and any(review_posted where stars = 5, ever) }
promotion p { when %s  take 10%% off cart }
"""
NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
LAYOUT = dsl.Layout(roots={"cart": "cart"}, days={"birthday": "birthday_day"}, documents=set())
# Kept at the top of a user's document; everything else is an attribute.
_ON_TOP = ("id", "consent", "tags", "birthday", "created_at", "timezone", "email")


def ago(**lengths):
    return NOW - timedelta(**lengths)


GOLD = {
    "user": {
        "household_size": 4,
        "colour": "grün",
        "vip": True,
        "joined": "2024-02-29",
        "budget": 105_000,
        "score": 2.5,
        "favourite": "$favourite",
        "wake": "09:30",
        "seen": ago(hours=30),
        "birthday": "1980-03-05",
        "tags": ["vip", "new", 7],
        "consent": {"email": True, "sms": False},
    },
    "events": {
        "order_placed": [
            {
                "time": ago(days=200),
                "total": 9_000,
                "items": [
                    {"category": "COFFEE", "quantity": 1, "amount": 400},
                    {"category": "CHIPS", "quantity": 2.5, "amount": 5_000},
                ],
            },
            {"time": ago(days=89), "total": 2_000, "items": "none"},
            {"time": ago(days=1), "total": 3_001, "items": [{"category": "COFFEE"}, None, 5]},
            {"time": ago(hours=-1), "total": 100_000},
        ],
        "review_posted": [
            {"time": ago(days=3), "stars": 5},
            {"time": ago(days=2), "stars": "5"},
            {"time": ago(days=1), "stars": 0.1},
            {"time": ago(minutes=59), "stars": 0.2},
        ],
    },
}
NOBODY = {"user": {}, "events": {}}
ODD = {
    "user": {
        "household_size": True,
        "colour": "pink",
        "vip": 1,
        "joined": "2024-02-30",
        "budget": 10.5,
        "score": float("nan"),
        "favourite": ["a"],
        "wake": "24:00",
        "seen": "2026-03-01",
        "birthday": 19800305,
        "tags": "vip",
        "consent": [{"email": True}],
    },
    "events": {"order_placed": [{"time": ago(days=1), "total": 20.0, "items": {"amount": 5}}]},
}

CORPUS = [
    # condition, for GOLD, for NOBODY, for ODD
    ("user.household_size >= 3", True, False, False),
    ("not user.household_size >= 3", False, True, True),
    # A missing fact satisfies no comparison, and its negation holds.
    ("user.household_size != 100", True, True, True),
    ("user.household_size is missing", False, True, True),
    ('user.colour = "grün"', True, False, False),
    ('user.colour not in ["red"]', True, True, True),
    ("user.colour is known", True, False, False),
    ("user.vip = true", True, False, False),
    ("user.consent.email = true", True, False, False),
    ("user.consent.push = true", False, False, False),
    # No stored or written text becomes a path or an operator.
    ('user.favourite = "$favourite"', True, False, False),
    ('user.favourite starts with "$"', True, False, False),
    ('user.favourite ends with "rite"', True, False, False),
    ('user.favourite contains "avo"', True, False, False),
    ('user.favourite matches "^.fav+[a-z]*$"', True, False, False),
    ("length(user.favourite) = 10", True, False, False),
    ('user.tags contains "vip"', True, False, False),
    ("length(user.tags) = 2", True, False, False),
    # Arithmetic: money is exact, 0.285 is 285/1000.
    ("user.budget * 0.285 = 299.25 USD", True, False, False),
    ("user.budget / 4 = 262.50 USD", True, False, False),
    # A double counts with fifteen digits there, which 2⁵³ - 1 exceeds.
    (
        "user.budget / 105_000 * (1 - 9_007_199_254_740_992) = -90071992547409.90 USD",
        *(True, False, False),
    ),
    ("user.budget / 0 = 1 USD", False, False, False),
    ("user.budget / 500 USD = 2.1", True, False, False),
    ("round(user.score) = 3 and round(-user.score) = -3", True, False, False),
    ("user.score + 1 > 3 and user.score * 2 = 5", True, False, False),
    ("greatest(user.score, user.household_size) = 4", True, False, False),
    # Days.
    ("user.joined + 1 day = 2024-03-01", True, False, False),
    ("days_until(user.birthday) = 0", True, False, False),
    ("years_since(user.joined) = 2 and years_since(user.birthday) = 46", True, False, False),
    ("days_since(user.seen) = 1 and hour(user.seen) = 6", True, False, False),
    ('weekday(user.seen) = "wednesday"', True, False, False),
    ("user.seen > 2026-03-04 and user.seen < now - 1 day", True, False, False),
    ("user.wake between 09:00 and 10:00", True, False, False),
    # Events: none after now, whole days, elements without the field skipped.
    ("count(order_placed, ever) = 3", True, False, False),
    ("count(order_placed, last 90 days) = 2", True, False, False),
    ("count(order_placed, last 89 days) = 1", True, False, True),
    ("count(review_posted, last 1 hours) = 1", True, False, False),
    ("sum(order_placed.total, ever) = 140.01 USD", True, False, False),
    ("sum(order_placed.total, ever) = 0 USD", False, True, True),
    ("avg(order_placed.total, ever) = 46.67 USD", True, False, False),
    ("avg(order_placed.total, ever) is missing", False, True, True),
    ("sum(review_posted.stars, last 2 days) = 0.3", True, False, False),
    ("max(review_posted.stars, ever) = 5", True, False, False),
    ("latest(order_placed.total, ever) = 30.01 USD", True, False, False),
    ("earliest(order_placed.total where total < 90 USD, ever) = 20 USD", True, False, False),
    ("distinct(order_placed.items.category, ever) = 2", True, False, False),
    ("count(order_placed.items, ever) = 3", True, False, False),
    ("sum(order_placed.items.quantity, this year) = 0", True, True, True),
    ("sum(order_placed.items.amount where category in snacks, ever) = 50 USD", True, False, False),
    ('latest(order_placed.items.category, ever) = "COFFEE"', True, False, False),
    ("any(order_placed where any(items where quantity > 2), ever)", True, False, False),
    ("any(order_placed where total > avg(order_placed.total, ever), ever)", True, False, False),
    ("count(order_placed where total > user.budget / 50, ever) = 2", True, False, False),
    # What is the same for all of a user's events is worked out once, before them.
    ("any(review_posted where user.favourite ends with sku, ever)", False, False, False),
    ("user in segment big_fans", True, False, False),
    ("user not in segment big_fans", False, True, True),
]


def checked(condition):
    """Return a condition written in the language, and the program it is in."""
    found = dsl.check([dsl.SourceFile("rules", DECLARATIONS % condition)])
    assert found.program is not None, found.diagnostics
    return found.program.promotions["p"].when, found.program


@pytest.fixture(scope="module")
def client(mongodb_uri):
    with pymongo.MongoClient(mongodb_uri, tz_aware=True) as client:
        yield client


@pytest.fixture(scope="module")
def collections(client):
    """Users and events for the corpus alone, with the index that events have."""
    return _prepared(client, "corpus")


class Crowd:
    """Not a dataclass: written out, a crowd is half a megabyte."""

    def __init__(self, people, collections):
        self.people = people
        self.collections = collections


@pytest.fixture(scope="module")
def crowd(client):
    """Many people with odd facts, stored once: every random program is judged on all of them."""
    found = Crowd(rules.crowd(seed=2026, size=150), _prepared(client, "crowd"))
    keep(found.people, found.collections)
    return found


def _prepared(client, name):
    client[name].events.create_index([("user", 1), ("name", 1), ("at", 1)])
    return client[name]


def in_python(condition, people, moment, collections):
    return [dsl.holds(condition, facts, moment) for facts in people]


def in_compiled_python(condition, people, moment, collections):
    judge = dsl.compiled(condition, moment.program)
    return [judge(facts, moment) for facts in people]


def in_mongo(condition, people, moment, collections):
    stages = dsl.to_mongo(condition, LAYOUT, moment)
    keep(people, collections)
    found = {user["_id"] for user in collections.users.aggregate(stages)}
    fitting = {
        user["_id"] for user in collections.users.find(dsl.prefilter(condition, LAYOUT, moment))
    }
    assert found <= fitting
    return [facts["user"]["id"] in found for facts in people]


def keep(people, collections):
    """Store people's facts as the services do."""
    users, events = [], []
    for facts in people:
        user_id = facts["user"]["id"]
        user = {"_id": user_id, "attributes": {}}
        for name, value in facts["user"].items():
            if name != "id":
                (user if name in _ON_TOP else user["attributes"])[name] = value
        if isinstance(user.get("birthday"), str):
            user["birthday_day"] = user["birthday"][5:10]
        users.append(user)
        for name, found in facts["events"].items():
            for place, fields in enumerate(found):
                data = {key: value for key, value in fields.items() if key != "time"}
                event = {"_id": f"{user_id}|{name}|{place}", "user": user_id, "name": name}
                events.append({**event, "at": fields["time"], "data": data})
    collections.users.delete_many({})
    collections.events.delete_many({})
    collections.users.insert_many(users)
    if events:
        collections.events.insert_many(events)


def named(people):
    return [
        {**facts, "user": {**facts["user"], "id": f"u{place}"}}
        for place, facts in enumerate(people)
    ]


@pytest.mark.parametrize("ask", [in_python, in_compiled_python, in_mongo])
@pytest.mark.parametrize(("text", "gold", "nobody", "odd"), CORPUS)
def test_all_backends_agree(ask, text, gold, nobody, odd, collections):
    condition, program = checked(text)
    moment = dsl.Moment(NOW, "UTC", program)

    answers = ask(condition, named([GOLD, NOBODY, ODD]), moment, collections)

    assert answers == [gold, nobody, odd]


@pytest.mark.parametrize(
    "text",
    [
        'lower(user.favourite) = "a"',
        "user.seen + 1 month > now",
        "user.seen > user.joined",
        'user.favourite matches "(a|b)+c"',
        "cart.subtotal > 5 USD",
    ],
)
def test_what_would_differ_in_the_database_is_refused_with_its_reason(text):
    condition, program = checked(text)

    with pytest.raises(dsl.NotPushable) as refused:
        dsl.to_mongo(condition, dsl.Layout(), dsl.Moment(NOW, "UTC", program))

    assert refused.value.reason
    assert refused.value.part is not None


def test_a_prefilter_holds_what_indexes_can_serve():
    condition, program = checked('user.household_size >= 3 and user.tags contains "vip"')

    found = dsl.prefilter(condition, LAYOUT, dsl.Moment(NOW, "UTC", program))

    assert found == {"$and": [{"attributes.household_size": {"$gte": 3}}, {"tags": {"$eq": "vip"}}]}


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("days_until(user.birthday) = 0", ["03-05"]),
        ("days_until(user.birthday) <= 2", ["03-05", "03-06", "03-07"]),
        ("days_until(user.birthday) = 360", ["02-28", "02-29"]),
        ("days_until(user.birthday) >= 364", ["03-04"]),
    ],
)
def test_anniversaries_are_looked_up_by_month_and_day(text, days):
    condition, program = checked(text)

    found = dsl.prefilter(condition, LAYOUT, dsl.Moment(NOW, "UTC", program))

    assert found == {"birthday_day": {"$in": days}}


def test_events_of_one_name_are_read_once():
    condition, program = checked(
        "count(order_placed, ever) > 1 and sum(order_placed.total, last 5 days) > 1 USD"
    )

    stages = dsl.to_mongo(condition, LAYOUT, dsl.Moment(NOW, "UTC", program))

    assert [stage for stage in stages if "$lookup" in stage] == stages[:1]


# --- random programs -----------------------------------------------------------------------------

# The ordinary run repeats the same cases; the long one looks for new ones.
FEW = settings(
    max_examples=400, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)
MANY = settings(max_examples=100_000, derandomize=False, suppress_health_check=list(HealthCheck))
KINDS = [kind for _, kind in rules.SCALARS if kind != rules.BOOL]

random_condition = given(
    rules.programs(), rules.conditions(), st.sampled_from(rules.NOWS), st.sampled_from(rules.ZONES)
)
random_value = given(
    st.sampled_from(KINDS).flatmap(rules.values),
    st.sampled_from(rules.NOWS),
    st.sampled_from(rules.ZONES),
)


def judge_everywhere(program, condition, now, zone, crowd):
    moment = dsl.Moment(now, zone, program)
    answers = {who["user"]["id"]: dsl.holds(condition, who, moment) for who in crowd.people}
    judge = dsl.compiled(condition, program)

    assert {who["user"]["id"]: judge(who, moment) for who in crowd.people} == answers
    with suppress(dsl.NotPushable):  # then nobody asks the database
        stages = dsl.to_mongo(condition, LAYOUT, moment)
        found = {user["_id"] for user in crowd.collections.users.aggregate(stages)}
        assert found == {user_id for user_id, answer in answers.items() if answer}
        fitting = crowd.collections.users.find(dsl.prefilter(condition, LAYOUT, moment), {"_id": 1})
        assert found <= {user["_id"] for user in fitting}


def compute_everywhere(expr, now, zone, crowd):
    moment = dsl.Moment(now, zone, dsl.Program(events=rules.EVENTS, user=rules.USER))
    lookups = Lookups(LAYOUT)
    try:
        term = expression(expr, Place(moment, LAYOUT, lookups.add))
    except dsl.NotPushable:
        return
    stages = [stage for one in lookups.in_order() for stage in one.stages(LAYOUT, moment.now)]
    stages.append({"$project": {"value": term.code}})
    users = crowd.collections.users.aggregate(stages)
    computed = {user["_id"]: user.get("value") for user in users}
    for who in crowd.people:
        wanted = dsl.value(expr, who, moment)
        found = computed[who["user"]["id"]]
        assert (dsl.MISSING if found is None else found) == wanted, who
        assert term.nullable or found is not None


@FEW
@random_condition
def test_random_conditions_hold_alike(crowd, program, condition, now, zone):
    judge_everywhere(program, condition, now, zone, crowd)


@FEW
@random_value
def test_random_values_are_the_same_to_the_last_bit(crowd, expr, now, zone):
    compute_everywhere(expr, now, zone, crowd)


@pytest.mark.long
@MANY
@random_condition
def test_very_many_random_conditions_hold_alike(crowd, program, condition, now, zone):
    judge_everywhere(program, condition, now, zone, crowd)


@pytest.mark.long
@MANY
@random_value
def test_very_many_random_values_are_the_same(crowd, expr, now, zone):
    compute_everywhere(expr, now, zone, crowd)
