"""Journeys that would start each other for ever are known beforehand, and only those."""

import pytest

import dsl
from engine.circles import circles

DECLARED = """
event praised { sku: text }
attributes user { mood: number }
segment happy { user.mood > 3 }
segment regulars { user.tags contains "regular" }
segment praising { count(praised, ever) > 1 }
segment glad { user in segment happy }
"""


@pytest.mark.parametrize(
    ("triggers", "endless"),
    [
        ("trigger a { on praised  then { emit praised { sku: event.sku } } }", {"a"}),
        ("trigger a { on praised  then { wait 1 day  emit praised { sku: event.sku } } }", set()),
        # Down, up, down: two that undo each other.
        (
            "trigger a { when user enters segment happy  then { set user.mood to 0 } }"
            "trigger b { when user leaves segment glad  then { set user.mood to 9 } }",
            {"a", "b"},
        ),
        (
            "trigger a { when user enters segment happy  then { set user.mood to 0 } }"
            "trigger b { when user leaves segment glad  limit 1 per user"
            "  then { set user.mood to 9 } }",
            set(),
        ),
        # Whoever is out has to come in again before the trigger starts again.
        ("trigger a { when user enters segment happy  then { set user.mood to 0 } }", set()),
        # By way of an event.
        (
            "trigger a { when user enters segment praising  then { set user.mood to 9 } }"
            'trigger b { when user enters segment happy  then { emit praised { sku: "A" } } }',
            {"a", "b"},
        ),
        # Another tag is no matter.
        (
            'trigger a { when user enters segment regulars  then { tag "greeted" } }'
            'trigger b { when user leaves segment regulars  then { tag "missed" } }',
            set(),
        ),
        (
            'trigger a { when user enters segment regulars  then { untag "regular" } }'
            'trigger b { when user leaves segment regulars  then { tag "regular" } }',
            {"a", "b"},
        ),
    ],
)
def test_what_starts_itself_again_at_once_is_found(triggers, endless):
    checked = dsl.check([dsl.SourceFile("rules", DECLARED + triggers)])
    assert checked.program is not None, checked.diagnostics

    assert set(circles(checked.program)) == endless
