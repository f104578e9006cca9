"""Runs along their steps, without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

import dsl
from dsl import Moment
from engine.chance import arm_of
from engine.journeys import Advance, receive, resume
from engine.plans import Plan, plan_of
from engine.playbook import playbook_of
from engine.starting import admit, begin, listeners, started, starts
from models.effect import Effect
from models.event import Event
from models.experiment import HOLDOUT, Dealt
from models.run import Run, RunState

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday
EVENTS = """
event cart_updated { total: money USD }
event clicked { link: text }
attributes user { size: number }
promotion p { codes unique  take 10% off cart }
"""
USER = {"id": "ann", "email": "ann@example.test", "consent": {"email": True}, "tags": []}


class Journey:
    """One trigger, one user, one run."""

    def __init__(self, body: str, **user: Any) -> None:
        source = EVENTS + "trigger t { on cart_updated  " + body + " }"
        checked = dsl.check([dsl.SourceFile("t.rules", source)])
        assert checked.program is not None, checked.diagnostics
        self.program = checked.program
        self.plan: Plan = plan_of(self.program.triggers["t"])
        self.facts: dict[str, Any] = {"user": USER | user, "events": {}}
        self.run: Run = begin(self.plan.trigger, told("cart_updated"), None, self.program)
        self.codes = 0
        self.done: list[tuple[str, str]] = []

    def moment(self, now: datetime) -> Moment:
        return Moment(now=now, zone="UTC", program=self.program)

    def go(self, now: datetime = NOW) -> Run:
        return self._keep(resume(self.run, self.plan, self.facts, self.moment(now), self.code))

    def effects(self, now: datetime) -> list[Effect]:
        advance = resume(self.run, self.plan, self.facts, self.moment(now), self.code)
        self._keep(advance)
        return list(advance.effects)

    def hear(self, event: Event) -> Run | None:
        advance = receive(self.run, self.plan, event, self.facts, self.moment(event.at), self.code)
        return None if advance is None else self._keep(advance)

    def code(self) -> str:
        self.codes += 1
        return f"CODE-{self.codes}"

    def _keep(self, advance: Advance) -> Run:
        self.run, self.facts = advance.run, dict(advance.facts)
        self.done += [(e.kind.value, e.template or str(dict(e.data))) for e in advance.effects]
        return self.run


def told(name: str, at: datetime = NOW, **data: Any) -> Event:
    return Event(
        id=f"api|{name}-{at.isoformat()}",
        name=name,
        user_id="ann",
        at=at,
        received_at=at,
        publication=1,
        data={"total": 2500} | data if name == "cart_updated" else data,
    )


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def test_steps_are_done_in_order_up_to_the_first_wait():
    journey = Journey('then { tag "a" send email "x" wait 2 hours send email "y" }')

    run = journey.go()

    assert journey.done == [("tag", "{'tag': 'a'}"), ("message", "x")]
    assert (run.state, run.due_at, run.acted) == (RunState.WAITING, NOW + hours(2), True)
    run = journey.go(NOW + hours(2))
    assert journey.done[2:] == [("message", "y")]
    assert (run.state, run.due_at) == (RunState.DONE, None)


def test_codes_that_were_granted_go_with_what_is_sent_after():
    journey = Journey('then { send email "a" grant p for 3 days wait 1 hour send email "b" }')

    sent = journey.effects(NOW) + journey.effects(NOW + hours(1))

    first, granted, last = sent
    assert "codes" not in first.data
    assert granted.data["expires_at"] == NOW + timedelta(days=3)
    assert last.data["codes"] == {"p": granted.data["code"]} == {"p": "CODE-1"}


def test_what_is_emitted_is_in_stored_form_and_unknown_facts_are_left_out():
    journey = Journey(
        "then { emit clicked { link: user.name } emit cart_updated { total: 5 USD } }"
    )

    unknown, known = journey.effects(NOW)

    assert unknown.data == {"event": "clicked", "data": {}}
    assert known.data == {"event": "cart_updated", "data": {"total": 500}}


def test_points_that_were_awarded_count_at_once():
    journey = Journey(
        'then { award 1 point  if user.points >= 3 { send email "three" } }', points=2
    )

    journey.go()

    assert journey.done == [("award", "{'points': 1}"), ("message", "three")]


def test_later_steps_see_what_earlier_ones_changed():
    journey = Journey(
        'then { tag "a" set user.size to 3'
        ' if user.tags contains "a" and user.size = 3 { send email "yes" } }'
    )

    journey.go()

    assert journey.done[-1] == ("message", "yes")
    assert journey.facts["user"]["size"] == 3


@pytest.mark.parametrize(("total", "template"), [(2500, "big"), (900, "small")])
def test_if_takes_one_way_and_goes_on_after_it(total, template):
    journey = Journey(
        'then { if event.total > 10 USD { send email "big" } else { send email "small" }'
        ' send email "after" }'
    )
    journey.run = replace(journey.run, event={"total": total, "time": NOW})

    journey.go()

    assert [what for _, what in journey.done] == [template, "after"]


def test_stop_ends_the_run_wherever_it_stands():
    journey = Journey('then { if event.total > 0 USD { stop } send email "x" }')

    assert journey.go().state is RunState.DONE
    assert journey.done == []
    assert not journey.run.acted


def test_an_arm_of_a_split_is_the_same_every_time():
    body = 'then { split s { 50% a { send email "a" } 50% b { send email "b" } } send email "c" }'
    seen = set()
    for name in ("u1", "u2", "u3", "u4", "u5", "u6"):
        journeys = [Journey(body), Journey(body)]
        for journey in journeys:
            journey.run = replace(journey.run, user_id=name)
            journey.go()
        assert journeys[0].done == journeys[1].done
        assert journeys[0].done[1:] == [("message", "c")]
        seen.add(journeys[0].done[0])
    assert len(seen) == 2


def test_wait_until_means_the_users_clock():
    journey = Journey('then { wait until 09:00 send email "x" }', timezone="America/New_York")

    assert journey.go().due_at == datetime(2026, 3, 2, 14, tzinfo=UTC)


def test_wait_for_takes_one_way_when_the_event_comes_and_the_other_when_it_does_not():
    body = (
        'then { wait for clicked as it where link = "a" up to 1 day'
        ' { if it.link = "a" { send email "yes" } } else { send email "no" } send email "end" }'
    )
    came, missed = Journey(body), Journey(body)
    came.go()
    missed.go()

    assert came.hear(told("clicked", NOW + hours(1), link="b")) is None
    came.hear(told("clicked", NOW + hours(2), link="a"))
    missed.go(NOW + hours(24))

    assert [what for _, what in came.done] == ["yes", "end"]
    assert [what for _, what in missed.done] == ["no", "end"]


def test_quiet_hours_move_a_send_to_their_end():
    journey = Journey('quiet 11:00 to 13:30 then { tag "a" send email "x" send email "y" }')

    run = journey.go()
    assert (run.due_at, len(journey.done)) == (NOW + hours(1.5), 1)
    journey.go(NOW + hours(1.5))

    assert [what for _, what in journey.done[1:]] == ["x", "y"]


def test_an_event_from_before_the_wait_does_not_end_it():
    journey = Journey('then { wait 2 hours unless clicked send email "x" }')
    journey.go()

    assert journey.hear(told("clicked", NOW - hours(1))) is None
    run = journey.hear(told("clicked", NOW + hours(1)))

    assert run is not None
    assert (run.state, run.reason) == (RunState.ENDED, "event clicked")


@pytest.mark.parametrize(
    ("body", "late", "begins"),
    [
        ("", 0, True),
        ("", 24, True),
        ("", 25, False),
        ("active from 2026-03-01 to 2026-03-02", 0, True),
        ("active from 2026-03-03", 0, False),
        ("for user.size > 2", 0, False),
    ],
)
def test_an_event_starts_a_run_in_time_in_its_window_for_its_audience(body, late, begins):
    journey = Journey(body + " then { stop }")
    event = replace(told("cart_updated"), received_at=NOW + hours(late))

    assert starts(journey.plan.trigger, event, journey.facts, journey.moment(NOW)) is begins


@pytest.mark.parametrize(
    ("reenter", "acted", "start", "replaces"),
    [
        ("", False, True, 1),
        ("", True, False, 0),
        ("reenter never", False, False, 0),
        ("reenter restart", True, True, 1),
        ("reenter parallel", True, True, 0),
    ],
)
def test_a_start_while_a_run_is_under_way(reenter, acted, start, replaces):
    journey = Journey(reenter + " then { wait 1 day }")
    waiting = replace(journey.go(), acted=acted)

    admission = admit(journey.plan.trigger, [waiting], NOW + hours(1), "UTC")

    assert (admission.start, len(admission.replaces)) == (start, replaces)


def test_only_runs_that_did_something_count_against_a_limit():
    journey = Journey("limit 1 per user then { stop }")
    idle = replace(journey.run, state=RunState.DONE, ended_at=NOW)
    acted = replace(idle, acted=True)

    assert admit(journey.plan.trigger, [idle], NOW + hours(1), "UTC").start
    assert not admit(journey.plan.trigger, [acted], NOW + hours(1), "UTC").start


@pytest.mark.parametrize(("acted", "starts_anew"), [(False, True), (True, False)])
def test_what_a_replaced_run_did_counts_against_the_limit(acted, starts_anew):
    journey = Journey("reenter restart limit 1 per user then { wait 1 day }")
    waiting = replace(journey.go(), acted=acted)

    admission = admit(journey.plan.trigger, [waiting], NOW + hours(1), "UTC")

    assert admission.start is starts_anew


def test_who_is_held_out_gets_a_run_that_did_nothing():
    journey = Journey('holdout 100% then { send email "x" }')

    assert (journey.run.state, journey.run.reason) == (RunState.ENDED, "held_out")


# --- which of many an event starts ---------------------------------------------------------------

MANY = """
trigger big { on cart_updated where total >= 50 USD  then { stop } }
trigger small { on cart_updated where total < 50 USD  priority 2  then { stop } }
trigger said { on cart_updated where event.total >= 50 USD  priority 1  then { stop } }
trigger later { on cart_updated  active from 2026-03-03  then { stop } }
trigger mondays { on cart_updated  active every monday 11:00 to 13:00  then { stop } }
trigger fridays { on cart_updated  active every friday 11:00 to 13:00  then { stop } }
trigger families { on cart_updated  for user.size >= 3  then { stop } }
trigger noon { on cart_updated  for hour(now) = 12 and weekday(today) = "monday"  then { stop } }
trigger other { on clicked  then { stop } }
"""


@pytest.mark.parametrize("size", [2, 3, None])
@pytest.mark.parametrize("total", [4999, 5000, None])
@pytest.mark.parametrize("late", [timedelta(), timedelta(hours=25)])
def test_an_event_starts_those_that_it_starts_one_by_one(size, total, late):
    checked = dsl.check([dsl.SourceFile("t.rules", EVENTS + MANY)])
    assert checked.program is not None, checked.diagnostics
    program = checked.program
    playbook = playbook_of(program)
    moment = Moment(NOW, "UTC", program)
    facts = {"user": USER | ({"size": size} if size else {}), "events": {}}
    event = told("cart_updated", **({} if total is None else {"total": total}))
    event = replace(event, received_at=event.at + late)

    found = started(playbook.starts["cart_updated"], event, facts, lambda _: moment)

    naive = [
        trigger.name
        for trigger in listeners(program)["cart_updated"]
        if starts(trigger, event, facts, moment)
    ]
    assert [plan.trigger.name for plan in found] == naive
    assert bool(naive) is not bool(late)


@pytest.mark.parametrize(
    ("step", "start", "due"),
    [
        # Berlin's clocks go from 02:00 to 03:00 on 29 March, and from 03:00 to 02:00 on 25 October.
        ("wait until 09:00", "2026-03-28T12:00", "2026-03-29T07:00"),
        ("wait until 02:30", "2026-03-28T12:00", "2026-03-29T01:00"),
        ("wait until 02:30", "2026-10-24T12:00", "2026-10-25T00:30"),
        ("wait until 02:30", "2026-10-25T00:30", "2026-10-26T01:30"),
        ("wait until sunday 03:00", "2026-03-29T01:00", "2026-04-05T01:00"),
        ("wait 1 day", "2026-03-28T12:00", "2026-03-29T12:00"),
        ("wait 1 month", "2026-01-31T12:00", "2026-02-28T12:00"),
    ],
)
def test_waits_follow_the_users_clock_over_a_change_of_time(step, start, due):
    journey = Journey(f'then {{ {step}  send email "x" }}', timezone="Europe/Berlin")

    run = journey.go(datetime.fromisoformat(start).replace(tzinfo=UTC))

    assert run.due_at == datetime.fromisoformat(due).replace(tzinfo=UTC)


def test_a_run_remembers_the_arms_that_it_was_dealt_and_when() -> None:
    journey = Journey(
        """then {
          split first { 50% a { tag "a" }  50% b { tag "b" } }
          wait 1 days
          split second { 100% only { tag "c" } }
          wait 1 days
        }"""
    )
    journey.go()
    later = NOW + timedelta(days=1)

    run = journey.go(later)

    first, second = run.arms
    assert (first.experiment.key, first.at) == ("first a 50 b 50", NOW)
    assert first.arm == ("a", "b")[arm_of("ann", "first", [Decimal(50), Decimal(50)])]
    assert (second.experiment.key, second.arm, second.at) == ("second only 100", "only", later)


@pytest.mark.parametrize(("share", "arm", "by"), [("0", "begun", ""), ("100", "held_out", "t")])
def test_a_run_remembers_whether_it_was_held_out_to_be_compared(
    share: str, arm: str, by: str
) -> None:
    journey = Journey(f'holdout {share}%  then {{ tag "a" }}')

    (dealt,) = journey.run.arms

    assert (dealt.experiment.name, dealt.arm, dealt.at, dealt.by) == (HOLDOUT, arm, NOW, by)
    assert Dealt.heard(dealt.told(), NOW) == dealt
    assert Journey('then { tag "a" }').run.arms == ()
