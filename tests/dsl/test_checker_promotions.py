"""Promotions: clauses, effects, currencies, tiers, groups and shadows."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from dsl import Settings
from dsl.clauses import Active, Length, Limit, Recurring
from dsl.promotions import Award, BuyGet, Grant, Off, Take, Target, Tiers
from tests.dsl.checking import checked, clause, effect, findings, words


def promotion(text, settings=None):
    found = checked(text, settings)
    assert found.program is not None, [d.message for d in found.diagnostics]
    return found.program.promotions["p"]


def test_clauses_come_in_any_order():
    assert promotion(
        """promotion p "Ten" { limit 1 per user per 7 days  limit 500 total  priority -10
        take 10 USD off cart up to 5 USD  code "TEN"  holdout 10%  budget 100 USD
        for user.age > 18  when cart.quantity > 1  goal order_placed within 7 days }"""
    ).limits == (Limit(1, "user", Length(7, "day")), Limit(500, "total"))


def test_effects_are_lowered_in_the_order_written():
    effects = promotion(
        effect("""free shipping  take 15% off cheapest 2 items where category in snacks
        buy 2 items get 1 dearest items free at most 3 times
        award 2 points per 1 USD of cart.subtotal  grant welcome for 14 days""")
    ).effects

    assert effects[0] == Take(Off(percent=Decimal(100)), Target("shipping"))
    assert effects[1].target.count == 2
    assert effects[2] == BuyGet(2, None, 1, None, True, Off(percent=Decimal(100)), None, 3)
    assert isinstance(effects[3], Award)
    assert effects[3].per == 100
    assert effects[4] == Grant("welcome", Length(14, "day"))


def test_tiers_are_kept_from_the_lowest():
    (tiers,) = promotion(
        effect("take off cart by cart.subtotal { from 100 USD: 10%  from 50 USD: 5% }")
    ).effects

    assert isinstance(tiers, Tiers)
    assert [threshold for threshold, _ in tiers.steps] == [5000, 10000]


def test_a_window_is_half_open_and_a_date_at_its_end_is_within():
    (window,) = promotion(clause('active from 2026-03-01 to 2026-03-31 in "Asia/Shanghai"')).active

    assert window == Active(
        datetime(2026, 2, 28, 16, tzinfo=UTC),
        datetime(2026, 3, 31, 16, tzinfo=UTC),
        None,
        "Asia/Shanghai",
    )


def test_a_recurring_window_stands_beside_the_first_in_the_same_zone():
    first, second = promotion(
        clause('active every friday 17:00 to 02:00 in "Asia/Shanghai"  active from 2026-03-01')
    ).active

    assert first.zone == second.zone == "Asia/Shanghai"
    assert second.recurring == Recurring("friday", "17:00", "02:00")


def test_dates_without_a_zone_are_the_workspaces():
    (window,) = promotion(clause("active from 2026-03-01"), Settings(zone="Asia/Tokyo")).active

    assert window.start == datetime(2026, 2, 28, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("take 1% off cart", None),
        ("take 1 EUR off cart", "EUR"),
        ("take 1% off cart up to 1 EUR", "EUR"),
        ("take 1% off cart  when cart.subtotal > 1 EUR", "EUR"),
        ("take 1% off items where price > 1 EUR", "EUR"),
        ("take 1% off cart  for sum(order_placed.total, ever) > 1 USD", None),
        ("take 1 EUR off cart  for sum(order_placed.total, ever) > 1 USD", "EUR"),
        ("take 1% off cart  budget 1 EUR", "EUR"),
        ("take 1% off items where cost > price", "USD"),
    ],
)
def test_a_promotion_is_in_the_currency_of_all_its_money_outside_for(text, currency):
    assert promotion(effect(text)).currency == currency


def test_amounts_in_another_currency_than_the_campaigns_budget_are_pointed_at():
    campaign = "campaign spring { budget 100 USD }"

    other = f"{campaign} promotion p {{ take 1 EUR off cart }}"
    same = f"{campaign} promotion p {{ take 1 USD off cart }}"
    none = f"{campaign} promotion p {{ take 1% off cart }}"

    assert findings(other) == ["W309 1 EUR"]
    assert findings(same) == findings(none) == []


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        # currencies
        ("take 1 EUR off cart  budget 10 USD", "E221 10 USD"),
        ("take 1 EUR off cart  when cart.subtotal > 10 USD", "E221 10 USD"),
        ("take 10% off cart up to 5 EUR  when cart.subtotal > 10 USD", "E221 10 USD"),
        ("when cart.subtotal > 10 USD  take 10% off cart up to 5 EUR", "E221 5 EUR"),
        ("take 1.999 USD off cart", "E223 1.999 USD"),
        ("take 1 XXY off cart", "E222 1 XXY"),
        # discounts
        ("take 120% off cart", "E246 120%"),
        ("buy 1 items get 1 items at 120% off", "E246 120%"),
        ('take 1% off items where categry = "x"', "E201 categry"),
        ("take 1% off items where amount > 3", "E220 amount > 3"),
        ("take 1% off items where cart.qantity > 3", "E201 qantity"),
        ("take 1% off cheapest 0 items", "E229 0"),
        ("price cart at 1 USD", "E101 cart"),
        ("buy 0 items get 1 items free", "E229 0"),
        ("buy 1 items get 0 items free", "E229 0"),
        ("buy 1 items where x = 1 get 1 items free", "E201 x"),
        ("buy 1 items get 1 items where y = 1 free", "E201 y"),
        ("bundle { 1 of items  1 of items where z = 1 } for 1 USD", "E201 z"),
        ('gift sku "x" quantity 0', "E229 0"),
        ("award 0 points", "E229 0"),
        ("award 1 points per 0 USD of cart.subtotal", "E229 0 USD"),
        ("award 1 points per 1 of cart.subtotal", "E220 1"),
        ("award 1 points per 1 USD of cart.quantity", "E220 1 USD"),
        ("award 1 points per 1 of cart.codes", "E220 cart.codes"),
        ("award 1 points per 1 EUR of sum(order_placed.total, ever)", "E221 1 EUR"),
        ("grant welcom for 3 days", "E204 welcom"),
        ("grant regulars for 3 days", "E204 regulars"),
        ("grant p for 3 days", "E248 p"),
        # tiers
        ("take off cart by user.name { from 1: 5% }", "E220 user.name"),
        ("take off cart by cart.subtotal { from 1: 5% }", "E220 1"),
        ("take off cart by cart.quantity { from 1 USD: 5% }", "E220 1 USD"),
        ("take off cart by cart.quantity { from 1: 5%  from 1: 6% }", "E251 1"),
        ("take off cart by cart.quantity { from 1: 105% }", "E246 105%"),
        # splits
        ("split s { 50% a { free shipping } 40% b { } }", "E243 50% a { free shipping } 40% b"),
        ("split s { 50% a { free shipping } 50% a { } }", "E212 a"),
        # what a promotion needs
        ("priority 1", "E241 p"),
    ],
)
def test_how_an_effect_goes_wrong(text, finding):
    assert findings(effect(text)) == [finding]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("active from 2026-03-02 to 2026-03-01", "E244 2026-03-02 to 2026-03-01"),
        (
            "active from 2026-03-02T10:00 to 2026-03-02T10:00",
            "E244 2026-03-02T10:00 to 2026-03-02T10:00",
        ),
        ("active every friday 10:00 to 10:00", "E244 active every friday 10:00 to 10:00"),
        ("active from 2026-03-02  active from 2026-03-03", "E240 active from 2026-03-03"),
        ('active from 2026-03-02 in "Mars"', 'E245 "Mars"'),
        (
            'active from 2026-03-02 in "UTC"  active every day 10:00 to 11:00 in "Asia/Tokyo"',
            'E242 "Asia/Tokyo"',
        ),
        ("for cart.quantity > 3", "E208 cart"),
        ("for user.age > 3  for user.kids > 3", "E240 for user.kids > 3"),
        ("for now", "E220 now"),
        ("when event.total > 3 USD", "E208 event"),
        ("when cart.quantity", "E220 cart.quantity"),
        ("when cart.quantity > 1  when cart.quantity > 2", "E240 when cart.quantity > 2"),
        ('code ""', 'E229 ""'),
        ('code "A"  code " a "', 'E240 code " a "'),
        ('code "A"  codes unique', "E242 codes unique"),
        ("limit 0 per user", "E229 0"),
        ("limit 1 per user  limit 2 per user", "E240 limit 2 per user"),
        ("limit 1 per user per 0 days", "E229 0"),
        ("budget 0 USD", "E229 0 USD"),
        ("budget 1 USD  budget 2 USD", "E240 budget 2 USD"),
        ("priority 1.5", "E101 1.5"),
        ("priority 1  priority 2", "E240 priority 2"),
        ("exclusive  exclusive", "E240 exclusive"),
        ("exclusive  holdout 110%", "E246 110%"),
        ("goal order_plaecd within 3 days", "E202 order_plaecd"),
        ("goal order_placed where totl > 3 USD within 3 days", "E201 totl"),
        ("goal order_placed where cart.quantity > 3 within 3 days", "E208 cart"),
    ],
)
def test_how_a_clause_goes_wrong(text, finding):
    assert findings(clause(text)) == [finding]


def test_a_discount_of_more_than_all_says_how_much_is_most():
    assert "100%" in words(effect("take 120% off cart"))


def test_an_end_before_the_start_is_said_in_words():
    assert "before" in words(clause("active from 2026-03-02 to 2026-03-01"))


def test_several_codes_open_one_promotion():
    assert promotion(clause('code "A"  code "B"')).codes == ("A", "B")


# --- tiers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tiers",
    [
        "from 50 USD: 10%  from 100 USD: 5%",
        "from 50 USD: 10 USD  from 100 USD: 5 USD",
        "from 50 USD: 10 USD  from 100 USD: 5%",
        "from 50 USD: 10%  from 100 USD: 9 USD",
        "from 50 USD: 10%  from 100 USD: 10%",
    ],
)
def test_a_tier_that_gives_less_than_the_one_below_is_a_warning(tiers):
    rules = effect(f"take off cart by cart.subtotal {{ {tiers} }}")

    assert findings(rules) == [f"W302 {tiers.partition('  ')[2]}"]


@pytest.mark.parametrize(
    "tiers",
    [
        "from 50 USD: 5%  from 100 USD: 10%  from 200 USD: 30 USD",
        "from 50 USD: 10 USD  from 100 USD: 10%",
        "from 200 USD: 30 USD  from 50 USD: 5%",
    ],
)
def test_a_tier_that_gives_more_is_fine(tiers):
    assert findings(effect(f"take off cart by cart.subtotal {{ {tiers} }}")) == []


def test_a_share_and_an_amount_of_something_else_are_not_compared():
    tiers = "from 2: 10%  from 3: 1 USD"

    assert findings(effect(f"take off cart by cart.quantity {{ {tiers} }}")) == []


# --- groups and shadows --------------------------------------------------------------------------


def test_a_group_is_either_best_of_or_first_of():
    rules = """promotion a { take 1% off cart  best of g  when cart.quantity > 2 }
    promotion b { take 2 USD off cart  first of g }"""

    assert findings(rules) == ["E247 first of g"]


def test_a_group_has_no_exclusive_member():
    assert "E242 exclusive" in findings(clause("best of g  exclusive"))
    assert "E242 first of h" in findings(clause("best of g  first of h"))


def test_a_group_of_one_is_a_warning():
    assert findings(clause("best of g")) == ["W306 best of g"]


def shadowed(rules):
    return [finding.split()[:3] for finding in findings(rules) if finding.startswith("W304")]


@pytest.mark.parametrize(
    "rules",
    [
        """promotion a { take 1% off cart  first of g  priority 2 }
           promotion b { take 2% off cart  first of g  when cart.quantity > 2 }""",
        """promotion a { take 1% off cart  first of g }
           promotion b { take 2% off cart  first of g }""",
        """promotion a { take 1% off cart  first of g  priority 2  when cart.quantity > 2 }
           promotion b { take 2% off cart  first of g  when cart.quantity > 5 }""",
        """promotion b { take 10% off cart  best of g }
           promotion c { take 10% off cart  best of g  priority 1 }""",
        """promotion a { take 20% off cart  best of g }
           promotion b { take 10% off cart  best of g  for user in segment regulars }""",
        """promotion a { take 20% off cart  exclusive }
           promotion b { take 10% off cart  exclusive  code "B" }""",
    ],
)
def test_a_promotion_that_another_always_shadows_is_a_warning(rules):
    assert shadowed(rules) == [["W304", "promotion", "b"]]


@pytest.mark.parametrize(
    "rules",
    [
        """promotion a { take 1% off cart  first of g  priority 2  when cart.quantity > 5 }
           promotion b { take 2% off cart  first of g  when cart.quantity > 2 }""",
        """promotion b { take 10% off cart up to 5 USD  best of g }
           promotion c { take 20% off cart up to 5 USD  best of g }""",
        """promotion b { take 10% off cart up to 5 USD  best of g }
           promotion c { take 10% off cart  best of g }""",
        """promotion a { take 1% off cart  first of g  priority 2  limit 1 per user }
           promotion b { take 2% off cart  first of g }""",
        """promotion a { take 1% off cart  first of g  priority 2  code "A" }
           promotion b { take 2% off cart  first of g }""",
        """promotion a { take 1% off cart  first of g  priority 2  when cart.remaining > 5 USD }
           promotion b { take 2% off cart  first of g  when cart.remaining > 5 USD }""",
        """promotion a { take 1% off cart  first of g  priority 2  active from 2026-03-01 }
           promotion b { take 2% off cart  first of g }""",
        """promotion a { take 20% off cart up to 5 USD  best of g }
           promotion b { take 10% off cart  best of g }""",
        """promotion a { take 20% off items where category = "x"  best of g }
           promotion b { take 10% off cart  best of g }""",
    ],
)
def test_a_promotion_that_sometimes_applies_is_not_shadowed(rules):
    assert shadowed(rules) == []
