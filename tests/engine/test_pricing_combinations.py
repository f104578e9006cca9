"""Which promotions apply together: the combination that saves the buyer most."""

from engine.pricing.combinations import MOST
from tests.engine.shop import applied, discounts, item, price, program_of, reason, total


def test_by_default_promotions_combine_the_highest_priority_first():
    rules = """
        promotion a { take 20% off cart priority 4 }
        promotion b { take 10 USD off cart priority 1 }
    """

    assert total(rules, item(100)) == "70.00"
    assert total(rules.replace("priority 4", "priority 0"), item(100)) == "72.00"


def test_equal_priorities_go_by_name():
    rules = "promotion b { take 10 USD off cart } promotion a { take 20% off cart }"

    assert total(rules, item(100)) == "70.00"


def test_an_exclusive_competes_against_everything_else_together():
    rules = """
        promotion alone { take 25% off cart exclusive }
        promotion a { take 10% off cart }
        promotion b { take 10% off cart }
    """

    assert applied(rules, item(100)) == ["alone"]
    assert applied(rules + "promotion c { take 10% off cart }", item(100)) == ["a", "b", "c"]


def test_savings_count_shipping_but_not_gifts_and_points():
    rules = """
        promotion alone { take 9 USD off cart exclusive }
        promotion ship { free shipping }
        promotion gift { gift sku "G" quantity 1 award 1000 points }
    """

    assert applied(rules, item(100), shipping="10") == ["gift", "ship"]
    assert applied(rules, item(100), shipping="8") == ["alone"]


def test_ties_go_to_the_higher_sum_of_priorities_then_to_the_names_that_come_first():
    rules = """
        promotion z { take 5 USD off cart exclusive priority 1 }
        promotion a { take 5 USD off cart }
    """

    assert applied(rules, item(100)) == ["z"]
    assert applied(rules.replace("priority 1", "priority 0"), item(100)) == ["a"]


def test_an_exclusive_that_only_gives_is_given_where_nothing_else_applies():
    rules = 'promotion p { gift sku "G" quantity 2 exclusive }'

    priced = price(rules, item(10))

    assert [(gift.sku, gift.quantity) for gift in priced.gifts] == [("G", 2)]


def test_of_a_best_of_group_only_the_best_applies():
    rules = """
        promotion a { take 5.50 USD off cart best of g }
        promotion b { take 20% off cart best of g }
        promotion c { take 1 USD off cart }
    """

    assert applied(rules, item(30)) == ["b", "c"]
    assert applied(rules, item(20)) == ["a", "c"]


def test_the_best_of_a_group_is_the_best_together_with_the_rest():
    # Alone b saves more (12 against 10), but only a leaves enough for c.
    rules = """
        promotion a { take 10 USD off cart best of g priority 1 }
        promotion b { take 12 USD off cart best of g priority 1 }
        promotion c { when cart.remaining >= 90 USD take 5 USD off cart }
    """

    assert applied(rules, item(100)) == ["a", "c"]


def test_of_a_first_of_group_only_the_highest_priority_applies():
    rules = """
        promotion a { take 1 USD off cart first of g priority 2 }
        promotion b { take 50% off cart first of g priority 1 }
    """

    assert applied(rules, item(100)) == ["a"]


def test_where_the_first_of_a_group_falls_out_the_next_takes_its_place():
    rules = """
        promotion half { take 50% off cart priority 9 }
        promotion a { when cart.remaining >= 100 USD take 1 USD off cart first of g priority 2 }
        promotion b { take 2 USD off cart first of g priority 1 budget 1 USD }
        promotion c { take 3 USD off cart first of g }
    """

    assert applied(rules, item(100)) == ["c", "half"]


def test_when_is_judged_on_the_cart_before_any_promotion():
    rules = """
        promotion half { take 50% off cart priority 1 }
        promotion b { when cart.subtotal >= 100 USD take 10 USD off cart }
    """

    assert total(rules, item(100)) == "40.00"


def test_a_when_that_names_what_remains_is_judged_at_its_turn():
    rules = """
        promotion half { take 50% off cart priority 1 }
        promotion ship { when cart.remaining >= 100 USD free shipping }
    """

    assert total(rules, item(120), shipping="10") == "70.00"
    assert total(rules, item(200), shipping="10") == "100.00"
    why = reason("ship", rules, item(120), shipping="10")
    assert (why.code, why.values) == ("when", {"cart.remaining": "60.00"})


def test_tiers_and_awards_by_what_remains_see_what_was_left_at_their_turn():
    rules = """
        promotion half { take 50% off cart priority 1 }
        promotion t { take off cart by cart.remaining { from 50 USD: 1 USD from 100 USD: 9 USD } }
        promotion u { award 2 points per 1 USD of cart.remaining priority -1 }
    """

    priced = price(rules, item(100))

    assert priced.total == 4900
    assert priced.points == 98


def test_points_are_for_full_multiples():
    rules = "promotion p { award 2 points per 3 USD of cart.subtotal }"

    assert price(rules, item("11.99")).points == 6


def test_too_many_combinations_are_reduced_to_the_best_of_each_group_and_the_quote_says_so():
    rules = "".join(
        f"promotion p{group}_{member} {{ take {member} USD off cart best of g{group} }}"
        for group in range(7)
        for member in range(1, 5)
    )
    assert MOST < 4**7

    priced = price(rules, item(100))

    assert priced.reduced
    assert priced.total == 10000 - 7 * 400
    assert not price(rules, item(100), more={"paused": paused(rules, "p6_")}).reduced


def paused(rules, prefix):
    return frozenset(name for name in program_of(rules).promotions if name.startswith(prefix))


def test_what_lost_names_what_won():
    rules = """
        promotion a { take 1 USD off cart best of g }
        promotion b { take 2 USD off cart best of g }
        promotion c { take 1 USD off cart exclusive }
    """

    assert reason("a", rules, item(10)).values == {"by": ["b"]}
    assert reason("c", rules, item(10)).clause == "exclusive"


def test_a_promotion_that_finds_nothing_to_take_did_not_apply():
    rules = 'promotion p { take 10% off items where category = "X" }'

    assert reason("p", rules, item(10)).code == "nothing"


def test_the_first_member_blocks_its_group_though_it_takes_nothing():
    rules = """
        promotion a { take 5% off items where category = "X" first of g priority 1 }
        promotion b { take 5% off cart first of g }
    """

    assert discounts(rules, item(10)) == ["0.00"]


def test_a_combination_that_every_promotion_fell_out_of_does_not_win_a_tie():
    rules = """
        promotion alone { when cart.remaining < 5 USD take 1 USD off cart exclusive }
        promotion points { award 3 points priority -1 }
    """

    assert applied(rules, item(10)) == ["points"]
