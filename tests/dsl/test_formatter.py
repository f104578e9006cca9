"""What the canonical text looks like, and that nothing is lost on the way to it."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsl.diagnostics import RuleError, SourceFile
from dsl.formatter import format_source
from dsl.parser import parse
from dsl.parser.tokens import tokenize

CORPUS = (Path(__file__).parent / "every_construct.rules").read_text(encoding="utf-8")
PIECES = [
    [token.text for token in tokenize(SourceFile("x", CORPUS[d.span.start : d.span.end])).tokens]
    for d in parse(SourceFile("x", CORPUS)).file.declarations
]


def formatted(text: str) -> str:
    return format_source(SourceFile("test.rules", text))


def check_nothing_is_lost(text: str) -> None:
    parsed = parse(SourceFile("test.rules", text))
    assert parsed.diagnostics == ()

    once = formatted(text)
    again = parse(SourceFile("test.rules", once))

    assert again.diagnostics == ()
    assert again.file == parsed.file
    assert formatted(once) == once
    assert Counter(c.text for c in again.file.comments) == Counter(
        c.text for c in parsed.file.comments
    )


def test_the_corpus_is_canonical():
    assert formatted(CORPUS) == CORPUS


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("segment a{x==1}", "segment a { x = 1 }"),
        ("segment a { x=1 and y>2 }", "segment a { x = 1 and y > 2 }"),
        ("segment a { count(e,last 1 days)>0 }", "segment a { count(e, last 1 day) > 0 }"),
        ("segment a { count(e, last 2 day) > 0 }", "segment a { count(e, last 2 days) > 0 }"),
        ("segment a { x = 20_000 or y = 5 % }", "segment a { x = 20_000 or y = 5% }"),
        ("segment a { (x) = -y }", "segment a { (x) = -y }"),
        ('segment a { x = "\\u{41}\\u{7}\\n" }', 'segment a { x = "A\\u{7}\\n" }'),
        ('segment a { x = "\\u{202e}" }', 'segment a { x = "\\u{202e}" }'),
        ('segment a { x = "👨‍👩‍👧" }', 'segment a { x = "👨‍👩‍👧" }'),
        ("segment a { x in [1,2,] }", "segment a { x in [1, 2] }"),
        ("promotion p { award 1 points }", "promotion p { award 1 point }"),
        ("promotion p { award 2 point }", "promotion p { award 2 points }"),
        (
            "promotion p { take 5% off cheapest 1 items }",
            "promotion p { take 5% off cheapest 1 item }",
        ),
        (
            "promotion p { take 5% off each items where x }",
            "promotion p { take 5% off each item where x }",
        ),
        (
            "promotion p { take 5%off cart priority 1 }",
            "promotion p { take 5% off cart  priority 1 }",
        ),
        ("lottery l { limit 1 entries per user }", "lottery l { limit 1 entry per user }"),
        (
            'group_buy g { sku "A" at 1 USD for 2 person within 1 days }',
            'group_buy g { sku "A" at 1 USD for 2 people within 1 day }',
        ),
        ("event e {}", "event e { }"),
        ("event e { a b: text }", "event e { a: text  b: text }"),
        ("trigger t { then { emit e {} } }", "trigger t { then { emit e { } } }"),
        ("list l [ ]", "list l []"),
        ("list cafe\u0301 []", "list caf\u00e9 []"),
        ("\ufefffanfare\n1\r\nlist l []\r\n", "fanfare 1\nlist l []"),
    ],
)
def test_there_is_one_way_to_write_a_thing(written, canonical):
    assert formatted(written) == f"{canonical}\n"


def test_an_empty_file_stays_empty():
    assert formatted("") == ""
    assert formatted("\n \n") == ""
    assert formatted("\n\n# only this") == "# only this\n"


def test_a_declaration_too_long_for_a_line_has_a_clause_on_each():
    clauses = "when cart.subtotal > 100 USD take 10% off items where category in snacks"
    text = f"promotion p {{ {clauses} limit 1 per user }}"

    assert formatted(text) == (
        "promotion p {\n"
        "  when cart.subtotal > 100 USD\n"
        "  take 10% off items where category in snacks\n"
        "  limit 1 per user\n"
        "}\n"
    )


def test_a_long_condition_has_its_parts_below_each_other():
    part = "user.household_size >= 3"
    text = f"promotion p {{ when {part} and {part} and ({part} or {part} or {part} or {part}) }}"

    assert formatted(text) == (
        "promotion p {\n"
        f"  when {part}\n"
        f"    and {part}\n"
        "    and (\n"
        f"      {part}\n"
        f"        or {part}\n"
        f"        or {part}\n"
        f"        or {part}\n"
        "    )\n"
        "}\n"
    )


def test_a_long_aggregate_is_spread_inside_its_brackets():
    condition = f'total > 5 USD and store = "{"x" * 60}"'
    text = f"segment s {{ count(order_placed where {condition}, ever) > 2 }}"

    assert formatted(text) == (
        "segment s {\n"
        "  count(\n"
        "    order_placed where total > 5 USD\n"
        f'      and store = "{"x" * 60}",\n'
        "    ever\n"
        "  ) > 2\n"
        "}\n"
    )


def test_a_long_list_has_an_element_on_each_line():
    elements = [f'"{"x" * 30}{i}"' for i in range(3)]

    assert formatted(f"list l [{','.join(elements)}]") == (
        "list l [\n" + ",\n".join(f"  {element}" for element in elements) + "\n]\n"
    )


def test_comments_stay_where_they_were():
    text = """
