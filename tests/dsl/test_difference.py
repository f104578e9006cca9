"""What has changed between two sets of rules, told to the people who review it."""

import dsl

SPRING = """
promotion spring "Spring" {
  for user in segment regulars
  take 10% off items where category = "TEA" and price > 3 USD
  limit 1 per user
}
segment regulars { count(orders in last 90 days) >= 3 }
"""
WELCOME = """trigger welcome {
  on signup
  then {
    wait 1 day
    if user.tier = "gold" { send email "gold" } else { send email "hello" }
  }
}"""


def told(before: str, after: str) -> list[tuple[str, str, str, tuple[str, ...]]]:
    """Return the kind of each change, what it is about, and its lines."""
    changes = dsl.difference([dsl.SourceFile("f", before)], [dsl.SourceFile("f", after)])
    return [
        (
            "added" if c.before is None else "removed" if c.after is None else "changed",
            c.kind,
            c.name,
            c.lines,
        )
        for c in changes
    ]


def test_layout_and_comments_and_order_are_no_change():
    first, second = SPRING.rsplit("segment", 1)
    other = f"fanfare 1\n# new\nsegment{second.replace('{', '{ # why')}\n{first}  # end"

    assert told(SPRING, other) == []


def test_a_number_written_otherwise_is_the_same_number():
    assert told("list a [1000]", "list a [1_000]") == []


def test_a_changed_clause_is_told_in_canonical_text():
    after = SPRING.replace("10%", "15 %").replace("limit 1 per user", "limit 2 per user")

    ((change, kind, name, lines),) = told(SPRING, after)

    assert (change, kind, name) == ("changed", "promotion", "spring")
    assert lines == (
        '-   take 10% off items where category = "TEA" and price > 3 USD',
        "-   limit 1 per user",
        '+   take 15% off items where category = "TEA" and price > 3 USD',
        "+   limit 2 per user",
    )


def test_of_a_journey_only_the_step_is_told():
    ((_, _, _, lines),) = told(WELCOME, WELCOME.replace("hello", "hi"))

    assert [line[0] + line[1:].strip() for line in lines] == [
        '-send email "hello"',
        '+send email "hi"',
    ]


def test_of_a_list_only_the_element_is_told():
    ((_, _, _, lines),) = told('list l ["a", "b"]', 'list l ["a", "b", "c"]')

    assert [line[0] + line[1:].strip() for line in lines] == ['+"c"']


def test_what_is_new_and_what_is_gone():
    assert told("segment a { user.points > 1 }", "segment b { user.points > 1 }") == [
        ("added", "segment", "b", ()),
        ("removed", "segment", "a", ()),
    ]


def test_a_declaration_that_moves_to_another_file_has_no_lines():
    text = "segment a { user.points > 1 }"
    one, two = dsl.SourceFile("one", text), dsl.SourceFile("two", text)

    (change,) = dsl.difference([one], [two])

    assert change.lines == ()
    assert change.before is not None
    assert change.after is not None
    assert (change.before.span.file, change.after.span.file) == ("one", "two")


def test_examples_of_one_title_are_told_apart():
    example = 'example "e" { cart { 1 of { price: 4 USD } } expect total 4 USD }'
    other = example.replace("4", "5")

    assert told(example + example, example + example) == []
    assert [each[0] for each in told(example, example + other)] == ["added"]
    assert [each[0] for each in told(example + other, example)] == ["removed"]


def test_a_declaration_with_a_mistake_counts_as_none():
    assert [each[0] for each in told("segment a { user.points > 1 }", "segment a { > }")] == [
        "removed"
    ]


def program(text: str) -> dsl.Program:
    checked = dsl.check([dsl.SourceFile("f", text)])
    assert checked.program is not None, checked.diagnostics
    return checked.program


def test_a_segment_changes_with_the_segments_and_lists_it_uses():
    before = program("""
list zones ["north"]
attributes user { zone: text }
segment near { user.zone in zones }
segment near_rich { user in segment near and user.points > 10 }
segment rich { user.points > 10 }
segment old { user.points < 0 }
""")
    after = program("""
list zones ["north", "south"]
attributes user { zone: text }
segment near { user.zone in zones }
segment near_rich { user in segment near and user.points > 10 }
segment rich { user.points > 10 }
segment fresh { user.points = 0 }
""")

    assert set(dsl.segments_changed(before, after)) == {"near", "near_rich", "fresh", "old"}
