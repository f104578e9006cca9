"""What the parser says of a file with mistakes, and what it keeps of it."""

import pytest

from dsl import nodes
from dsl.diagnostics import SourceFile
from dsl.parser import Parsed, parse
from dsl.parser.table import table


def read(text: str) -> Parsed:
    return parse(SourceFile("test.rules", text))


def told(text: str) -> list[tuple[str, str]]:
    """Return what is underlined and what is said of it."""
    return [(text[d.span.start : d.span.end], d.message) for d in read(text).diagnostics]


VALUE_OFF = "`cart`, `cheapest`, `dearest`, `each`, `items` or `shipping`"
MONEY = "an amount of money such as `10 USD`"
SHARE = "a percentage such as `15%`"
INSTANT = "a date and time such as 2026-03-01T09:00"


@pytest.mark.parametrize(
    ("text", "underlined", "expected"),
    [
        ("segment a { x > }", "}", "a value after `>`, not `}`"),
        ("segment a { (x > 1 }", "}", "`)` after `1`, not `}`"),
        ("segment a { }", "}", "a condition after `{`, not `}`"),
        ("segment a { not }", "}", "a condition after `not`, not `}`"),
        ("segment a { x between 1 or 3 }", "or", "`and` after `1`, not `or`"),
        ("segment a { x is good }", "good", "`known` or `missing` after `is`, not `good`"),
        ('segment a { x starts "b" }', '"b"', '`with` after `starts`, not `"b"`'),
        ("segment a { x. > 1 }", ">", "a field's name after `.`, not `>`"),
        ("segment a { count(e, last 3) }", ")", "a unit of time such as `days` after `3`, not `)`"),
        ("segment 3for2 { x }", "3", "a name after `segment`, not `3`"),
        ("promotion p { limit 1 per month }", "month", "`user` after `per`, not `month`"),
        ("promotion p { take 5% off }", "}", f"{VALUE_OFF} after `off`, not `}}`"),
        ("promotion p { budget 5 }", "}", "a currency such as USD after `5`, not `}`"),
        ("promotion p { holdout 5 USD }", "USD", "`%` after `5`, not `USD`"),
        ("promotion p { budget x }", "x", f"{MONEY} after `budget`, not `x`"),
        ("promotion p { take x }", "x", f"{SHARE}, {MONEY} or `off` after `take`, not `x`"),
        (
            "promotion p { active from noon }",
            "noon",
            f"a date such as 2026-03-01 or {INSTANT} after `from`, not `noon`",
        ),
        (
            "promotion p { buy 1 item get 1 item }",
            "}",
            "`at`, `for`, `free` or `where` after `item`, not `}`",
        ),
        (
            "trigger t { then { wait x } }",
            "x",
            "a length of time such as `3 days`, `for` or `until` after `wait`, not `x`",
        ),
        (
            "trigger t { then { send email x } }",
            "x",
            'text in quotes, like "this" or `transactional` after `email`, not `x`',
        ),
        ("trigger t { on 5 }", "5", "an event's name after `on`, not `5`"),
        ("event e { x: txt }", "txt", "a type such as `text` or `number` after `:`, not `txt`"),
        ("event e { x: money }", "}", "a currency such as USD after `money`, not `}`"),
        ("attributes cart { }", "cart", "`item` or `user` after `attributes`, not `cart`"),
        ('list l ["a" "b"]', '"b"', '`,` or `]` after `"a"`, not `"b"`'),
        (
            "lottery l { draw at 2026-03-01 }",
            "2026-03-01",
            f"{INSTANT} after `at`, not `2026-03-01`",
        ),
        ("loyalty l { tier gold at 5 points }", "}", "`in` after `points`, not `}`"),
        ("segment a", "a", "`{` after `a`"),
        ("segment a { x >", ">", "a value after `>`"),
    ],
)
def test_what_was_expected_is_told_once_in_words(text, underlined, expected):
    assert told(text) == [(underlined, f"expected {expected}")]


@pytest.mark.parametrize(
    ("text", "underlined", "message"),
    [
        ("segment a { x > 1", "{", "this `{` is never closed"),
        ("list l [1, 2", "[", "this `[` is never closed"),
        ("list l [] }", "}", "this `}` closes nothing"),
        ("{ x }", "{", "expected a declaration, not `{`"),
        ("segment a { sum(1, ever) }", "1", "`sum(…)` is taken of an event or a list, by its name"),
        ("segment a { count() }", "count()", "expected an event or a list in `count(…)`"),
        ("segment a { count(e, 3) }", "3", "expected a stretch of time here in `count(…)`"),
        (
            "segment a { count(e, ever, x) }",
            "x",
            "`count(…)` takes nothing after the stretch of time",
        ),
        ("fanfare 2", "2", "there is no version 2 of the language here"),
        ("list l [] fanfare 1", "fanfare", "`fanfare` belongs at the beginning"),
    ],
)
def test_what_makes_no_sense_is_told_once(text, underlined, message):
    assert told(text) == [(underlined, message)]


