"""Amounts between text and minor units, by currency."""

from decimal import Decimal
from fractions import Fraction

import pytest

from dsl.money import CURRENCIES, decimals, divide_half_away, round_half_away, to_minor, to_text


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("12.50", "USD", 1250),
        ("12.5", "EUR", 1250),
        ("100", "JPY", 100),
        ("-0.05", "USD", -5),
        ("1.234", "KWD", 1234),
        ("1.500", "USD", 150),
        (Decimal("1E+2"), "USD", 10_000),
        (Decimal("0.01"), "USD", 1),
        (7, "CNY", 700),
    ],
)
def test_an_amount_becomes_minor_units(amount, currency, minor):
    assert to_minor(amount, currency) == minor


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("12.505", "USD"),
        ("1.5", "JPY"),
        ("", "USD"),
        ("1e3", "USD"),
        ("NaN", "USD"),
        ("١٢", "USD"),
        (Decimal("Infinity"), "USD"),
        (Decimal("1e999999"), "USD"),
        ("999999999999999999", "USD"),
    ],
)
def test_what_is_no_amount_is_refused(amount, currency):
    with pytest.raises(ValueError, match=r"amount|decimals|large"):
        to_minor(amount, currency)


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (1234, "USD", "12.34"),
        (5, "USD", "0.05"),
        (-5, "USD", "-0.05"),
        (0, "EUR", "0.00"),
        (99, "JPY", "99"),
        (12, "KWD", "0.012"),
    ],
)
def test_text_has_all_the_decimals_of_its_currency(minor, currency, text):
    assert to_text(minor, currency) == text


def test_every_currency_has_its_decimals():
    assert {decimals(currency) for currency in CURRENCIES} == {0, 2, 3}


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [(0.5, 1), (-0.5, -1), (1.5, 2), (2.5, 3), (-2.5, -3), (0.49999999999999994, 0), (2, 2)],
)
def test_halves_round_away_from_zero(amount, rounded):
    assert round_half_away(Fraction(amount)) == rounded


def test_integers_divide_with_halves_away_from_zero():
    assert [divide_half_away(n, 2) for n in (-3, -1, 1, 3)] == [-2, -1, 1, 2]
    assert divide_half_away(7, -2) == -4
