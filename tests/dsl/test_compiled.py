"""What compiled code is made of. That it answers as the interpreter does: test_backends.py."""

import warnings
from datetime import UTC, datetime
from types import MappingProxyType

import pytest

import dsl
from dsl.compiled import compiled
from dsl.core import Aggregate, Apply, Const, EventSource, Last, Ref
from dsl.kinds import BOOL, NUMBER, TEXT
from dsl.program import Program

MOMENT = dsl.Moment(datetime(2026, 3, 5, tzinfo=UTC), "UTC", Program())


@pytest.mark.parametrize("text", ['__import__("os")', "get0", "judge", "\ud800", "'\"\\\n"])
def test_what_a_rule_says_is_only_ever_a_constant(text):
    same = Apply("=", (Ref("user", (text,), TEXT), Const(text, TEXT)), BOOL)

    judge = compiled(same, Program())

    assert judge({"user": {text: text}}, MOMENT)
    assert not judge({"user": {text: text + "x"}}, MOMENT)


def test_python_warns_of_nothing_in_what_is_written():
    condition = Apply("is known", (Const(3, NUMBER),), BOOL)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert compiled(condition, Program())({}, MOMENT)


def test_code_reaches_no_builtins():
    judge = compiled(Apply("is known", (Ref("user", ("a",), TEXT),), BOOL), Program())

    assert judge.__globals__["__builtins__"] == {}


NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
PERSON = {"user": {"points": 3}, "events": {"e": [{"time": NOW, "n": 1}, {"time": NOW, "n": 2}]}}
COUNT = Aggregate("count", EventSource("e"), (), None, Last(9, "day"), NUMBER)
POINTS = Ref("user", ("points",), NUMBER)


@pytest.mark.parametrize("operator", ["=", "<", "<=", ">", ">="])
@pytest.mark.parametrize("bound", [-1, 0, 1, 2, 3, 2**63])
@pytest.mark.parametrize("left", [COUNT, POINTS], ids=["count", "fact"])
def test_comparisons_with_literals_are_those_of_the_interpreter(operator, bound, left):
    moment = dsl.Moment(NOW, "UTC", Program())
    for arguments in ((left, Const(bound, NUMBER)), (Const(bound, NUMBER), left)):
        condition = Apply(operator, arguments, BOOL)

        judge = compiled(condition, Program())

        assert judge(PERSON, moment) is dsl.holds(condition, PERSON, moment)


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"user": None, "events": None},
        {"user": [], "events": {"e": {}}},
        {"user": "x", "events": {"e": "xy"}},
        {"user": {"points": True}, "events": {"e": [None, 1, "x", {}, {"time": None}]}},
        {"user": {"points": 2**64}, "events": {"e": ({"time": NOW.replace(tzinfo=None)},)}},
        {"user": {"points": float("nan")}, "events": {"e": [{"time": "2026-03-05"}]}},
        {"user": MappingProxyType({"points": 2.5}), "events": [{"time": NOW}]},
    ],
)
@pytest.mark.parametrize("at", [NOW, datetime.max.replace(tzinfo=UTC)])
def test_over_odd_facts_the_tree_is_walked(facts, at):
    moment = dsl.Moment(at, "UTC", Program())
    for left in (COUNT, POINTS):
        for operator in ("<", ">="):
            condition = Apply(operator, (left, Const(1, NUMBER)), BOOL)

            judge = compiled(condition, Program())

            assert judge(facts, moment) is dsl.holds(condition, facts, moment)
