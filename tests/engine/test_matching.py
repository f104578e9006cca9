"""The index finds exactly the rules that asking one after the other finds."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dsl
from dsl.core import Aggregate, AllOf, AnyOf, Apply, Const, ListSource, Not, Now, Ref
from dsl.kinds import BOOL, NUMBER, TEXT, TIMESTAMP, ListOf
from engine.matching import Condition, Index
from engine.matching.sets import bits, chosen
from tests.dsl import random_rules as rules

PEOPLE = rules.crowd(seed=7, size=40)
PROGRAM = dsl.Program(events=rules.EVENTS, user=rules.USER)


def naive(asked, facts, moment_in, element=dsl.MISSING):
    return [
        place
        for place, conditions in enumerate(asked)
        if all(dsl.holds(one.expr, facts, moment_in(one.zone), element) for one in conditions)
    ]


def index_of(asked, program=PROGRAM):
    return Index(enumerate(asked), dsl.Compiler(program))


# --- what rules nearly always ask ----------------------------------------------------------------

LABELS = ListOf(TEXT)
ITEMS = Ref("user", ("items",), ListOf(rules.LINE))
WORDS = st.sampled_from(rules.WORDS)
SMALL = st.integers(-2, 4) | st.sampled_from((0.5, 1.5, 2.0, -0.0, 2**63 - 1))


def compare(operator, left, right):
    return Apply(operator, (left, right), BOOL)


def user(name):
    return Ref("user", (name,), dict(rules.USER.fields)[name])


def of_items(function, word, value=(), kind=NUMBER, more=None):
    where = compare("=", Ref("element", ("k",), TEXT), Const(word, TEXT))
    where = AllOf((where, more)) if more else where
    return Aggregate(function, ListSource(ITEMS), value, where, None, kind)


COMPARISONS = st.sampled_from(("=", "<", "<=", ">", ">="))
NUMBERS = SMALL.map(lambda number: Const(number, NUMBER))
MANY = st.lists(WORDS, min_size=1, max_size=3).map(lambda words: Const(tuple(words), LABELS))
USUAL = st.one_of(
    st.builds(compare, COMPARISONS, st.just(user("n")), NUMBERS),
    st.builds(compare, COMPARISONS, NUMBERS, st.just(user("n"))),
    st.builds(lambda word: compare("=", user("s"), Const(word, TEXT)), WORDS),
    st.builds(lambda many: compare("in", user("s"), many), MANY),
    st.builds(lambda word: compare("contains", user("tags"), Const(word, TEXT)), WORDS),
    st.sampled_from((user("b"), Apply("is known", (user("n"),), BOOL))),
    st.builds(
        lambda at: compare(">=", Now(), Const(at, TIMESTAMP)), st.sampled_from(rules.INSTANTS)
    ),
    st.builds(of_items, st.just("any"), WORDS, kind=st.just(BOOL)),
    st.builds(
        lambda word: of_items(
            "any",
            word,
            kind=BOOL,
            more=compare(">", Ref("element", ("q",), NUMBER), Const(1, NUMBER)),
        ),
        WORDS,
    ),
    st.builds(
        lambda operator, word, bound: compare(operator, of_items("count", word), bound),
        COMPARISONS,
        WORDS,
        NUMBERS,
    ),
    st.builds(
        lambda operator, word, bound: compare(operator, of_items("sum", word, ("q",)), bound),
        COMPARISONS,
        WORDS,
        NUMBERS,
    ),
)
NESTED = st.recursive(
    USUAL,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, max_size=3).map(tuple).map(AllOf),
        st.lists(inner, max_size=3).map(tuple).map(AnyOf),
    ),
    max_leaves=5,
)
ZONES = st.sampled_from((None, "Asia/Tokyo"))
CONDITIONS = st.lists(
    st.builds(Condition, st.one_of(NESTED, NESTED, rules.conditions(depth=1)), ZONES), max_size=3
)
FEW = settings(
    max_examples=150, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)


def check(asked, now):
    index = index_of(asked)
    moment = dsl.Moment(now, "UTC", PROGRAM)
    moments = {None: moment, "Asia/Tokyo": moment.in_zone("Asia/Tokyo")}
    for facts in PEOPLE:
        assert index.match(facts, moments.get) == naive(asked, facts, moments.get)


random_rules = given(st.lists(CONDITIONS, max_size=30), st.sampled_from(rules.NOWS))


@FEW
@random_rules
def test_the_index_finds_what_asking_every_rule_finds(asked, now):
    check(asked, now)


@pytest.mark.long
@settings(max_examples=20_000, derandomize=False, suppress_health_check=list(HealthCheck))
@random_rules
def test_the_index_finds_it_in_very_many_cases(asked, now):
    check(asked, now)


# --- by hand -------------------------------------------------------------------------------------

SIZES = st.integers(1, 300)


@given(SIZES.flatmap(lambda size: st.tuples(st.just(size), st.sets(st.integers(0, size - 1)))))
def test_sets_give_back_their_members_in_order(case):
    size, members = case

    assert chosen([f"m{at}" for at in range(size)], bits(members)) == [
        f"m{at}" for at in sorted(members)
    ]


def test_a_test_that_many_rules_share_is_made_once_and_only_while_it_matters():
    asked = []
    odd = compare("starts with", user("s"), Const("a", TEXT))

    class Facts(dict):
        def get(self, name, default=None):
            asked.append(name)
            return super().get(name, default)

    rules_ = [
        (Condition(compare("=", user("n"), Const(at % 2, NUMBER))), Condition(odd))
        for at in range(9)
    ]
    index = index_of(rules_)
    moment = dsl.Moment(rules.NOW, "UTC", PROGRAM)

    found = index.match({"user": Facts(n=1, s="ab")}, lambda _: moment)
    assert found == [1, 3, 5, 7]
    assert asked == ["n", "s"]
    asked.clear()
    assert index.match({"user": Facts(n=7, s="ab")}, lambda _: moment) == []
    assert asked == ["n"]


def test_an_empty_index_finds_nothing():
    assert index_of([]).match({}, lambda _: None) == []


def test_a_rule_without_conditions_is_always_found():
    assert index_of([(), ()]).match({}, lambda _: None) == [0, 1]


def test_what_an_event_says_of_itself_is_the_element():
    coffee = compare("=", Ref("element", ("k",), TEXT), Const("COFFEE", TEXT))
    inside = Aggregate(
        "any", ListSource(Ref("element", ("items",), ListOf(rules.LINE))), (), coffee, None, BOOL
    )
    index = index_of([(Condition(inside),), (Condition(coffee),)])
    moment = dsl.Moment(rules.NOW, "UTC", PROGRAM)

    assert index.match({}, lambda _: moment, {"items": [{"k": "COFFEE"}]}) == [0]
    assert index.match({}, lambda _: moment, {"k": "COFFEE"}) == [1]
