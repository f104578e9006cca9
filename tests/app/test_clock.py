"""Business time and wall time."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from app.clock import Clock
from models.errors import Invalid

ANCHOR = datetime(2026, 11, 22, 10, tzinfo=UTC)


def test_without_words_both_clocks_are_one() -> None:
    with time_machine.travel(ANCHOR, tick=False):
        assert Clock.parse("").now() == Clock.parse("").wall() == ANCHOR


def test_a_replay_runs_fast_until_it_catches_up() -> None:
    clock = Clock.parse("2026-11-15T10:00:00Z@2026-11-22T11:00:00+01:00*60")
    week = timedelta(days=7)

    with time_machine.travel(ANCHOR, tick=False):
        assert clock.now() == ANCHOR - week
    with time_machine.travel(ANCHOR + timedelta(hours=1), tick=False):
        assert clock.now() == ANCHOR - week + timedelta(hours=60)
        assert clock.wall() == ANCHOR + timedelta(hours=1)
    with time_machine.travel(ANCHOR + week, tick=False):
        assert clock.now() == clock.wall()


@pytest.mark.parametrize(
    "text", ["noon", "2026-11-15T10:00:00@2026-11-22T10:00:00Z", "2026-11-15T10:00:00Z*0"]
)
def test_a_clock_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="clock"):
        Clock.parse(text)
