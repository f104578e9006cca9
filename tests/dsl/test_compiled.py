"""What compiled code is made of. That it answers as the interpreter does: test_backends.py."""

from datetime import UTC, datetime

import pytest

import dsl
from dsl.compiled import compiled
from dsl.core import Apply, Const, Ref
from dsl.kinds import BOOL, TEXT
from dsl.program import Program

MOMENT = dsl.Moment(datetime(2026, 3, 5, tzinfo=UTC), "UTC", Program())


@pytest.mark.parametrize("text", ['__import__("os")', "get0", "judge", "\ud800", "'\"\\\n"])
def test_what_a_rule_says_is_only_ever_a_constant(text):
    same = Apply("=", (Ref("user", (text,), TEXT), Const(text, TEXT)), BOOL)

    judge = compiled(same, Program())

    assert judge({"user": {text: text}}, MOMENT)
    assert not judge({"user": {text: text + "x"}}, MOMENT)


def test_code_reaches_no_builtins():
    judge = compiled(Apply("is known", (Ref("user", ("a",), TEXT),), BOOL), Program())

    assert judge.__globals__["__builtins__"] == {}
