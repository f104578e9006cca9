from pathlib import Path
from time import process_time

import pytest

from dsl import Completion, Settings, SourceFile, complete, parse
from dsl.editing.phrases import PHRASES, owner_of
from dsl.parser.table import table
from dsl.parser.tokens import tokenize

EVERYTHING = Path(__file__).with_name("every_construct.rules").read_text(encoding="utf-8")
FACTS = """event review_posted { sku: text  stars: number }
attributes user { household_size: number  favourite: one of ["tea", "coffee"] }
attributes item { on_sale: bool }
list snacks ["BAG SNACKS", "CANDY"]
segment regulars "Regulars" { count(order_placed, last 90 days) >= 4 }
promotion welcome { codes unique  take 1% off cart  best of spring }
loyalty club { tier silver at 500 points in 365 days }
lottery lucky { enter for 100 points }
"""


def offered(text: str, *, among: str = FACTS, currency: str | None = None) -> list[Completion]:
    """Complete at the `|` of a text, in one program with what is declared elsewhere."""
    offset = text.index("|")
    sources = [SourceFile("facts", among), SourceFile("f", text.replace("|", "", 1))]
    return complete(sources, "f", offset, Settings(currency=currency))


def labels(text: str, **options: str) -> list[str]:
    return [each.label for each in offered(text, **options)]


# --- declarations, clauses, steps ----------------------------------------------------------------


def test_declarations_come_between_declarations() -> None:
    assert {"segment", "promotion", "attributes user", "flash_sale"} <= set(labels("|"))
    assert labels("event e {}\nseg|") == ["segment"]


def test_clauses_come_in_braces_without_those_given_before_or_after() -> None:
    found = labels("promotion p { limit 1 per user\n priority 4\n | \n when cart.quantity > 5 }")

    assert {"take", "for", "limit", "budget"} <= set(found)
    assert not {"priority", "when", "wait", "segment"} & set(found)


def test_one_start_is_enough_for_a_trigger() -> None:
    starts = {"on", "at", "every day at", "when user enters segment"}

    assert starts <= set(labels("trigger t { | }"))
    assert not starts & set(labels("trigger t {\n on order_placed\n | \n}"))


def test_what_excludes_each_other_is_not_offered_beside_it() -> None:
    found = labels("promotion p { exclusive\n | }")

    assert not {"exclusive", "best of", "first of"} & set(found)


def test_steps_come_in_a_journey_at_any_depth() -> None:
    for text in ("then { | }", 'then { if user.points > 3 { tag "a" } else { | } }'):
        found = labels(f"trigger t {{\n on order_placed\n {text} }}")
        assert {"wait", "wait for", "send", "stop"} <= set(found)
        assert "quiet" not in found


def test_a_clause_goes_on_with_what_may_follow() -> None:
    assert labels("promotion p { take 15% off | }")[:3] == ["cart", "cheapest", "dearest"]
    assert labels("promotion p { take 15% off cart |")[0] == "up to"
    assert labels("promotion p { take 15% |") == ["off"]
    assert labels("segment s { user.email is known | }") == ["and", "or"]


def test_on_a_new_line_clauses_come_before_what_goes_on() -> None:
    assert labels("promotion p {\n  when cart.quantity > 5 |")[:2] == ["and", "or"]
    assert labels("promotion p {\n  when cart.quantity > 5\n  |")[:2] == [
        "active from",
        "active every",
    ]


def test_every_clause_and_step_can_be_offered() -> None:
    """The words that the grammar takes at each clause's beginning are all in the phrases."""
    bodies = {
        "campaign c {": "campaign",
        "promotion p {": "promotion",
        "trigger t {": "trigger",
        "trigger t { then {": "steps",
        "loyalty l {": "loyalty",
        "flash_sale f {": "flash_sale",
        "group_buy g {": "group_buy",
        "lottery l {": "lottery",
        'example "e" {': "example",
    }
    for head, owner in bodies.items():
        tokens = tokenize(SourceFile("f", head)).tokens
        stack = [*table().begin().state_stack]
        for index in range(len(tokens)):
            stack = table().accepts(stack, table().type_in(stack[-1], tokens, index)) or []
        accepted = table().accepted(stack)

        assert owner_of(head.split()[0], accepted) == owner
        words = {table().literals[t] for t in accepted} - {"}"}
        assert words == {phrase.words.split()[0] for phrase in PHRASES[owner]}


@pytest.mark.parametrize("owner", sorted(PHRASES))
def test_the_examples_of_phrases_are_the_language(owner: str) -> None:
    around = {
        "": "{}",
        "steps": "trigger t {{ then {{ {} }} }}",
        "example": 'example "e" {{ {} }}',
        "cart": 'example "e" {{ cart {{ {} }} }}',
        "tiers": "promotion p {{ take off cart by cart.subtotal {{ {} }} }}",
    }
    for phrase in PHRASES[owner]:
        text = around.get(owner, owner + " x {{ {} }}").format(phrase.example)

        assert parse(SourceFile("f", text)).diagnostics == (), text
        assert phrase.example.startswith(phrase.words.split()[0])


