"""Triggers: starts, clauses, steps, and the names by which a run finds its step again."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dsl.clauses import Length
from dsl.core import Ref
from dsl.triggers import AtTime, Every, OnEvent, OnSegment, Send, Wait
from tests.dsl.checking import checked, findings, steps, trigger, words

NINE = datetime.fromisoformat("2026-03-01T09:00")


def lowered(rules):
    found = checked(rules)
    assert found.program is not None, [d.message for d in found.diagnostics]
    return found.program.triggers["t"]


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("on order_placed", OnEvent("order_placed", None)),
        ("at 2026-03-01T09:00 in user timezone", AtTime(NINE, "user")),
        ("at 2026-03-01T09:00+01:00", AtTime(datetime(2026, 3, 1, 8, tzinfo=UTC), None)),
        ("every day at 09:00", Every("day", None, "09:00", None)),
        (
            'every week on monday at 09:00 in "Asia/Tokyo"',
            Every("week", "monday", "09:00", "Asia/Tokyo"),
        ),
        ("every month on 31 at 09:00", Every("month", 31, "09:00", None)),
        ("when user enters segment regulars", OnSegment("regulars", True)),
        ("when user leaves segment regulars", OnSegment("regulars", False)),
    ],
)
def test_what_may_start_a_trigger(start, expected):
    assert lowered(steps('tag "x"', start)).start == expected


@pytest.mark.parametrize(
    ("start", "zone"),
    [
        ("every day at 09:00", None),
        ("every day at 09:00 in user timezone", "user"),
        ('every day at 09:00 in "Asia/Tokyo"', "Asia/Tokyo"),
        ('on order_placed active from 2026-03-01 in "Asia/Tokyo"', "Asia/Tokyo"),
    ],
)
def test_days_are_those_of_the_triggers_zone(start, zone):
    assert lowered(steps('tag "x"', start)).zone == zone


@pytest.mark.parametrize(
    "text",
    [
        "wait 2 hours",
        "wait 2 hours unless order_placed where total > 20 USD and event.total > 3 USD",
        "wait until 09:00",
        "wait until monday 09:00 unless order_placed",
        "wait for order_placed as order where total > 1 USD up to 3 days "
        '{ send email "x" with { total: order.total } } else { stop }',
        'send email transactional "receipt" with { items: event.items, n: user.age + 1 }',
        "grant welcome for 7 days",
        "award 50 points",
        "set user.age to user.age + 1",
        'set user.band to "old"',
        'tag "x"  untag "x"',
        'call "crm" with { id: user.id }',
        'emit review_posted { sku: "x", stars: 5 }',
        'if user in segment regulars { tag "x" } else { tag "y" }',
        'split s { 50% a { tag "x" } 50% b { } }',
        'tag "x" as first  stop as last',
    ],
)
def test_what_a_journey_may_do(text):
    assert findings(steps(text)) == []


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("wait 0 hours", "E229 0"),
        ("wait 200 years", "E229 200 years"),
        ("wait 2 hours unless order_plaecd", "E202 order_plaecd"),
        ("wait 2 hours unless order_placed where totl > 3 USD", "E201 totl"),
        ('wait for order_placed as user up to 1 day { tag "x" }', "E211 user"),
        (
            'wait for order_placed as o up to 1 day { tag "x" } '
            'else { send email "x" with { t: o.total } }',
            "E201 o",
        ),
        ('send email "x" with { t: evnt.total }', "E201 evnt"),
        ('send email "x" with { t: user.age, t: user.age }', "E212 t"),
        ("grant welcome", "E101 }"),
        ("grant welcom for 7 days", "E204 welcom"),
        ("award 0 points", "E229 0"),
        ("set user.points to 5", "E252 user.points"),
        ('set user.name to "x"', "E252 user.name"),
        ("set user.consent.email to true", "E252 user.consent.email"),
        ("set cart.quantity to 3", "E252 cart.quantity"),
        ("set user.aeg to 3", "E201 aeg"),
        ('set user.age to "x"', 'E220 "x"'),
        ('set user.band to "x"', 'E224 "x"'),
        ("set user.salary to 3 EUR", "E221 3 EUR"),
        ("emit review_postd { stars: 5 }", "E202 review_postd"),
        ("emit review_posted { satrs: 5 }", "E201 satrs"),
        ('emit review_posted { stars: "x" }', 'E220 "x"'),
        ("enter lucky", "E206 lucky"),
        ('if user.age { tag "x" }', "E220 user.age"),
        ("split s { 50% a { } 40% b { } }", "E243 50% a { } 40% b"),
        ("split s { 50% a { } 50% a { } }", "E212 a"),
        ("split s { 100% a { } }  split s { 100% b { } }", "E212 s"),
        ('tag "x" as one  tag "y" as one', "E212 one"),
        ('stop  tag "x"', 'W307 tag "x"'),
    ],
)
def test_how_a_step_goes_wrong(text, finding):
    assert findings(steps(text)) == [finding]


@pytest.mark.parametrize(
    ("start", "finding"),
    [
        ("", "E241 t"),
        ("on order_plaecd", "E202 order_plaecd"),
        ("on order_placed where totl > 3 USD", "E201 totl"),
        ("on order_placed on review_posted", "E240 on review_posted"),
        ("on order_placed where total > 3 EUR", "E221 total > 3 EUR"),
        ("every month on 32 at 09:00", "E229 32"),
        ('every day at 09:00 in "Mars"', 'E245 "Mars"'),
        ("at 2026-03-01T09:00+01:00 in user timezone", "E242 in user timezone"),
        ("when user enters segment regularz", "E203 regularz"),
        ("when user enters segment welcome", "E203 welcome"),
    ],
)
def test_how_a_start_goes_wrong(start, finding):
    found = findings(
        steps('if event.total > 1 USD { tag "x" }' if "on" in start else 'tag "x"', start)
    )

    assert [f for f in found if not f.startswith("E208")] == [finding]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("for cart.quantity > 3", "E208 cart"),
        ("for user.age > 3  for user.age > 4", "E240 for user.age > 4"),
        ("quiet 22:00 to 22:00", "E244 quiet 22:00 to 22:00"),
        ("quiet 22:00 to 08:00  quiet 22:00 to 09:00", "E240 quiet 22:00 to 09:00"),
        ("pace 0 per hour", "E229 0"),
        ("reenter never  reenter restart", "E240 reenter restart"),
        ("limit 0 per user", "E229 0"),
        ("holdout 101%", "E246 101%"),
        ("goal order_plaecd within 3 days", "E202 order_plaecd"),
        ("active from 2026-03-02 to 2026-03-01", "E244 2026-03-02 to 2026-03-01"),
        ('then { tag "y" }', 'E240 then { tag "y" }'),
    ],
)
def test_how_a_clause_of_a_trigger_goes_wrong(text, finding):
    assert findings(trigger(text)) == [finding]


def test_a_trigger_needs_its_steps():
    assert findings("trigger t { on order_placed }") == ["E241 t"]
    assert findings("trigger t { on order_placed then { } }") == ["E241 then { }"]


def test_a_mistake_in_the_start_silences_the_steps():
    rules = steps('send email "x" with { t: event.total }', "on order_plaecd")

    assert findings(rules) == ["E202 order_plaecd"]


def test_an_awaited_event_is_known_by_its_name_where_it_came():
    (wait,) = lowered(
        steps('wait for order_placed as o up to 1 day { send email "x" with { t: o.total } }')
    ).steps

    (send,) = wait.then
    assert isinstance(send, Send)
    assert send.data[0][1] == Ref("o", ("total",), send.data[0][1].kind)


def test_one_hint_says_how_to_set_what_is_not_set():
    assert "tag" in words(steps("set user.tags to user.tags"))
    assert "award" in words(steps("set user.points to 3"))


# --- the names of steps --------------------------------------------------------------------------


def ids(text):
    return [step.id for step in lowered(steps(text)).steps]


def test_a_labelled_step_is_known_by_its_label():
    assert ids('send email "x" as reminder') == ["reminder"]


def test_equal_steps_are_told_apart_by_their_order():
    one, other, again = ids("wait 1 day  wait 2 days  wait 1 day")

    assert one.removesuffix("-1") == again.removesuffix("-2")
    assert one.removesuffix("-1") != other.removesuffix("-1")


def test_a_step_keeps_its_name_wherever_it_moves_and_however_it_is_written():
    before = ids('send email "x" with { n: user.age = 3 }  wait 1 day')
    after = ids('wait 1 days  # a comment\n\n send   email "x" with { n: user.age == 3 }')

    assert sorted(before) == sorted(after)


def test_a_step_keeps_its_name_when_what_is_inside_changes():
    before = ids('if user.age > 3 { tag "x" }  wait for order_placed up to 1 day { stop }')
    after = ids('if user.age > 3 { tag "y" }  wait for order_placed up to 1 day { tag "z" }')

    assert before == after


def test_a_step_keeps_its_name_when_a_fact_gets_another_field():
    text = steps('send email "x" with { items: event.items }')
    names = [
        checked(text, facts=f"event order_placed {{ items: list of {{ {field}: text }} }}")
        .program.triggers["t"]
        .steps[0]
        .id
        for field in ("aisle", "colour")
    ]

    assert names[0] == names[1]


def test_a_step_of_another_content_has_another_name():
    texts = [
        "wait 1 day",
        "wait 1 week",
        'tag "x"',
        'untag "x"',
        'send email "x"',
        'send push "x"',
        'send email transactional "x"',
        "award 1 points",
        "wait 1 day unless order_placed",
    ]

    assert len({ids(text)[0] for text in texts}) == len(texts)


def test_a_known_step_keeps_this_very_name():
    """A run in flight finds its step by this name: it must not change with a release."""
    assert ids("wait 2 hours unless order_placed") == ["9e536e68d0eb-1"]


def test_positions_do_not_count_for_equality():
    one, other = (lowered(steps(text)) for text in ("wait 1 day", "  wait   1 day"))

    assert one == replace(other, span=one.span)
    assert one.steps == (Wait(Length(1, "day"), id=one.steps[0].id),)
