"""How large a file may be, and how quickly a hostile one is answered."""

import time
import tracemalloc

import pytest

from dsl import nodes
from dsl.diagnostics import SourceFile
from dsl.parser import Parsed, parse

HOSTILE = 15  # seconds of CPU: all take about one at most, and minutes if any step were quadratic


def read(text: str) -> Parsed:
    return parse(SourceFile("test.rules", text))


def codes(text: str) -> list[str]:
    return [d.code for d in read(text).diagnostics]


def nested(levels: int) -> str:
    return "segment s { " + "(" * levels + "x = 1" + ")" * levels + " }"


def test_sixty_four_brackets_may_be_open_at_once():
    assert codes(nested(63)) == []
    assert codes(nested(64)) == ["E105"]


def test_a_deep_declaration_leaves_the_others_whole():
    parsed = read(nested(64) + "\nsegment t { x = 1 }")

    assert [type(d) for d in parsed.file.declarations] == [nodes.Broken, nodes.Segment]


def test_a_condition_may_have_many_parts_but_not_many_levels():
    assert codes("segment s { " + "x = 1 and " * 4000 + "y = 1 }") == []
    assert codes("segment s { 0 " + "+ 1 " * 190 + "> 1 }") == []
    assert codes("segment s { 0 " + "+ 1 " * 300 + "> 1 }") == ["E105"]
    assert codes("segment s { " + "not " * 300 + "x = 1 }") == ["E105"]


def test_a_file_may_have_two_thousand_declarations():
    assert codes("list l []\n" * 2000) == []

    parsed = read("list l []\n" * 2001)
    assert [(d.code, d.span.line) for d in parsed.diagnostics] == [("E105", 2001)]
    assert len(parsed.file.declarations) == 2000


def test_a_list_may_have_ten_thousand_elements():
    assert codes(f"list l [{'1,' * 9999}1]") == []
    assert codes(f"list l [{'1,' * 10_000}1]") == ["E105"]


def test_a_file_may_have_thirty_thousand_words():
    assert codes("list l []\n" * 1999 + f"list m [{'1,' * 9000}1]") == []
    assert codes("1 " * 30_001) == ["E105"]


def test_a_file_may_have_256_kib_of_any_letters():
    assert codes("#" + "x" * (256 * 1024 - 1)) == []
    assert codes("#" + "x" * 256 * 1024) == ["E105"]
    assert codes("#" + "春" * (256 * 1024 // 3)) == []
    assert codes("##" + "春" * (256 * 1024 // 3)) == ["E105"]


def test_a_thousand_declarations_are_read_in_good_time():
    read("")
    line = (
        "promotion p {{ when cart.subtotal > {} USD and cart.quantity > 2  take 10% off cart }}\n"
    )
    text = "".join(line.format(i) for i in range(1000))

    started = time.process_time()
    parsed = read(text)

    assert len(parsed.file.declarations) == 1000
    assert time.process_time() - started < HOSTILE


@pytest.mark.parametrize(
    "text",
    [
        "segment a { " + "not " * 29_000,
        "segment a { " + "- " * 29_000,
        "segment a { " + "(" * 29_000,
        "segment a { 1 " + "+ 1 " * 14_000 + "}",
        "segment a { x" + ".y" * 14_000 + " }",
        "{" * 29_000,
        "}" * 29_000,
        "promotion p {" + " limit 1 per month" * 7000 + "}",
        "segment a {\n" * 7000,
        "promotion p {\n take 1% off\n" * 4000,
        "trigger t { then {" + "if x > { " * 5000,
        "event e { x: " + "list of " * 14_000,
        "segment a { x = " + "9" * 200_000,
        "segment a { x = " + "9_" * 100_000,
        '"' * 250_000,
        '"' + "\\" * 250_000,
        "#\n" * 130_000,
        "\n" * 260_000,
        "x" * 260_000,
        "春" * 87_000,
        "a" + "\u0301" * 100_000,
        "😀" * 60_000,
        "a " * 29_000,
        "segment " * 29_000,
        'list l ["a' * 29_000,
    ],
    ids=lambda text: text[:24].strip(),
)
def test_a_hostile_file_is_answered_quickly(text):
    read("")
    started = time.process_time()

    read(text)

    assert time.process_time() - started < HOSTILE


def test_a_hostile_file_takes_little_memory():
    read("")
    tracemalloc.start()

    read("#\n" * 30_000)
    read(f"list l [{'1,' * 9999}1]")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 50 * 1024 * 1024