@pytest.mark.parametrize(
    ("text", "code", "hint"),
    [
        ("segmnt a { x }", "E104", "Did you mean `segment`?"),
        ("promotion p { limt 1 per user }", "E104", "Did you mean `limit`?"),
        ("promotion p { take 5% off items whre x }", "E104", "Did you mean `where`?"),
        ("segment a { x > 1 anf y }", "E101", "Did you mean `and`?"),
        ("segment a { user in segmnt b }", "E101", "Did you mean `segment`?"),
        ("event e { x: txt }", "E101", "Did you mean `text`?"),
        ("promotion p { budget 5 usd }", "E101", "Currencies are written in capitals: `USD`."),
        ("list 3for2 []", "E101", "A name begins with a letter or `_`."),
        ("segment a { x && y }", "E109", "Write `and`."),
        ("segment a { x ≥ y }", "E109", "Write `>=`."),
        ("segment a ｛ x }", "E109", "Write `{`."),
        ("segment a { x > $5 }", "E109", "Write an amount of money as `10 USD`."),
        ("segment a { x = “b” }", "E102", 'Write it "like this".'),
        ("segment a { x = 'b' }", "E102", 'Write it "like this".'),
        ('segment a { x = "b }', "E102", 'Write `"` at its end, on the same line.'),
        ("segment a { x > 2026-3-1 }", "E103", "Write 2026-03-01."),
    ],
)
def test_a_mistake_comes_with_what_to_try(text, code, hint):
    (diagnostic,) = read(text).diagnostics

    assert (diagnostic.code, diagnostic.hint) == (code, hint)


@pytest.mark.parametrize(
    ("text", "code", "underlined"),
    [
        ("12_", "E103", "12_"),
        ("1__2", "E103", "1__2"),
        ("1234567890123456789", "E103", "1234567890123456789"),
        ("2026-02-30", "E103", "2026-02-30"),
        ("0001-01-01", "E103", "0001-01-01"),
        ("2026-03-01T25:00", "E103", "2026-03-01T25:00"),
        ("2026-03-01T09:00:30", "E103", "2026-03-01T09:00:30"),
        ("24:00", "E103", "24:00"),
        ("9:00", "E103", "9:00"),
        (r'"a\q"', "E102", r"\q"),
        (r'"\u{110000}"', "E102", r"\u{110000}"),
        (r'"\u{d800}"', "E102", r"\u{d800}"),
        ('"\x07"', "E102", "\x07"),
        ('"\u202e"', "E109", "\u202e"),
        ('"\ud800"', "E109", "\ud800"),
        ("VIP客户", "E107", "VIP客户"),
        ("аdmin", "E107", "аdmin"),  # a Cyrillic а
        ("x" * 101, "E107", "x" * 101),
        ("😀", "E109", "😀"),
    ],
)
def test_a_misspelling_is_told_where_it_stands_and_nothing_else_is(text, code, underlined):
    source = f"segment a {{ x = {text} }}  segment b {{ y > 1 }}"
    parsed = read(source)

    (diagnostic,) = parsed.diagnostics
    assert diagnostic.code == code
    assert source[diagnostic.span.start : diagnostic.span.end] == underlined
    assert [type(d) for d in parsed.file.declarations] == [nodes.Broken, nodes.Segment]


def test_no_message_names_a_token():
    """Whatever is cut off or put in, a marketer never reads INT or RBRACE."""
    names = {name for name in table().literals if name.isupper()} | {"INT", "STRING", "NAME"}
    names -= {"USD"}
    text = "promotion p { take 10 USD off items where a = 1 up to 5 USD limit 1 per user }"
    words = text.split()

    for cut in range(1, len(words)):
        for extra in ([], ["}"], ["{"], ["5"], ['"x"'], ["nonsense"], ["limit"], ["09:00"]):
            text = " ".join(words[:cut] + extra + words[cut + 1 :])
            for diagnostic in read(text).diagnostics:
                said = f"{diagnostic.message} {diagnostic.hint}".split()
                assert not names & {word.strip("`.,") for word in said}, text


# --- recovery ------------------------------------------------------------------------------------