# --- facts ---------------------------------------------------------------------------------------


def test_a_dot_shows_fields_with_their_types() -> None:
    found = {each.label: each.detail for each in offered("segment s { user.| }")}

    assert found["email"] == "text"
    assert found["household_size"] == "number"
    assert found["favourite"] == 'one of ["tea", "coffee"]'
    assert labels("segment s { user.consent.| ") == ["email", "sms", "push"]
    assert labels("promotion p { when cart.sub| >= 5 USD }") == ["subtotal"]


def test_a_filter_shows_the_fields_of_its_element() -> None:
    assert labels("promotion p { take 15% off items where |")[:2] == ["sku", "name"]
    assert "on_sale" in labels("promotion p { take 15% off items where o|")
    assert labels("segment s { any(order_placed.items where |, ever) }")[1] == "category"
    assert "stars" in labels("trigger t { on review_posted where | }")
    assert "order_id" in labels("promotion p { goal order_placed where | }")


def test_the_cart_is_only_spoken_of_where_there_is_one() -> None:
    assert "cart" in labels("promotion p { when | }")
    assert "cart" not in labels("promotion p { for | }")
    assert "cart" not in labels("segment s { | }")


def test_the_event_is_that_which_starts_the_trigger() -> None:
    text = 'trigger t {\n then { send email "x" with { a: event.| } }\n on review_posted\n}'

    assert labels('trigger t {\n on review_posted\n then { send email "x" with { a: event.|') == [
        "time",
        "sku",
        "stars",
    ]
    assert labels(text) == []
    assert "event" not in labels("trigger t {\n every day at 09:00\n then { if | } }")


def test_what_was_waited_for_has_its_name_in_the_braces() -> None:
    text = (
        "trigger t {\n on order_placed\n then { wait for review_posted as r up to 1 day { %s } } }"
    )

    assert "r" in labels(text % "if |")
    assert labels(text % "if r.|") == ["time", "sku", "stars"]


def test_aggregates_go_over_events_and_lists() -> None:
    found = labels("promotion p { when count(| }")

    assert {"order_placed", "review_posted", "cart.items", "user.tags"} <= set(found)
    assert "user" not in found
    assert labels("segment s { sum(order_placed.| ")[:2] == ["total", "items"]
    assert labels("segment s { sum(order_placed.items.| ")[:2] == ["quantity", "amount"]


def test_a_fact_is_found_by_its_last_name_too() -> None:
    (found,) = offered("segment s { ema| }")

    assert (found.label, found.insert) == ("user.email", "user.email")


def test_examples_and_emitted_events_show_their_fields() -> None:
    assert "category" in labels('example "x" { cart { 1 of { | } } }')
    assert "household_size" in labels('example "x" { user { | } }')
    assert labels("trigger t {\n on order_placed\n then { emit review_posted { s| } }") == [
        "sku",
        "stars",
    ]
    assert labels("trigger t {\n on order_placed\n then { set | }") == [
        "user.household_size",
        "user.favourite",
    ]


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("promotion p { for user in segment | }", "regulars"),
        ("trigger t { when user enters segment | }", "regulars"),
        ('example "x" { user in segment regulars, | }', "regulars"),
        ("promotion p { take 1% off items where category in | }", "snacks"),
        ("trigger t { on | }", "order_placed"),
        ("trigger t { on order_placed\n then { wait 1 day unless | } }", "review_posted"),
        ("trigger t { on order_placed\n then { grant | } }", "welcome"),
        ("trigger t { on order_placed\n then { enter | } }", "lucky"),
        ("trigger t { on order_placed\n then { send | } }", "email"),
        ('example "x" { expect | }', "welcome"),
        ('lottery l { prize "x" quantity 1 grants | }', "welcome"),
        ("promotion p { best of | }", "spring"),
        ("loyalty l { earn 1 point per 1 USD of | }", "order_placed"),
        ("loyalty l { earn 1 point per 1 USD of order_placed.| }", "total"),
    ],
)
def test_names_of_the_right_kind_are_offered(text: str, name: str) -> None:
    assert name in labels(text)


def test_names_of_ones_own_are_not_guessed() -> None:
    for text in ("segment |", "promotion p|", "event e { a: text  | }", "event | {"):
        assert labels(text) == []


def test_the_declaration_being_written_does_not_hide_the_others() -> None:
    text = "segment mine { user.emial }\npromotion p { for user in segment | "

    assert set(labels(text)) == {"regulars", "mine"}


# --- values, units, currencies -------------------------------------------------------------------


