"""Which segments an event can concern, and when time alone changes who is in them."""

from datetime import UTC, datetime, timedelta

import pytest

import dsl
from engine.membership import Watch, watch_of
from models.event import Event
from tests.dsl.checking import checked

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
RULES = """
event viewed { category: text  amount: money USD }
list drinks ["TEA", "COFFEE"]
segment tea { count(viewed where category = "TEA", last 30 days) >= 2 }
segment dear { any(viewed where amount > 100 USD, this year) }
segment lookers { any(viewed, last 7 days) }
segment drinkers { sum(order_placed.items.quantity where category in drinks, last 30 days) > 3 }
segment quiet { not any(viewed, last 30 days) }
segment tea_and_more { user in segment tea and user.points > 5 }
"""


def program_of(rules: str) -> dsl.Program:
    found = checked(rules, facts="")
    assert found.program is not None, found.diagnostics
    return found.program


@pytest.fixture(scope="module")
def watch() -> Watch:
    return watch_of(program_of(RULES))


def event(name: str, **data: object) -> Event:
    return Event(
        id="api|1", name=name, user_id="ann", at=NOW, received_at=NOW, publication=1, data=data
    )


@pytest.mark.parametrize(
    ("told", "segments"),
    [
        (event("viewed", category="TEA", amount=500), {"tea", "tea_and_more"}),
        (event("viewed", category="MUGS", amount=50_000), {"dear"}),
        (event("viewed"), set()),
        (event("order_placed", items=[{"category": "COFFEE", "quantity": 1}]), {"drinkers"}),
        (event("order_placed", items=[{"category": "MUGS", "quantity": 1}]), set()),
        (event("order_placed", items="none"), set()),
    ],
)
def test_an_event_concerns_only_segments_whose_filters_it_passes(watch, told, segments):
    always = {"lookers", "quiet"} if told.name == "viewed" else set()

    assert watch.concerned(watch.changed_by(told)) == segments | always


def test_an_event_that_no_segment_asks_about_changes_nothing(watch):
    assert watch.changed_by(event("cart_updated")) == frozenset()


def test_another_program_knows_the_same_filter_by_the_same_name(watch):
    other = watch_of(
        program_of(
            """
            event viewed { category: text  amount: money USD  more: text }
            segment others { count(viewed where category = "TEA", this month) > 9 }
            """
        )
    )

    assert watch.concerned(other.changed_by(event("viewed", category="TEA"))) == {
        "tea",
        "tea_and_more",
    }


def test_time_is_asked_only_where_it_can_change_something(watch):
    moment = dsl.Moment(NOW, "UTC", watch.program)
    two = [{"category": "TEA", "time": NOW - timedelta(days=days)} for days in (3, 1)]
    facts = {"user": {"points": 0}, "events": {"viewed": two}}

    inside = watch.next_change(["tea"], {"tea"}, facts, moment)
    outside = watch.next_change(["tea"], set(), {"user": {}, "events": {}}, moment)
    quiet = watch.next_change(["quiet"], set(), facts, moment)

    assert inside is not None
    assert inside.date().isoformat() == "2026-03-29"
    assert outside is None
    assert quiet is not None
