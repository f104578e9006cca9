"""What the parser makes of every construct of the language."""

from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dsl import nodes
from dsl.diagnostics import SourceFile
from dsl.parser import parse
from dsl.parser.table import table

CORPUS = (Path(__file__).parent / "every_construct.rules").read_text(encoding="utf-8")


def read(text: str) -> nodes.File:
    parsed = parse(SourceFile("test.rules", text))
    assert parsed.diagnostics == ()
    return parsed.file


def condition(text: str) -> nodes.Expr:
    declaration = read(f"segment s {{ {text} }}").declarations[0]
    assert isinstance(declaration, nodes.Segment)
    return declaration.condition


def clause(kind: str, text: str) -> Any:
    (found,) = read(f"{kind} x {{ {text} }}").declarations[0].clauses  # type: ignore[union-attr]
    return found


def step(text: str) -> Any:
    (found,) = clause("trigger", f"then {{ {text} }}").steps
    return found


def number(text: str) -> nodes.Number:
    return nodes.Number(Decimal(text), text)


def usd(text: str) -> nodes.Money:
    return nodes.Money(number(text), "USD")


def path(text: str) -> nodes.Path:
    return nodes.Path(tuple(nodes.Name(part) for part in text.split(".")))


def every_node(value: Any) -> list[Any]:
    if isinstance(value, tuple):
        return [node for element in value for node in every_node(element)]
    if not is_dataclass(value):
        return []
    below = [n for f in fields(value) for n in every_node(getattr(value, f.name))]
    return [value, *below]


# --- the corpus ----------------------------------------------------------------------------------


def test_the_corpus_holds_every_kind_of_node():
    seen = {type(node).__name__ for node in every_node(read(CORPUS))}
    kinds = {name for name in nodes.__all__ if isinstance(getattr(nodes, name), type)}

    assert kinds - seen == {"Broken", "Node"}


def test_every_node_says_where_it_was_written():
    written = [n for n in every_node(read(CORPUS)) if isinstance(n, nodes.Node)]

    assert all(
        node.span.file == "test.rules" and node.span.start < node.span.end for node in written
    )


def test_a_name_is_found_at_its_span():
    names = [n for n in every_node(read(CORPUS)) if isinstance(n, nodes.Name)]

    assert all(CORPUS[n.span.start : n.span.end] == n.text for n in names)


def test_a_path_covers_all_its_parts():
    paths = [n for n in every_node(read(CORPUS)) if isinstance(n, nodes.Path)]

    assert all(CORPUS[n.span.start : n.span.end] == str(n) for n in paths)


def test_each_word_of_the_language_may_name_a_field():
    for word in table().keywords:
        fields_ = read(f"event e {{ {word}: text }}").declarations[0].record.fields  # type: ignore[union-attr]
        assert [field.name.text for field in fields_] == [word]
        assert condition(f"user.{word} = 1") == nodes.Comparison(
            "=", path(f"user.{word}"), number("1")
        )


def test_each_word_of_the_language_may_name_a_declaration_and_an_arm():
    for word in table().keywords:
        text = f"promotion {word} {{ split {word} {{ 50% {word} {{ }} 50% b {{ }} }} }}"
        (promotion,) = read(text).declarations
        assert promotion.clauses[0].arms[0].name.text == word  # type: ignore[union-attr]


@pytest.mark.parametrize("rest", ["= user.p", "not in [1%]", "and user.b", "or user.b", "is known"])
def test_a_condition_may_begin_with_a_percentage(rest):
    read(f"segment s {{ 50% {rest} }}")


@pytest.mark.parametrize("word", ["and", "or"])
def test_a_condition_goes_on_in_parentheses_after_a_percentage(word):
    joined = condition(f"user.share > 5% {word} (user.share < 1%)")

    kind = nodes.And if word == "and" else nodes.Or
    assert isinstance(joined, kind)


# --- literals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", number("12")),
        ("12.50", number("12.50")),
        ("20_000", nodes.Number(Decimal(20000), "20_000")),
        ("15%", nodes.Percent(number("15"))),
        ("15 %", nodes.Percent(number("15"))),
        ("100 USD", usd("100")),
        ("0.5USD", usd("0.5")),
        ("2026-03-01", nodes.Date(date(2026, 3, 1))),
        ("2026-03-01T09:00", nodes.Timestamp(datetime(2026, 3, 1, 9))),  # noqa: DTZ001
        ("2026-03-01T09:00Z", nodes.Timestamp(datetime(2026, 3, 1, 9, tzinfo=UTC))),
        (
            "2026-03-01T09:00+08:00",
            nodes.Timestamp(datetime(2026, 3, 1, 9, tzinfo=timezone(timedelta(hours=8)))),
        ),
        ("09:00", nodes.Time(time(9))),
        ("3 days", nodes.Duration(number("3"), "day")),
        ("1 month", nodes.Duration(number("1"), "month")),
        ("true", nodes.Bool(True)),
        ("false", nodes.Bool(False)),
        ('"a"', nodes.Text("a")),
        (r'"\"\\\n\t\u{1F600}"', nodes.Text('"\\\n\t😀')),
        ("now", nodes.Now()),
        ("today", nodes.Today()),
        ("-3", nodes.Negative(number("3"))),
        ("(3)", nodes.Group(number("3"))),
        ('["a", "b",]', nodes.List((nodes.Text("a"), nodes.Text("b")))),
    ],
)
def test_a_literal_is_kept_as_written(text, value):
    assert condition(f"x = {text}") == nodes.Comparison("=", path("x"), value)