def test_a_closed_set_shows_its_values_in_quotes() -> None:
    assert labels("segment s { user.favourite = | }")[:2] == ['"tea"', '"coffee"']
    assert labels('segment s { user.favourite = "t| }') == ["tea"]
    assert labels('segment s { user.favourite in ["tea", "|"] }') == ["tea", "coffee"]
    assert labels("segment s { weekday(user.birthday) = | }")[:1] == ['"monday"']
    assert labels('segment s { user.tier = "|" }') == ["silver"]
    assert labels("promotion p { take 1% off items where on_sale = | }")[:2] == ["true", "false"]


def test_a_quote_that_is_open_is_closed() -> None:
    (open_one,) = offered('segment s { user.favourite = "t| }')
    (closed,) = offered('segment s { user.favourite = "t|x" }')

    assert open_one.insert == 'tea"'
    assert closed.insert == "tea"
    assert closed.end - closed.start == len("tx")


def test_zones_are_known() -> None:
    assert labels('promotion p { active from 2026-03-01 in "Asia/Shang|') == ["Asia/Shanghai"]


def test_the_shops_currency_comes_first() -> None:
    assert labels("promotion p { budget 100 | }", currency="CHF")[0] == "CHF"
    assert labels("promotion p { budget 100 j| }") == ["JPY", "JMD", "JOD"]
    (first, *_) = offered("promotion p { budget 100| }")
    assert (first.insert, first.start) == (" USD", len("promotion p { budget 100"))


def test_units_agree_with_their_number() -> None:
    assert "days" in labels("segment s { count(order_placed, last 90 | ")
    assert "day" not in labels("segment s { count(order_placed, last 90 | ")
    assert "day" in labels("segment s { count(order_placed, last 1 | ")


def test_units_suit_what_is_compared() -> None:
    of_money = labels("promotion p { when cart.subtotal > 5 | }")
    assert of_money[0] == "USD"
    assert not {"%", "days"} & set(of_money)
    assert labels("segment s { user.points > 5 | }") == ["and", "or"]
    assert labels("segment s { count(order_placed, last 5 |")[:2] == ["days", "weeks"]


def test_operators_suit_what_is_compared() -> None:
    assert labels("segment s { user.consent.email | }")[:2] == ["=", "!="]
    assert "<" not in labels("segment s { user.consent.email | }")
    assert "contains" in labels("segment s { user.tags | }")
    assert labels("promotion p { for user |")[:2] == ["in segment", "not in segment"]
    assert "between" in labels("segment s { user.birthday | }")


# --- half-written text ---------------------------------------------------------------------------


def test_a_mistake_before_does_not_end_the_help() -> None:
    assert labels("promotion p { tke 5% off cart\n whn user.x\n li|") == ["limit"]
    assert "for" in labels("promotion a {\n take 10% off cart\n\npromotion b {\n | ")
    assert labels("promotion 5x { take 1% off cart\n bud| }") == ["budget"]


def test_a_declaration_may_follow_one_left_open() -> None:
    assert "trigger" in labels("promotion a {\n take 10% off cart\ntri|")


def test_comments_texts_and_numbers_are_left_alone() -> None:
    for text in ("# seg|", 'segment s "ti|tle" {', "promotion p { limit 1|0 per user }"):
        assert labels(text) == []


def test_help_comes_at_every_place_of_a_file_and_of_its_beginnings() -> None:
    tokens = tokenize(SourceFile("f", EVERYTHING)).tokens
    for token in tokens[::29]:
        cut = EVERYTHING[: token.span.end]
        complete([SourceFile("f", cut)], "f", token.span.end)
        found = complete([SourceFile("f", EVERYTHING)], "f", token.span.start)
        assert all(each.start <= token.span.start <= each.end for each in found)


def test_what_was_written_would_have_been_offered() -> None:
    """Of every keyword of the whole language, typed to its first letter."""
    tokens = tokenize(SourceFile("f", EVERYTHING)).tokens
    parse(SourceFile("f", EVERYTHING))
    for index, token in enumerate(tokens):
        stands_alone = token.word and tokens[index - 1].text not in (".", "event", "list")
        if stands_alone and token.text in ("where", "take", "unless", "segment", "per", "budget"):
            found = complete([SourceFile("f", EVERYTHING)], "f", token.span.start + 1)
            inserted = {word for each in found for word in each.insert.split()}
            assert token.text in inserted, token


def test_a_file_too_large_to_parse_is_left_alone() -> None:
    assert complete([SourceFile("f", "x" * 300_000)], "f", 5) == []


@pytest.mark.parametrize(
    "text", ["(" * 20_000, "{ " * 20_000, "promotion p { when " + "not " * 20_000]
)
def test_hostile_text_is_answered_in_good_time(text: str) -> None:
    source = SourceFile("f", f"segment s {{ {text}")
    began = process_time()

    complete([source], "f", len(source.text))

    assert process_time() - began < 30
