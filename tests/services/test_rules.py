from datetime import UTC, datetime

import pytest

from dsl import Settings, SourceFile
from services.rules import check_rules

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)

RULES = """
attributes user { household_size: number }
segment regulars { user.household_size >= 3 }
promotion three_for_two { buy 2 items where sku is missing get 1 items free }
promotion big { when cart.subtotal >= 50 USD  for user in segment regulars  take 5% off cart }
promotion spring { active from 2026-03-01 to 2026-03-31  code "X"  take 1 USD off cart priority -1 }
"""


def failing(expectations, clauses=""):
    example = f"""example "e" {{
        cart {{ 3 of {{ category: "COFFEE", price: 4 USD }}  shipping 2 USD  code "x" }}
        {clauses}
        {expectations}
    }}"""
    checked = check_rules([SourceFile("a.rules", RULES + example)], Settings(), now=NOW)
    assert all(each.code == "E260" for each in checked.diagnostics), checked.diagnostics
    assert (checked.program is None) == bool(checked.diagnostics)
    return [each.message for each in checked.diagnostics]


@pytest.mark.parametrize(
    ("expectations", "clauses"),
    [
        ("expect total 9 USD", ""),
        ("expect three_for_two takes 4 USD", ""),
        ("expect three_for_two applied  expect big not applied", ""),
        ("expect total 10 USD  expect spring not applied", "at 2026-04-01"),
        ("expect big not applied", "user { household_size: 3 }"),
        ("expect big not applied", "user { household_size: 2 } in segment regulars"),
    ],
)
def test_an_example_that_comes_out_as_expected_is_silent(expectations, clauses):
    assert failing(expectations, clauses) == []


@pytest.mark.parametrize(
    ("expectation", "came"),
    [
        ("expect total 10 USD", "the total is 9.00 USD"),
        ("expect three_for_two takes 5 USD", "`three_for_two` takes 4.00 USD"),
        ("expect three_for_two not applied", "`three_for_two` takes 4.00 USD"),
        ("expect big applied", "`big` does not apply"),
        ("expect big takes 1 USD", "`big` does not apply"),
    ],
)
def test_a_failing_example_says_what_came_instead(expectation, came):
    (message,) = failing(expectation)

    assert came in message


def test_the_error_is_at_what_was_expected():
    text = 'promotion p { take 1 USD off cart }\nexample "e" {\n' + (
        "  cart { 1 of { price: 4 USD } }\n  expect total 3 USD\n  expect p not applied\n}"
    )

    (found,) = check_rules([SourceFile("a.rules", text)], Settings(), now=NOW).diagnostics

    assert (found.span.line, found.span.column) == (5, 3)
    assert found.span.file == "a.rules"


def test_an_example_is_in_the_currency_of_its_money():
    text = """promotion p { take 1 EUR off cart }
    example "e" { cart { 1 of { price: 4 EUR } } expect total 3 EUR expect p takes 1 EUR }"""

    assert check_rules([SourceFile("a", text)], Settings(), now=NOW).diagnostics == ()
