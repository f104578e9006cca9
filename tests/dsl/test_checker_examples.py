"""Examples: what they may say of a cart, a person and a moment."""

from datetime import UTC, datetime

import pytest

from dsl.clauses import Amount
from dsl.program import ExampleLine
from tests.dsl.checking import checked, findings

CART = "cart { 1 of { price: 4 USD } }"


def test_an_example_is_kept_in_stored_form():
    found = checked("""example "three coffees" {
      cart { 3 of { category: "COFFEE", price: 4 USD, on_sale: true }  shipping 2 USD  code "X" }
      user { age: 3, joined: 2026-01-01, consent.email: true } in segment regulars
      at 2026-03-05T12:00
      expect total 10 USD  expect welcome takes 4 USD  expect welcome not applied }""")

    (example,) = found.program.examples
    fields = (("category", "COFFEE"), ("price", 400), ("on_sale", True))
    assert example.lines == (ExampleLine(3, fields),)
    assert (example.shipping, example.codes) == (Amount(200, "USD"), ("X",))
    assert dict(example.user) == {"age": 3, "joined": "2026-01-01", "consent.email": True}
    assert example.segments == ("regulars",)
    assert example.at == datetime(2026, 3, 5, 12, tzinfo=UTC)
    assert [e.what for e in example.expectations] == ["total", "takes", "not applied"]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("expect total 1 USD", 'E241 "x"'),
        (CART, 'E241 "x"'),
        (f"{CART}  {CART}  expect total 1 USD", f"E240 {CART}"),
        ("cart { 1 of { price: 4 } }  expect total 1 USD", "E220 4"),
        ("cart { 1 of { prise: 4 USD, price: 1 USD } }  expect total 1 USD", "E201 prise"),
        ('cart { 1 of { category: "TEA" } }  expect total 1 USD', 'E241 1 of { category: "TEA" }'),
        ("cart { 0 of { price: 4 USD } }  expect total 1 USD", "E229 0"),
        ("cart { 1 of { price: -4 USD } }  expect total 1 USD", "E229 1 of { price: -4 USD }"),
        ("cart { 1 of { price: 4 USD, floor: 4 EUR } }  expect total 1 USD", "E221 4 EUR"),
        ("cart { 1 of { price: 4 USD, cost: 4 EUR } }  expect total 1 USD", "E221 4 EUR"),
        ("cart { 1 of { price: 4 USD }  shipping 4 EUR }  expect total 1 USD", "E221 4 EUR"),
        (f"{CART}  expect total 1 EUR", "E221 1 EUR"),
        (f"{CART}  expect total 1.999 USD", "E223 1.999 USD"),
        (f"{CART}  expect welcom applied", "E204 welcom"),
        (f"{CART}  expect regulars applied", "E204 regulars"),
        (f"{CART}  user {{ aeg: 3 }}  expect total 1 USD", "E201 aeg"),
        (f'{CART}  user {{ age: "x" }}  expect total 1 USD', 'E220 "x"'),
        (f'{CART}  user {{ band: "x" }}  expect total 1 USD', 'E224 "x"'),
        (f"{CART}  user {{ age: 3, age: 4 }}  expect total 1 USD", "E212 age"),
        (f"{CART}  user {{ }} in segment regularz  expect total 1 USD", "E203 regularz"),
    ],
)
def test_how_an_example_goes_wrong(text, finding):
    assert finding in findings(f'example "x" {{ {text} }}')
    assert len(findings(f'example "x" {{ {text} }}')) == 1


def test_a_user_without_facts_is_somebody():
    (example,) = checked(
        f'example "x" {{ {CART}  user in segment regulars  expect total 1 USD }}'
    ).program.examples

    assert example.user == ()