# Above everything.
fanfare 1 # the version


# Above a promotion.
promotion p { # in its head
  # above a clause
  take 5% off cart # beside a clause
  priority 1

  # below the last
} # after the end
segment s {
  x > 1 # beside a part
    # above the next
    and y > 2
}
trigger t { then {
  if x { stop # here
  } else { # there
    stop
  }
} }
list l [
  1, # one
  2 # two
]
# At the end.
"""

    assert (
        formatted(text)
        == """# Above everything.
fanfare 1  # the version

# Above a promotion.
promotion p {
  # in its head
  take 5% off cart  # beside a clause
  priority 1

  # below the last
}  # after the end
segment s {
  x > 1  # beside a part
    # above the next
    and y > 2
}
trigger t {
  then {
    if x {
      stop  # here
    } else {
      # there
      stop
    }
  }
}
list l [
  1,  # one
  2  # two
]
# At the end.
""".replace("  # in its head\n", "  # in its head\n  # above a clause\n")
    )


def test_a_comment_that_fits_nowhere_goes_above_its_clause():
    assert formatted("promotion p { take 5% # five\n off cart }") == (
        "promotion p {\n  # five\n  take 5% off cart\n}\n"
    )


def test_blank_lines_separate_groups_one_at_a_time():
    body = "\n\n  priority 1 # x\n\n\n  exclusive\n\n"
    text = f"list a []\n\n\n\nlist b []\nlist c []\npromotion p {{{body}}}"

    assert formatted(text) == (
        "list a []\n\nlist b []\nlist c []\npromotion p {\n  priority 1  # x\n\n  exclusive\n}\n"
    )


def test_a_file_with_mistakes_is_not_formatted():
    with pytest.raises(RuleError) as raised:
        formatted("segment a { x > }\nsegment b { y > }")

    assert [d.span.line for d in raised.value.diagnostics] == [1, 2]


# --- whatever is between the words ---------------------------------------------------------------

TRIVIA = [" "] * 12 + ["\n", "\n\n\n", "\t\n  \n", " # beside\n", "\n# above\n", " #\n"]


@st.composite
def scattered(draw: st.DrawFn) -> str:
    """Some declarations of the corpus, with any space and comments between their words."""
    pieces = draw(st.lists(st.sampled_from(PIECES), min_size=1, max_size=4))
    chance = draw(st.randoms(use_true_random=False))
    text = "".join(token + chance.choice(TRIVIA) for piece in pieces for token in piece)
    # Each comment is another, so that none can stand for one that is lost.
    return "".join(f"{part}# {i}" for i, part in enumerate(text.split("#")))


@settings(max_examples=100, suppress_health_check=list(HealthCheck), deadline=None)
@given(scattered())
def test_nothing_is_lost_whatever_stands_between_the_words(text):
    check_nothing_is_lost(text)


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(), max_size=30))
def test_any_text_is_written_so_that_it_reads_the_same(value):
    escaped = "".join(f"\\u{{{ord(c):x}}}" for c in value if not 0xD800 <= ord(c) <= 0xDFFF)

    check_nothing_is_lost(f'list l ["{escaped}"]')
