"""Expressions: names, types, units and windows, and what they are lowered to."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest

from dsl import Layout, Moment, NotPushable, Settings, compiled, holds, to_mongo
from dsl.clauses import Length
from dsl.core import (
    Aggregate,
    AllOf,
    Apply,
    Const,
    EventSource,
    Last,
    ListSource,
    Not,
    Ref,
)
from dsl.kinds import BOOL, DATE, DURATION, NUMBER, TEXT, TIMESTAMP, ListOf, Money
from tests.dsl.checking import checked, findings, segment, steps, when, words

# The first instant of 1 March in Berlin.
MIDNIGHT = datetime(2026, 2, 28, 23, tzinfo=UTC)


def condition(text):
    found = checked(segment(text))
    assert found.program is not None, [d.message for d in found.diagnostics]
    return found.program.segments["s"].condition


SAYABLE = [
    "user.age > 30",
    "user.age - 1 > 2 * user.kids",
    "user.salary * 2 > 100 USD",
    "user.salary / 2 > 100 USD - 1 USD",
    "user.salary / 10 USD > 3",
    "2 * user.salary >= 0.5 * user.salary",
    'user.band = "old"',
    'user.band in ["old"]',
    "user.name not in snacks",
    'user.tags contains "vip"',
    '"vip" in user.tags',
    'user.name contains "x" and user.name starts with "y" and user.name ends with "z"',
    'user.email matches "@example\\\\.test$"',
    "user.birthday is known",
    "user.birthday is missing",
    "user.consent.email",
    "user.consent.email = true",
    "not user.consent.sms",
    "user.joined > 2026-03-01",
    "user.joined < today",
    "user.joined + 30 days < today",
    "user.joined < today - 1 month",
    "user.seen > 2026-03-01",
    "user.seen > 2026-03-01T09:00+08:00",
    "user.seen + 90 minutes > 2026-03-01T09:00",
    "user.wakes > 06:30",
    "user.patience > 3 days",
    "user.shares > 15%",
    "days_until(user.birthday) = 0",
    "years_since(user.birthday) >= 18",
    "days_since(user.seen) < 30 or days_since(user.joined) < 30",
    'lower(user.name) = "ann"',
    "length(user.name) > 3 and length(user.tags) > 1",
    "round(user.age / 10) = 3",
    "least(user.age, user.kids, 3) > greatest(1, user.kids)",
    "hour(user.seen) between 9 and 17",
    'weekday(user.joined) = "monday"',
    "count(order_placed, last 90 days) >= 4",
    "count(order_placed where total > 50 USD, this month) >= 4",
    "any(order_placed, ever)",
    "sum(order_placed.total, since 2026-01-01) > 100 USD",
    "avg(order_placed.total, last 2 weeks) > 100 USD",
    "max(order_placed.total, last 2 months) > min(order_placed.total, ever)",
    "distinct(order_placed.store, this year) > 2",
    'latest(order_placed.store, ever) = "X"',
    "days_since(earliest(order_placed.time, ever)) > 365",
    'sum(order_placed.items.amount where category = "COFFEE", this week) > 1 USD',
    "count(order_placed.items where quantity > 3, this day) > 0",
    "any(order_placed where any(items where category in snacks), ever)",
    'any(order_placed where coupons contains "X", ever)',
    "count(order_placed where store = user.name, ever) > 1",
    "user in segment regulars and user not in segment regulars or user.age > 1",
    "avg(review_posted.stars, ever) > 3",
    "user.salary = 1_000.50 USD",
    "-user.age < -3",
]


@pytest.mark.parametrize("text", SAYABLE)
def test_what_a_segment_may_say(text):
    found = checked(segment(text))

    assert found.program is not None, [d.message for d in found.diagnostics]


@pytest.mark.parametrize("text", SAYABLE)
def test_what_is_checked_can_be_asked_of_anybody(text):
    program = checked(segment(text)).program
    moment = Moment(datetime(2026, 3, 1, tzinfo=UTC), "UTC", program)

    assert holds(program.segments["s"].condition, {}, moment) in (True, False)
    with suppress(NotPushable):
        assert to_mongo(program.segments["s"].condition, Layout(), moment)


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("usr.age > 3", "E201 usr"),
        ("user.aeg > 3", "E201 aeg"),
        ("user.consent.fax", "E201 fax"),
        ("user.age.years > 3", "E201 years"),
        ("age > 3", "E201 age"),
        ("user.likes.first > 3", "E201 first"),
        ("order_placed > 3", "E201 order_placed"),
        ("regulars", "E201 regulars"),
        ("user.age", "E220 user.age"),
        ("user", "E220 user"),
        ("not user.age", "E220 user.age"),
        ("user.age > 3 and user.name", "E220 user.name"),
        ('user.age > "3"', 'E220 user.age > "3"'),
        ("user.name > 3", "E220 user.name > 3"),
        ('user.name > "x"', 'E220 user.name > "x"'),
        ("user.consent.email > true", "E220 user.consent.email > true"),
        ("user.salary > 3", "E220 user.salary > 3"),
        ("user.shares > 3", "E220 user.shares > 3"),
        ("user.joined > 3", "E220 user.joined > 3"),
        ('user.joined = "2026-03-01"', 'E220 user.joined = "2026-03-01"'),
        ("user.wakes > 2026-03-01", "E220 user.wakes > 2026-03-01"),
        ("user.tags = user.likes", "E220 user.tags = user.likes"),
        ('user.tags = "x"', 'E220 user.tags = "x"'),
        ("user.salary > 3 EUR", "E221 user.salary > 3 EUR"),
        ("user.salary + 3 EUR > 1 USD", "E221 user.salary + 3 EUR"),
        ("user.salary > 3 EURO", "E101 EURO"),
        ("user.salary > 3 XXY", "E222 3 XXY"),
        ("user.salary > 1.234 USD", "E223 1.234 USD"),
        ("user.salary > 1.5 JPY", "E223 1.5 JPY"),
        ('user.band = "odl"', 'E224 "odl"'),
        ('user.band in ["old", "odl"]', 'E224 "odl"'),
        ("user.age + user.salary > 1", "E220 user.age + user.salary"),
        ("user.salary * user.salary > 1 USD", "E220 user.salary * user.salary"),
        ("2 / user.salary > 1", "E220 2 / user.salary"),
        ("user.joined - user.joined > 3", "E220 user.joined - user.joined"),
        ("user.joined + 3 hours > today", "E220 user.joined + 3 hours"),
        ("user.joined + 3 > today", "E220 user.joined + 3"),
        ("15% * user.salary > 1 USD", "E220 15% * user.salary"),
        ('-user.name = "x"', "E220 -user.name"),
        ('user.age in [1, "x"]', 'E220 "x"'),
        ("user.salary in [1 USD, 2 EUR]", "E221 2 EUR"),
        ("user.age in snacks", "E220 user.age in snacks"),
        ("user.name in snaks", "E205 snaks"),
        ("user.name in regulars", "E205 regulars"),
        ("user.name in user.age", "E220 user.age"),
        ("user.age contains 3", "E220 user.age contains 3"),
        ("user.name contains 3", "E220 3"),
        ("user.tags contains 3", "E220 user.tags contains 3"),
        ('user.age starts with "3"', 'E220 user.age starts with "3"'),
        ('user.name matches "("', 'E230 "("'),
        ('user.name matches "(a)\\\\1"', 'E230 "(a)\\\\1"'),
        ("user in segment regularz", "E203 regularz"),
        ("user in segment welcome", "E203 welcome"),
        ("user.name in segment regulars", "E220 user.name"),
        ("days_until(user.age) = 0", "E220 user.age"),
        ("days_until(user.joined, today) = 0", "E225 days_until(user.joined, today)"),
        ("days_untill(user.joined) = 0", "E207 days_untill"),
        ("least(user.age) = 0", "E225 least(user.age)"),
        ("least(user.age, user.joined) = 0", "E220 least(user.age, user.joined)"),
        ("least(user.name, user.name) = user.name", "E220 user.name"),
        ("least(user.salary, 3 EUR) = 1 USD", "E221 least(user.salary, 3 EUR)"),
        ("length(user.age) = 1", "E220 user.age"),
        ("cart.quantity > 3", "E208 cart"),
        ("event.total > 3 USD", "E208 event"),
        ("user.seen < now", "E208 now"),
    ],
)
def test_what_a_segment_may_not_say(text, finding):
    assert findings(segment(text)) == [finding]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("count(order_placed) > 3", "E227 count(order_placed)"),
        ("count(user.tags, last 3 days) > 3", "E228 last 3 days"),
        ("count(order_placed, last 3 hours) > 3", "E228 last 3 hours"),
        ("count(order_placed, last 30 minutes) > 3", "E228 last 30 minutes"),
        ("count(order_placed, last 2 years) > 3", "E229 last 2 years"),
        ("count(order_placed, last 0 days) > 3", "E229 0"),
        ("count(order_placed, last 1.5 days) > 3", "E101 1.5"),
        ("count(order_placed.total, ever) > 3", "E226 order_placed.total"),
        ("sum(order_placed, ever) > 3", "E226 order_placed"),
        ("sum(order_placed.store, ever) > 3", "E226 order_placed.store"),
        ("avg(order_placed.time, ever) > 3", "E226 order_placed.time"),
        ("max(order_placed.store, ever) > 3", "E226 order_placed.store"),
        ("latest(order_placed.items, ever) = 3", "E226 order_placed.items"),
        ("sum(order_placed.totl, ever) > 3 USD", "E201 totl"),
        ("sum(order_placed.items.amout, ever) > 3 USD", "E201 amout"),
        ("sum(order_plcaed.total, ever) > 3 USD", "E202 order_plcaed"),
        ("count(snacks, ever) > 3", "E202 snacks"),
        ("count(user.age) > 3", "E220 user.age"),
        ("count(cart.items) > 3", "E208 cart"),
        ('count(order_placed where stroe = "X", ever) > 3', "E201 stroe"),
        ("count(order_placed where store, ever) > 3", "E220 store"),
        ("count(order_placed where time > now, ever) > 3", "E208 now"),
        ("min(user.age, user.kids) > 3", "E101 user.kids"),
        ("round(user.age, last 3 days) > 3", "E225 round(user.age, last 3 days)"),
        ("exists(order_placed, ever)", "E207 exists"),
    ],
)
def test_how_an_aggregate_goes_wrong(text, finding):
    assert findings(segment(text)) == [finding]


def test_one_mistake_is_said_once_however_much_follows_from_it():
    text = "sum(order_placed.totl, ever) * 2 + 3 > foo and not (user.aeg + 1 > 3 USD)"

    assert findings(segment(text)) == ["E201 totl", "E201 foo", "E201 aeg"]


def test_a_suggestion_names_the_nearest_known_name():
    assert "`user.age`" in words(segment("user.aeg > 3"))
    assert "`user.age`" in words(segment("age > 3"))
    assert "`order_placed`" in words(segment("any(order_place, ever)"))
    assert "`snacks`" in words(segment("user.name in snaks"))
    assert "`days_until`" in words(segment("days_untill(user.joined) = 0"))
    assert '`"3"`' in words(segment("user.name = 3"))
    assert "`3 USD`" in words(segment("user.salary > 3"))
    assert "`15%`" in words(segment("user.shares > 15"))
    assert "count(order_placed" in words(segment("order_placed > 3"))


def test_sugar_is_gone_after_lowering():
    age = Ref("user", ("age",), NUMBER)

    assert condition("user.age != 3") == Not(Apply("=", (age, Const(3, NUMBER)), BOOL))
    assert condition("user.age == 3") == Apply("=", (age, Const(3, NUMBER)), BOOL)
    assert condition("user.age between 1 and 2") == AllOf(
        (Apply(">=", (age, Const(1, NUMBER)), BOOL), Apply("<=", (age, Const(2, NUMBER)), BOOL))
    )
    assert condition("user.age is missing") == Not(Apply("is known", (age,), BOOL))
    assert condition("user.age not in [1, 2]") == Not(
        Apply("in", (age, Const((1, 2), ListOf(NUMBER))), BOOL)
    )
    name = Ref("user", ("name",), TEXT)
    assert condition("user.name in snacks") == Apply(
        "in", (name, Const(("CANDY", "NUTS"), ListOf(TEXT))), BOOL
    )


@pytest.mark.parametrize(
    ("condition", "facts", "answer"),
    [
        ("user.seen in [2026-03-01, 2026-03-05]", {"seen": MIDNIGHT}, True),
        ("user.seen not in [2026-03-01, 2026-03-05]", {"seen": MIDNIGHT}, False),
        ("user.seen in [2026-03-02]", {"seen": MIDNIGHT}, False),
        ("user.joined in [2026-03-01T00:00]", {"joined": "2026-03-01"}, True),
        ("user.joined in [2026-03-01T00:01]", {"joined": "2026-03-01"}, False),
        ("user.joined not in [2026-03-01T00:00]", {}, True),
    ],
)
def test_in_a_list_too_a_date_beside_a_timestamp_stands_for_its_first_instant(
    condition, facts, answer
):
    program = checked(segment(condition), Settings(zone="Europe/Berlin")).program

    moment = Moment(MIDNIGHT, "Europe/Berlin", program)
    judged = program.segments["s"].condition
    assert holds(judged, {"user": facts}, moment) is answer
    assert compiled(judged, program)({"user": facts}, moment) is answer


def test_no_timestamp_is_looked_for_in_a_stored_list_of_dates():
    facts = "attributes user { days: list of date  instants: list of timestamp }"

    assert findings(segment("user.created_at in user.days"), facts=facts) == [
        "E220 user.created_at in user.days"
    ]
    assert findings(segment("user.instants contains user.birthday"), facts=facts) == [
        "E220 user.instants contains user.birthday"
    ]
    assert findings(segment("user.days contains user.birthday"), facts=facts) == []


def test_literals_are_kept_as_they_are_stored():
    def literal(text):
        match condition(text):
            case Apply(_, (_, const)):
                return const

    assert literal("user.salary > 12.5 USD") == Const(1250, Money("USD"))
    assert literal("user.age > 12.5") == Const(12.5, NUMBER)
    assert literal("user.age > -3") == Const(-3, NUMBER)
    assert literal("user.joined > 2026-03-01") == Const("2026-03-01", DATE)
    assert literal("user.patience > 2 hours") == Const(7200, DURATION)
    assert literal("user.joined < today - 1 month").arguments[1] == Const(
        Length(1, "month"), DURATION
    )
    eight = datetime(2026, 3, 1, 8, tzinfo=UTC)
    assert literal("user.seen > 2026-03-01T09:00+01:00") == Const(eight, TIMESTAMP)


def test_a_time_without_an_offset_is_read_in_the_zone_of_its_place():
    rules = """promotion p { when now > 2026-03-01T09:00  take 1% off cart
      active from 2026-01-01 in "Asia/Shanghai" }
    promotion q { when now > 2026-03-01T09:00  take 1% off cart }"""
    program = checked(rules, Settings(zone="Europe/Berlin")).program

    at = [program.promotions[name].when.arguments[1].value for name in "pq"]
    assert at == [datetime(2026, 3, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, 8, tzinfo=UTC)]


def test_a_bare_name_is_a_field_of_the_innermost_element():
    lowered = condition("any(order_placed where any(items where quantity > 1), last 60 days)")

    match lowered:
        case Aggregate("any", EventSource("order_placed", ()), (), inner, Last(60, "day")):
            assert isinstance(inner, Aggregate)
            assert inner.source.ref.path == ("items",)
            assert inner.source.ref.root == "element"
            assert inner.where.arguments[0] == Ref("element", ("quantity",), NUMBER)
        case _:
            pytest.fail(repr(lowered))


def test_the_elements_of_a_list_within_events_are_aggregated_together():
    lowered = condition("sum(order_placed.items.amount, ever) > 1 USD")

    aggregate = lowered.arguments[0]
    assert aggregate.source == EventSource("order_placed", ("items",))
    assert aggregate.value == ("amount",)
    assert aggregate.kind == Money("USD")


def test_a_filter_of_lines_reaches_out_to_the_user_and_the_cart():
    rules = """promotion p { take 10% off items where material = user.name and
      price > cart.subtotal / 10 and category in snacks and on_sale and now > user.seen }"""

    assert findings(rules) == []


def test_lists_of_the_cart_are_aggregated_without_a_window():
    program = checked(when("sum(cart.items.quantity where category in snacks) >= 3")).program

    aggregate = program.promotions["p"].when.arguments[0]
    assert isinstance(aggregate.source, ListSource)
    assert aggregate.window is None


def test_a_filter_that_would_go_over_everything_again_and_again_is_refused():
    inner = "any(cart.items where quantity > 1 and any(cart.items where quantity > 2))"
    text = f"any(cart.items where {inner})"

    assert "E200" in {finding[:4] for finding in findings(when(text))}


def test_the_event_that_started_a_trigger_is_known_in_its_steps_only_then():
    assert findings(steps('if event.total > 20 USD { tag "x" }')) == []
    assert findings(steps('if event.totl > 20 USD { tag "x" }')) == ["E201 totl"]
    assert findings(steps('if event.total > 20 USD { tag "x" }', "every day at 09:00")) == [
        "E208 event"
    ]
    assert findings(steps('if cart.quantity > 2 { tag "x" }')) == ["E208 cart"]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("user.age > 1 and user.kids > 2 or user.age < 0", "W301"),
        ("user.age > 1 or user.kids > 2 and user.age < 0", "W301"),
    ],
)
def test_and_beside_or_without_parentheses_is_a_warning(text, finding):
    assert findings(segment(text)) == [f"W301 {text}"]
    assert findings(segment("(user.age > 1 and user.kids > 2) or user.age < 0")) == []


def test_counting_lines_is_pointed_out():
    assert findings(when("count(cart.items) > 3")) == ["I401 count(cart.items)"]
    assert findings(when("cart.quantity > 3")) == []


def test_an_amount_multiplied_by_its_quantity_is_a_warning():
    rules = "promotion p {{ take 10% off items where {} > 10 USD }}"

    assert findings(rules.format("amount * quantity")) == ["W305 amount * quantity"]
    assert findings(rules.format("quantity * price")) == ["W305 quantity * price"]
    assert findings(rules.format("price * 2")) == []
