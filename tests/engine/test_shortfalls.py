"""Rules that are one condition short: those that asking one after the other would find."""

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

import dsl
from dsl.core import Aggregate, Apply, Const, ListSource, Ref
from dsl.kinds import BOOL, NUMBER, TEXT, ListOf, Record
from engine.matching import Condition, Shortfalls

PROGRAM = dsl.Program()
MOMENT = dsl.Moment(datetime(2026, 3, 5, tzinfo=UTC), "UTC", PROGRAM)
FACTS = ("a", "b", "c")
HOLDS = {
    ">=": lambda seen, bound: seen >= bound,
    ">": lambda seen, bound: seen > bound,
    "<=": lambda seen, bound: seen <= bound,
    "<": lambda seen, bound: seen < bound,
}


def compare(name, operator, bound):
    ref = Ref("user", (name,), NUMBER)
    return Condition(Apply(operator, (ref, Const(bound, NUMBER)), BOOL))


def called(name):
    return Condition(Apply("=", (Ref("user", ("name",), TEXT), Const(name, TEXT)), BOOL))


def nearest(rules, user, among=None, most=100):
    short = Shortfalls(enumerate(rules), dsl.Compiler(PROGRAM))
    places = range(len(rules)) if among is None else among
    return short.nearest({"user": user}, lambda _: MOMENT, places, most)


# Everything is asked by two at least, as what only one asks is judged without looking up.
USUAL = [[compare(name, ">=", 0)] for name in FACTS for _ in range(2)]
RULES = st.lists(
    st.dictionaries(
        st.sampled_from(FACTS), st.tuples(st.sampled_from(tuple(HOLDS)), st.integers(0, 20))
    ),
    max_size=8,
)


@given(RULES, st.fixed_dictionaries({name: st.integers(0, 20) for name in FACTS}))
@settings(max_examples=300, deadline=None)
def test_those_that_fail_one_test_come_by_how_far_they_are_off(asked, user):
    rules = [*USUAL, *([compare(name, *test) for name, test in each.items()] for each in asked)]

    found = nearest(rules, user)

    expected = []
    for place, each in enumerate(asked, len(USUAL)):
        failed = [
            (abs(bound - user[name]) / max(bound, user[name], 1), abs(bound - user[name]))
            for name, (operator, bound) in each.items()
            if not HOLDS[operator](user[name], bound)
        ]
        if len(failed) == 1 and (failed[0][0] <= 0.5 or failed[0][1] <= 1):
            expected.append((failed[0][0], place))
    assert found == [place for _, place in sorted(expected)]


def test_only_those_asked_about_are_found():
    rules = [[compare("a", ">=", 8)], [compare("a", ">=", 9)]]

    assert nearest(rules, {"a": 7}) == [0, 1]
    assert nearest(rules, {"a": 7}, among=[1]) == [1]


def test_of_one_value_only_the_nearest_are_looked_at():
    rules = [[compare("a", ">=", bound)] for bound in (12, 9, 11, 10, 400)]

    assert nearest(rules, {"a": 8}, most=2) == [1, 3]


def test_what_is_no_number_comes_last():
    rules = [[called("ann")], [called("bob")], [compare("a", ">=", 9)], [compare("a", ">=", 0)]]

    assert nearest(rules, {"a": 8, "name": "bob"}) == [2, 0]


def test_a_list_without_something_is_one_thing_short():
    items = Ref("cart", ("items",), ListOf(Record((("k", TEXT),))))
    where = Apply("=", (Ref("element", ("k",), TEXT), Const("TEA", TEXT)), BOOL)
    count = Aggregate("count", ListSource(items), (), where, None, NUMBER)
    some = Apply(">=", (count, Const(1, NUMBER)), BOOL)

    # That there must be a TEA at all follows from it, and is no second thing.
    assert nearest([[Condition(some)], [Condition(some)]], {}) == [0, 1]