def test_each_mistake_of_a_declaration_is_told():
    text = """promotion p {
      limt 1 per user
      take 10% off
      limit per user
      budget 10
      when cart.subtotal >
      for user in segmnt x
      goal order_placed within 3
      priority high
    }"""

    assert [d.span.line for d in read(text).diagnostics] == [2, 4, 4, 6, 7, 7, 9, 9]


def test_each_mistake_on_one_line_is_told():
    text = "promotion p { limt 1  take 10% off cart  limit per user  budget 10  take 10 USD cart }"

    assert [shown for shown, _ in told(text)] == ["limt", "per", "take", "cart"]


def test_mistakes_among_steps_are_each_told():
    text = """trigger t {
      on order_placed where
      then {
        wait 1 dya
        send email "ok"
        send email x
        if user.x > { stop }
        split s { 50% a { tag } 50 b { stop } }
        take 10% off cart
      }
      limit 1 user
    }"""

    assert [d.span.line for d in read(text).diagnostics] == [3, 4, 6, 7, 8, 8, 9, 11]


def test_mistakes_among_fields_are_each_told():
    assert [shown for shown, _ in told("event e { a: txt  b: number  c: mony USD  d: }")] == [
        "txt",
        "mony",
        "}",
    ]


def test_declarations_without_mistakes_survive():
    parsed = read("segment a { x > }\nsegment b { x > 1 }\npromotion c { take }\nlist d []")

    assert [type(d).__name__ for d in parsed.file.declarations] == [
        "Broken",
        "Segment",
        "Broken",
        "NamedList",
    ]


def test_a_broken_declaration_keeps_its_name_so_that_uses_of_it_are_no_second_error():
    (broken,) = read("segment a { x > }").file.declarations

    assert broken == nodes.Broken("segment", nodes.Name("a"))


def test_a_brace_left_open_does_not_swallow_what_follows():
    parsed = read(
        "promotion a {\n  take 1% off cart\n\nsegment b { x > 1 }\n"
        'trigger c "C" { on e then { stop }\nlist d []'
    )

    assert [(d.code, d.span.line) for d in parsed.diagnostics] == [("E110", 1), ("E110", 5)]
    assert [type(d).__name__ for d in parsed.file.declarations] == [
        "Broken",
        "Segment",
        "Broken",
        "NamedList",
    ]


def test_a_clause_after_an_unfinished_condition_is_not_taken_for_a_name():
    text = "promotion p {\n  when cart.subtotal >\n  take 5% off cart\n  limit per user\n}"

    assert told(text) == [
        ("take", "expected a value after `>`, not `take`"),
        ("per", "expected a whole number after `limit`, not `per`"),
    ]


def test_a_missing_brace_is_put_in_so_that_nothing_follows_from_it():
    text = 'trigger t { on e then wait 1 day  send email "x" } }  list l []'

    assert told(text) == [("wait", "expected `{` after `then`, not `wait`")]
    assert len(read(text).file.declarations) == 2


def test_a_text_left_open_is_the_only_error_of_its_declaration():
    text = 'trigger t {\n  on e\n  then { send email "x }\n}\nsegment a { x > 1 }'

    assert told(text) == [('"x }', "this text is not closed")]
    assert isinstance(read(text).file.declarations[1], nodes.Segment)


def test_a_clause_of_another_declaration_is_named_as_such():
    assert told("promotion p { wait 2 days }") == [
        ("wait", "`wait` does not belong in a promotion")
    ]
    assert told("trigger t { then { take 5% off cart } }") == [
        ("take", "`take` does not belong among a trigger's steps")
    ]


def test_at_most_fifty_errors_are_told():
    assert len(read("segment a { x > }\n" * 60).diagnostics) == 50
    assert len(read("segment a { x > ! }\n" * 60).diagnostics) == 50


def test_diagnostics_come_in_the_order_of_the_text():
    starts = [d.span.start for d in read("segment a { x > }\nsegment b { $ }\nx").diagnostics]

    assert starts == sorted(starts)


def test_columns_of_errors_count_code_points():
    (diagnostic,) = read('segment s "😀" { 春 > }').diagnostics

    assert (diagnostic.span.line, diagnostic.span.column) == (1, 21)
    assert diagnostic.render('segment s "😀" { 春 > }').splitlines()[-1].endswith("^")


@pytest.mark.parametrize(
    "text",
    [
        "fanfare\nevent seen { page: text }",
        "fanfare one\nevent seen { page: text }",
        'trigger t { on seen then { send email "x" wait { } tag "y" } }',
    ],
)
def test_a_beginning_without_its_number_and_a_wait_without_its_time_are_one_error(text):
    found = parse(SourceFile("rules", text)).diagnostics

    assert [d.code for d in found] == ["E101"]
