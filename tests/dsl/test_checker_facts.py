"""Events, attributes and lists: over files, beside what is built in."""

import pytest

from dsl import Settings, SourceFile, check
from dsl.builtin import EVENT_TIME
from dsl.kinds import NUMBER, TEXT, Money, Record
from tests.dsl.checking import findings


def program(*texts, settings=None):
    files = [SourceFile(f"{number}.rules", text) for number, text in enumerate(texts)]
    return check(files, settings or Settings())


def codes(*texts, settings=None):
    return [d.code for d in program(*texts, settings=settings).diagnostics]


def test_declared_events_have_their_fields_and_a_time():
    events = program("event seen { page: text }").program.events

    assert events["seen"] == Record((EVENT_TIME, ("page", TEXT)))


def test_built_in_events_need_no_declaration():
    rules = "segment s { sum(order_placed.total, ever) > 1 USD and any(order_cancelled, ever) }"

    assert codes(rules) == []


def test_a_declaration_adds_to_a_built_in_event_and_to_its_items():
    order = program(
        "event order_placed { store: text  items: list of { sku: text  aisle: number } }"
    ).program.events["order_placed"]

    assert order.get("store") == TEXT
    assert order.get("total") == Money("USD")
    assert order.get("items").element.get("aisle") == NUMBER
    assert order.get("items").element.get("amount") == Money("USD")


def test_two_files_may_each_add_to_a_built_in_event():
    order = program("event order_placed { store: text }", "event order_placed { till: number }")

    assert order.program.events["order_placed"].get("store") == TEXT
    assert order.program.events["order_placed"].get("till") == NUMBER


@pytest.mark.parametrize(
    "field",
    ["total: number", "order_id: number", "items: list of text", "items: list of { sku: number }"],
)
def test_a_declaration_cannot_change_what_is_built_into_orders(field):
    assert codes(f"event order_placed {{ {field} }}") == ["E210"]


def test_the_other_built_in_events_are_only_defaults():
    assert codes("event cart_updated { total: money CNY  items: list of { sku: text } }") == []


def test_the_currency_is_that_of_the_files_own_orders_without_a_server():
    euro = program("event order_placed { total: money EUR }").program

    assert euro.currency == "EUR"
    assert euro.events["order_placed"].get("items").element.get("amount") == Money("EUR")
    assert program("").program.currency == "USD"


def test_the_workspaces_currency_decides_where_there_is_one():
    settings = Settings(currency="CNY")

    assert program("", settings=settings).program.currency == "CNY"
    assert codes("event order_placed { total: money EUR }", settings=settings) == ["E210"]


def test_the_same_declaration_in_two_files_is_fine():
    facts = 'event seen { page: text }  attributes user { age: number }  list l ["a"]'

    assert codes(facts, facts) == []


@pytest.mark.parametrize(
    ("one", "other", "code"),
    [
        ("event seen { page: text }", "event seen { page: number }", "E210"),
        ("event seen { page: text }", "event seen { page: text  at: time }", "E210"),
        ("attributes user { age: number }", "attributes user { age: text }", "E210"),
        ("attributes item { age: number }", "attributes item { age: text }", "E210"),
        ('list l ["a"]', 'list l ["b"]', "E210"),
    ],
)
def test_a_differing_declaration_in_another_file_is_an_error(one, other, code):
    assert codes(one, other) == [code]


def test_attributes_of_several_files_add_up():
    user = program(
        "attributes user { age: number }", "attributes user { kids: number }"
    ).program.user

    assert (user.get("age"), user.get("kids")) == (NUMBER, NUMBER)


@pytest.mark.parametrize(
    ("facts", "finding"),
    [
        ("event seen { page: text }  event seen { page: text }", "E209 seen"),
        ("event seen { page: text  page: number }", "E212 page"),
        ("event seen { time: number }", "E211 time"),
        ("event seen { cost: money XXY }", "E222 money XXY"),
        ('event seen { size: one of ["s", "s"] }', 'E212 "s"'),
        ("attributes user { email: text }", "E211 email"),
        ("attributes user { consent: bool }", "E211 consent"),
        ("attributes user { age: number  age: text }", "E212 age"),
        ("attributes user { age: number }  attributes user { age: number }", "E209 age"),
        ("attributes item { price: number }", "E211 price"),
        ("attributes item { amount: number }", "E211 amount"),
        ('list l ["a"]  list l ["a"]', "E209 l"),
        ('list l ["a", 1]', "E220 1"),
        ("list l [1 USD, 1 EUR]", "E221 1 EUR"),
        ("list l [1.234 USD]", "E223 1.234 USD"),
    ],
)
def test_how_a_fact_is_declared_wrongly(facts, finding):
    assert findings(facts, facts="") == [finding]


def test_a_list_is_of_any_one_type():
    rules = "list lucky [7, 13]  segment s { user.points in lucky }"

    assert program(rules).program.lists == {"lucky": (7, 13)}


def test_what_a_broken_declaration_would_have_declared_is_not_unknown():
    rules = """event seen { page text }
    attributes user { age number }
    segment a { user.points > }
    segment b { user in segment a and any(seen, ever) and user.age > 3 }
    segment c { user.aeg > 3 or any(sene, ever) }"""

    found = codes(rules)

    assert [code for code in found if code.startswith("E1")] == ["E101", "E101", "E101"]
    assert [code for code in found if code.startswith("E2")] == ["E201", "E202"]


def test_a_fact_that_nobody_declared_is_told_how_to_be():
    source = SourceFile("rules", "segment s { user.household_size >= 3 }")

    (found,) = check([source]).diagnostics

    assert "attributes user { household_size: number }" in found.hint
