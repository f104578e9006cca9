"""Formulas of experiments, against what scipy 1.17.1 and statsmodels 0.15.0 say."""

import pytest

from services.reporting.comparing import (
    chi_square_tail,
    deviation,
    difference,
    mismatch,
    ratio,
    wilson,
)

Z = deviation(1)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((60, 500, 45, 500), -0.008184663296698028, 0.06838909182752273),
        ((0, 10, 3, 12), -0.5323053349335658, 0.0708804156994084),
        ((5, 5, 0, 7), 0.4393529903596999, 1.0),
        ((300, 1000, 280, 3000), 0.17698542481785634, 0.23742581834883839),
    ],
)
def test_a_difference_has_newcombes_interval(counts, low, high):
    # confint_proportions_2indep(..., method="newcomb", compare="diff")
    found = difference(*counts, Z)

    some, of, base, of_base = counts
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)
    assert found.value == pytest.approx(some / of - base / of_base)
    assert difference(base, of_base, some, of, Z).low == pytest.approx(-high, abs=1e-12)


def test_where_there_is_nobody_nothing_is_compared():
    assert difference(0, 0, 3, 10, Z) is None
    assert difference(3, 10, 0, 0, Z) is None
    assert ratio(0, 50, 3, 50, Z) is None
    assert ratio(3, 50, 0, 50, Z) is None


def test_a_rate_has_wilsons_interval_also_at_its_ends():
    # proportion_confint(7, 50, method="wilson")
    assert wilson(7, 50, Z) == pytest.approx((0.06950833427016288, 0.26186193710585537), abs=1e-12)
    assert wilson(0, 50, Z)[0] == 0
    assert wilson(50, 50, Z)[1] == 1


def test_a_ratio_is_for_the_shares_of_both():
    even = ratio(60, 50, 45, 50, Z)
    uneven = ratio(60, 30, 45, 70, Z)

    # Of proportion_confint(60, 105, method="wilson") the odds.
    assert (even.low, even.high) == pytest.approx((0.9080446482419526, 1.9578087720903352))
    assert even.value == pytest.approx(60 / 45)
    assert uneven.value == pytest.approx(even.value * 7 / 3)
    assert uneven.low == pytest.approx(even.low * 7 / 3)


@pytest.mark.parametrize(
    ("square", "freedom", "chance"),
    [
        (3.84, 1, 0.050043521248705113),
        (0.5, 2, 0.77880078307140488),
        (10, 3, 0.018566135463043258),
        (10, 4, 0.040427681994512792),
        (30, 7, 9.495972508134177e-05),
        (30, 10, 0.000856641210775301),
    ],
)
def test_chi_square_is_what_tables_say(square, freedom, chance):
    assert chi_square_tail(square, freedom) == pytest.approx(chance, rel=1e-12)


def test_people_who_are_far_from_the_shares_are_unlikely():
    # chisquare((520, 480)), and chisquare((400, 300, 290), f_exp=[396, 297, 297])
    assert mismatch((520, 480), (50, 50)) == pytest.approx(0.20590321073206466)
    assert mismatch((400, 300, 290), (40, 30, 30)) == pytest.approx(0.8888337064340665)
    assert mismatch((800, 200), (50, 50)) < 1e-79
    assert mismatch((5, 4), (50, 50)) is None
    assert mismatch((50, 1), (100, 0)) is None


def test_of_several_comparisons_each_is_wider():
    # norm.ppf(1 - 0.05 / 6)
    assert deviation(3) == pytest.approx(2.3939797998185104)
    assert deviation(1) == pytest.approx(1.959963984540054)