def test_a_number_keeps_its_decimals_and_underscores():
    comparison = condition("x = 1_000.50")

    assert isinstance(comparison, nodes.Comparison)
    assert isinstance(comparison.right, nodes.Number)
    assert comparison.right.text == "1_000.50"
    assert comparison.right.value.as_tuple().exponent == -2


# --- expressions ---------------------------------------------------------------------------------

A, B, C = path("a"), path("b"), path("c")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a or b and c", nodes.Or((A, nodes.And((B, C))))),
        ("a and b and c", nodes.And((A, B, C))),
        ("not a and b", nodes.And((nodes.Not(A), B))),
        ("not a = b", nodes.Not(nodes.Comparison("=", A, B))),
        ("a == b", nodes.Comparison("=", A, B)),
        ("a != b", nodes.Comparison("!=", A, B)),
        (
            "a - b - c > 0",
            nodes.Comparison(
                ">", nodes.Arithmetic("-", nodes.Arithmetic("-", A, B), C), number("0")
            ),
        ),
        (
            "a + b * c > 0",
            nodes.Comparison(
                ">", nodes.Arithmetic("+", A, nodes.Arithmetic("*", B, C)), number("0")
            ),
        ),
        (
            "(a or b) and c",
            nodes.And((nodes.Group(nodes.Or((A, B))), C)),
        ),
        ("a between 1 and 2 and b", nodes.And((nodes.Between(A, number("1"), number("2")), B))),
        ("a in b", nodes.Comparison("in", A, B)),
        ('a not in ["x"]', nodes.Comparison("not in", A, nodes.List((nodes.Text("x"),)))),
        ("a in segment b", nodes.InSegment(A, nodes.Name("b"))),
        ("a not in segment b", nodes.InSegment(A, nodes.Name("b"), True)),
        ("a in segment", nodes.Comparison("in", A, path("segment"))),
        ("a starts with b", nodes.Comparison("starts with", A, B)),
        ("a is known", nodes.Is(A, True)),
        ("a is missing", nodes.Is(A, False)),
        ("f(a, b) = 1", nodes.Comparison("=", nodes.Call(nodes.Name("f"), (A, B)), number("1"))),
        ("least(last, since, this) = 1", None),
    ],
)
def test_an_expression_binds_as_the_language_says(text, tree):
    found = condition(text)

    assert tree is None or found == tree


@pytest.mark.parametrize(
    ("window", "node"),
    [
        ("last 90 days", nodes.Last(nodes.Duration(number("90"), "day"))),
        ("last 1 hour", nodes.Last(nodes.Duration(number("1"), "hour"))),
        ("this month", nodes.This("month")),
        ("since 2026-01-01", nodes.Since(nodes.Date(date(2026, 1, 1)))),
        ("ever", nodes.Ever()),
    ],
)
def test_an_aggregate_has_a_source_a_filter_and_a_window(window, node):
    found = condition(f"sum(order.total where a, {window}) > 1")

    assert isinstance(found, nodes.Comparison)
    assert found.left == nodes.Aggregate(nodes.Name("sum"), path("order.total"), A, node)


def test_a_misspelt_aggregate_is_still_one():
    assert condition("cuont(a, ever)") == nodes.Aggregate(
        nodes.Name("cuont"), A, None, nodes.Ever()
    )


def test_several_fields_may_share_a_type():
    (event,) = read("event e { sku brand: text  at: date }").declarations

    assert isinstance(event, nodes.Event)
    assert event.record.fields == (
        nodes.Field(nodes.Name("sku"), nodes.SimpleType("text")),
        nodes.Field(nodes.Name("brand"), nodes.SimpleType("text")),
        nodes.Field(nodes.Name("at"), nodes.SimpleType("date")),
    )


# --- clauses -------------------------------------------------------------------------------------


