"""Names over all declarations, segments that lead to each other, campaigns and what they bind."""

from datetime import UTC, datetime

import pytest

from dsl import Severity, SourceFile, check
from dsl.clauses import Amount, Goal, Length
from tests.dsl.checking import checked, findings, words

SPRING = """campaign spring "Spring" { active from 2026-03-01 to 2026-03-31  budget 100 USD
  holdout 5%  goal order_placed within 14 days }
"""


@pytest.mark.parametrize(
    "second",
    [
        "segment a { user.age > 2 }",
        "promotion a { take 1% off cart }",
        'trigger a { on order_placed  then { tag "x" } }',
        "campaign a { holdout 5% }",
        "loyalty a { earn 1 point on review_posted }",
        'group_buy a { active from 2026-01-01  sku "x" at 1 USD for 3 people within 1 day }',
        'flash_sale a { active from 2026-01-01  sku "x" at 1 USD stock 5 }',
        'lottery a { active from 2026-01-01  draw at 2026-04-01T12:00  prize "x" quantity 1 }',
    ],
)
def test_a_name_is_declared_once_over_all_kinds(second):
    assert findings(f"segment a {{ user.age > 1 }}\n{second}") == ["E209 a"]


def test_a_name_is_declared_once_over_all_files():
    text = "segment a { user.points > 1 }"
    found = check([SourceFile("one", text), SourceFile("two", text)])

    assert [(d.code, d.span.file) for d in found.diagnostics] == [("E209", "two")]
    assert "one, line 1" in found.diagnostics[0].hint


def test_the_second_of_a_name_is_judged_as_well():
    rules = "segment a { user.age > 1 }\nsegment a { user.aeg > 1 }"

    assert findings(rules) == ["E209 a", "E201 aeg"]


def test_events_and_lists_have_names_of_their_own():
    assert findings("segment snacks { user.age > 1 }  promotion seen { take 1% off cart }") == []


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ("segment a { user in segment a }", ["E213 user in segment a"]),
        (
            "segment a { user in segment b }  segment b { user.age > 1 or user not in segment a }",
            ["E213 user not in segment a"],
        ),
        (
            "segment a { user in segment b }  segment b { user in segment c }"
            "  segment c { user in segment b and user in segment a }",
            ["E213 user in segment b", "E213 user in segment a"],
        ),
    ],
)
def test_segments_never_lead_back_to_themselves(rules, found):
    assert findings(rules) == found


def chain(length):
    links = "\n".join(f"segment s{n} {{ user in segment s{n + 1} }}" for n in range(length))
    return f"{links}\nsegment s{length} {{ user.age > 1 }}"


def test_a_chain_of_segments_is_no_cycle_but_may_not_be_endless():
    assert findings(chain(63)) == []
    assert findings(chain(1500)) == ["E200 user in segment s1437"]


def test_segments_that_would_be_judged_again_and_again_are_refused():
    doubled = "\n".join(
        f"segment s{n} {{ user in segment s{n + 1} and user.age > {n} or"
        f" user not in segment s{n + 1} and user.kids > {n} }}"
        for n in range(25)
    )
    found = findings(doubled + "\nsegment s25 { sum(order_placed.total, ever) > 1 USD }")

    assert [finding[:4] for finding in found if not finding.startswith("W301")] == ["E200"]


def test_a_segment_that_is_too_large_by_itself_is_said_once():
    inner = 'count(order_placed where store != "", ever) > 1'
    for _ in range(2):
        inner = f"count(order_placed where {inner}, ever) > 1"
    found = findings(f"segment s {{ {inner} }}\nsegment other {{ user in segment s }}")

    assert [finding[:4] for finding in found] == ["E200"]


def test_a_cycle_is_shown_whole():
    rules = "segment a { user in segment b }  segment b { user in segment a }"

    assert "`a` → `b` → `a`" in words(rules)


def test_a_campaign_binds_what_is_in_its_file():
    rules = (
        SPRING
        + """promotion p { take 1 USD off cart  active from 2026-03-10 }
    trigger t { on order_placed  goal review_posted  then { tag "x" } }"""
    )
    program = checked(rules).program

    campaign, promotion, trigger = (
        program.campaigns["spring"],
        program.promotions["p"],
        program.triggers["t"],
    )
    assert campaign.budget == Amount(10_000, "USD")
    assert promotion.campaign == trigger.campaign == "spring"
    assert promotion.goal == Goal("order_placed", None, Length(14, "day"))
    assert trigger.goal == Goal("review_posted", None, None)
    assert [window.start for window in promotion.active] == [
        datetime(2026, 3, 1, tzinfo=UTC),
        datetime(2026, 3, 10, tzinfo=UTC),
    ]
    assert trigger.active == campaign.active


def test_a_campaign_binds_nothing_in_other_files():
    assert checked(SPRING).program.promotions["welcome"].campaign is None


@pytest.mark.parametrize(
    ("rules", "finding"),
    [
        (SPRING + "campaign more { holdout 5% }", "E249 more"),
        ("campaign c { active from 2026-03-02 to 2026-03-01 }", "E244 2026-03-02 to 2026-03-01"),
        ("campaign c { holdout 120% }", "E246 120%"),
        ("campaign c { budget 0 USD }", "E229 0 USD"),
        ("campaign c { budget 1 USD  budget 2 USD }", "E240 budget 2 USD"),
        ("campaign c { goal order_plaecd }", "E202 order_plaecd"),
        ("campaign c { goal order_placed within 0 days }", "E229 0"),
        ('campaign c { active from 2026-03-02 in "Europe/Berln" }', 'E245 "Europe/Berln"'),
        (
            SPRING + "promotion p { take 1% off cart  active from 2026-04-02 }",
            "E244 active from 2026-04-02",
        ),
        (
            "loyalty a { earn 1 point on e }  loyalty b { earn 1 point on e }  event e { t: text }",
            "E249 b",
        ),
    ],
)
def test_how_a_campaign_goes_wrong(rules, finding):
    assert findings(rules) == [finding]


def test_all_errors_are_found_at_once_but_at_most_fifty():
    many = "\n".join(f"segment s{n} {{ user.aeg > {n} }}" for n in range(60))

    assert findings(many) == ["E201 aeg"] * 50


def test_findings_are_in_the_order_of_files_and_places():
    rules = "segment b { user.x > 1 }\nsegment a { user.y > 1 }"
    found = check([SourceFile("z", rules), SourceFile("a", "segment c { user.w > 1 }")])

    assert [(d.span.file, d.span.line) for d in found.diagnostics] == [("z", 1), ("z", 2), ("a", 1)]


def test_warnings_alone_leave_a_program():
    found = checked("promotion p { take 1% off cart  best of alone }")

    assert [d.severity for d in found.diagnostics] == [Severity.WARNING]
    assert found.program is not None


def test_errors_leave_no_program():
    assert checked("segment s { user.aeg > 1 }").program is None


def test_too_many_declarations_over_all_files_are_refused():
    half = "\n".join(f"segment {{}}{n} {{{{ user.points > 1 }}}}" for n in range(1001))
    files = [SourceFile(name, half.format(*[name] * 1001)) for name in "ab"]

    assert {d.code for d in check(files).diagnostics} == {"E200"}
