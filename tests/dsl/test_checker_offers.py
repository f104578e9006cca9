"""Loyalty, flash sales, group buys and lotteries."""

from datetime import UTC, datetime

import pytest

from dsl.clauses import Amount, Length
from dsl.offers import Prize, Tier
from tests.dsl.checking import checked, findings

LOTTERY = 'active from 2026-03-01 to 2026-03-31  draw at 2026-04-01T12:00  prize "x" quantity 1'


def program(rules):
    found = checked(rules)
    assert found.program is not None, [d.message for d in found.diagnostics]
    return found.program


def test_a_loyalty_programme_earns_tiers_and_redeems():
    club = program("""loyalty club "Club" { earn 1 points per 1 USD of order_placed.total
      earn 50 points on review_posted where stars >= 3
      tier gold at 2_000 points in 365 days  tier silver at 500 points in 365 days
      points expire after 365 days  redeem 100 points for 1 USD }""").loyalty

    assert [(earn.points, earn.event.event, earn.per) for earn in club.earn] == [
        (1, "order_placed", 100),
        (50, "review_posted", None),
    ]
    assert club.earn[0].of.path == ("total",)
    assert club.tiers[0] == Tier("silver", 500, Length(365, "day"))
    assert club.redeem == (100, Amount(100, "USD"))


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("", "E241 l"),
        ("earn 0 points on review_posted", "E229 0"),
        ("earn 1 points on review_postd", "E202 review_postd"),
        ("earn 1 points on review_posted where satrs > 1", "E201 satrs"),
        ("earn 1 points per 1 EUR of order_placed.total", "E221 1 EUR"),
        ("earn 1 points per 1 of order_placed.total", "E220 1 of order_placed.total"),
        ("earn 1 points per 1 USD of order_placed.store", "E220 1 USD of order_placed.store"),
        ("earn 1 points per 1 USD of order_placed.totl", "E201 totl"),
        ("earn 1 points per 0 USD of order_placed.total", "E229 0 USD"),
        ("earn 1 points per 1 USD of order_plcd.total", "E202 order_plcd"),
        ("earn 1 points on review_posted  redeem 0 points for 1 USD", "E229 0"),
        (
            "earn 1 points on review_posted  redeem 1 points for 1 USD  redeem 2 points for 1 USD",
            "E240 redeem 2 points for 1 USD",
        ),
        (
            "earn 1 points on order_placed  tier a at 1 points in 1 day"
            "  tier a at 2 points in 1 day",
            "E212 a",
        ),
        (
            "earn 1 points on order_placed  tier a at 1 points in 1 day"
            "  tier b at 1 points in 1 day",
            "E251 1",
        ),
    ],
)
def test_how_a_loyalty_programme_goes_wrong(text, finding):
    assert findings(f"loyalty l {{ {text} }}") == [finding]


def test_a_flash_sale_and_a_group_buy_sell_so_many_at_a_price():
    rules = """flash_sale f { active from 2026-11-11T00:00 to 2026-11-11T02:00 in "Asia/Shanghai"
      sku "A" at 99 CNY stock 500  limit 1 per user  hold 10 minutes }
    group_buy g { active from 2026-11-11  sku "F" at 79 CNY for 3 people within 24 hours }"""
    sale, group = program(rules).flash_sales["f"], program(rules).group_buys["g"]

    assert (sale.sku, sale.price, sale.stock) == ("A", Amount(9900, "CNY"), 500)
    assert sale.active[0].start == datetime(2026, 11, 10, 16, tzinfo=UTC)
    assert sale.hold == Length(10, "minute")
    assert (group.people, group.within, group.stock) == (3, Length(24, "hour"), None)


@pytest.mark.parametrize(
    ("rules", "finding"),
    [
        ('flash_sale f { sku "A" at 9 USD stock 5 }', "E241 f"),
        ("flash_sale f { active from 2026-01-01 }", "E241 f"),
        ('flash_sale f { active from 2026-01-01  sku "A" at 9 USD stock 0 }', "E229 0"),
        ('flash_sale f { active from 2026-01-01  sku "A" at 9.999 USD stock 5 }', "E223 9.999 USD"),
        (
            'flash_sale f { active from 2026-01-01  sku "A" at 9 USD stock 5'
            '  sku "B" at 9 USD stock 5 }',
            'E240 sku "B" at 9 USD stock 5',
        ),
        ('group_buy g { sku "A" at 9 USD for 3 people within 1 day }', "E241 g"),
        ("group_buy g { active from 2026-01-01 }", "E241 g"),
        (
            'group_buy g { active from 2026-01-01  sku "A" at 9 USD for 1 people within 1 day }',
            "E229 1",
        ),
        (
            'group_buy g { active from 2026-01-01  sku "A" at 9 XXY for 3 people within 1 day }',
            "E222 9 XXY",
        ),
        (
            'group_buy g { active from 2026-01-02 to 2026-01-01  sku "A" at 9 USD for 3 people'
            " within 1 day }",
            "E244 2026-01-02 to 2026-01-01",
        ),
        (f"lottery l {{ {LOTTERY}  enter on order_plaecd }}", "E202 order_plaecd"),
        (f"lottery l {{ {LOTTERY}  enter on order_placed where totl > 1 USD }}", "E201 totl"),
        (f"lottery l {{ {LOTTERY}  limit 0 entries per user }}", "E229 0"),
        (f"lottery l {{ {LOTTERY}  enter for 0 points }}", "E229 0"),
        (f"lottery l {{ {LOTTERY}  draw at 2026-04-02T12:00 }}", "E240 draw at 2026-04-02T12:00"),
        (f'lottery l {{ {LOTTERY}  prize "y" quantity 0 }}', "E229 0"),
        (f'lottery l {{ {LOTTERY}  prize "y" quantity 1 grants welcom }}', "E204 welcom"),
        ('lottery l { active from 2026-01-01  prize "y" quantity 1 }', "E241 l"),
        ("lottery l { active from 2026-01-01  draw at 2026-04-02T12:00 }", "E241 l"),
        (
            "lottery l { active from 2026-03-01 to 2026-03-31  draw at 2026-03-20T12:00"
            '  prize "y" quantity 1 }',
            "E244 draw at 2026-03-20T12:00",
        ),
    ],
)
def test_how_an_offer_goes_wrong(rules, finding):
    assert findings(rules) == [finding]


def test_a_lottery_draws_its_prizes_when_entries_are_in():
    lottery = program(f"""lottery l {{ {LOTTERY}  enter on order_placed where total >= 30 USD
      enter for 100 points  limit 3 entries per user  prize "ten" quantity 9 grants welcome }}
    trigger t {{ on order_placed then {{ enter l }} }}""").lotteries["l"]

    assert lottery.draw_at == datetime(2026, 4, 1, 12, tzinfo=UTC)
    assert lottery.prizes == (Prize("x", 1), Prize("ten", 9, "welcome"))
    assert (lottery.enter_points, lottery.entries) == (100, 3)