def target(what: str, **more: Any) -> nodes.Target:
    return nodes.Target(what, **more)


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("take 15% off cart", nodes.Take(nodes.Percent(number("15")), target("cart"))),
        (
            "take 5 USD off each item where a up to 9 USD",
            nodes.Take(usd("5"), target("each", where=A), usd("9")),
        ),
        (
            "take 5 USD off dearest 2 items",
            nodes.Take(usd("5"), target("dearest", count=number("2"))),
        ),
        ("free shipping", nodes.FreeShipping()),
        ("free shipping up to 3 USD", nodes.FreeShipping(usd("3"))),
        ("price items where a at 5 USD", nodes.FixedPrice(target("items", where=A), usd("5"))),
        (
            "buy 2 items where a get 1 dearest item for 1 USD at most 3 times up to 9 USD",
            nodes.BuyGet(number("2"), A, number("1"), None, True, usd("1"), number("3"), usd("9")),
        ),
        (
            "buy 2 items get 1 item free",
            nodes.BuyGet(number("2"), None, number("1"), None, False, nodes.Free()),
        ),
        ('gift sku "S"', nodes.Gift(nodes.Text("S"))),
        ("award 1 point", nodes.Award(number("1"))),
        ("award 2 points per 1 USD of a", nodes.Award(number("2"), usd("1"), A)),
        ("grant w", nodes.Grant(nodes.Name("w"))),
        ("grant w for 1 week", nodes.Grant(nodes.Name("w"), nodes.Duration(number("1"), "week"))),
        ("limit 5 total", nodes.Limit(number("5"), "total")),
        ("priority -10", nodes.Priority(number("10"), True)),
        ("first of g", nodes.FirstOf(nodes.Name("g"))),
        (
            "active every day 22:00 to 02:00",
            nodes.ActiveEvery(None, nodes.Time(time(22)), nodes.Time(time(2))),
        ),
    ],
)
def test_a_promotions_clause_is_read(text, node):
    assert clause("promotion", text) == node


def test_what_follows_a_grant_without_a_time_may_be_the_audience():
    (promotion,) = read("promotion p { grant w for 3 > user.points }").declarations

    assert [type(c) for c in promotion.clauses] == [nodes.Grant, nodes.Audience]  # type: ignore[union-attr]


def test_tiers_keep_their_order_and_their_cap():
    found = clause("promotion", "take off cart by a { from 5 USD: 1% from 10:50 USD } up to 9 USD")

    assert found == nodes.TakeTiers(
        target("cart"),
        A,
        (
            nodes.TierStep(usd("5"), nodes.Percent(number("1"))),
            nodes.TierStep(number("10"), usd("50")),
        ),
        usd("9"),
    )


def test_clauses_given_twice_are_both_kept():
    (promotion,) = read("promotion p { priority 1  priority 2 }").declarations

    assert promotion.clauses == (nodes.Priority(number("1")), nodes.Priority(number("2")))  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("on e where a", nodes.OnEvent(nodes.EventMatch(nodes.Name("e"), A))),
        ("every day at 09:00", nodes.Every("day", None, nodes.Time(time(9)))),
        (
            "every week on monday at 09:00 in user timezone",
            nodes.Every("week", "monday", nodes.Time(time(9)), nodes.UserZone()),
        ),
        (
            'every month on 31 at 09:00 in "Asia/Tokyo"',
            nodes.Every("month", number("31"), nodes.Time(time(9)), nodes.Text("Asia/Tokyo")),
        ),
        ("when user leaves segment s", nodes.OnSegment(nodes.Name("s"), False)),
        ("pace 10 per hour", nodes.Pace(number("10"), "hour")),
        ("reenter never", nodes.Reenter("never")),
    ],
)
def test_a_triggers_clause_is_read(text, node):
    assert clause("trigger", text) == node


def test_a_wait_for_an_event_binds_it_and_a_step_has_a_label():
    found = step("wait for e as order where a up to 1 day { stop } else { } as patience")

    event = nodes.EventMatch(nodes.Name("e"), A)
    day = nodes.Duration(number("1"), "day")
    stop = nodes.Step(nodes.Stop())
    assert found == nodes.Step(
        nodes.WaitFor(event, nodes.Name("order"), day, (stop,), ()), nodes.Name("patience")
    )


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ('send email "t"', nodes.Send(nodes.Name("email"), nodes.Text("t"))),
        (
            'send email transactional "t" with {}',
            nodes.Send(nodes.Name("email"), nodes.Text("t"), (), True),
        ),
        (
            "emit e { x: 1 }",
            nodes.Emit(nodes.Name("e"), (nodes.Entry(nodes.Name("x"), number("1")),)),
        ),
        ("set user.x to 1", nodes.SetFact(path("user.x"), number("1"))),
        ('untag "x"', nodes.Tag(nodes.Text("x"), True)),
        ("wait until monday 09:00", nodes.WaitUntil("monday", nodes.Time(time(9)))),
        ("enter lucky", nodes.EnterLottery(nodes.Name("lucky"))),
    ],
)
def test_a_step_is_read(text, node):
    assert step(text) == nodes.Step(node)
