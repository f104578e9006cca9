"""Which promotions that did not apply a quote tells of, and what it says of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dsl
from engine.pricing import Pricing, Request, Used
from engine.pricing.buyer import read_buyer
from engine.pricing.reading import read_cart
from tests.engine.shop import NOW, item, program_of, reason

ANN = {"id": "ann"}


def telling(rules, *lines, user=None, as_customer=False, more=None, **cart):
    program = program_of(rules)
    sent = read_cart({"currency": "USD", "lines": list(lines), **cart}, program)
    facts, usage = ({}, {}) if user is None else read_buyer(user, program, "UTC")
    asked = Request(sent, facts, dsl.Moment(NOW, "UTC", program), usage)
    return Pricing(replace(asked, **(more or {}))).tell(as_customer=as_customer)


def near(*arguments, **named):
    return {each.name: each.reason.code for each in telling(*arguments, **named).near()}


def test_near_misses_are_told_the_nearest_first():
    rules = "\n".join(
        f"promotion p{bound} {{ when cart.subtotal >= {bound} USD take 1 USD off cart }}"
        for bound in (40, 21, 30, 15, 1000)
    )

    # 40 is twice what there is, and 1,000 far away; 15 applied.
    assert list(near(rules, item(20))) == ["p21", "p30", "p40"]


def test_at_most_ten_near_misses_are_told_of_whatever_the_number_of_promotions():
    rules = "\n".join(
        f"promotion p{bound} {{ when cart.subtotal >= {bound} USD take 1 USD off cart }}"
        for bound in range(101, 180)
    )

    assert list(near(rules, item(100))) == [f"p{bound}" for bound in range(101, 111)]


def test_two_things_short_is_no_near_miss():
    rules = """
        promotion one { when cart.subtotal >= 11 USD and cart.quantity >= 1  take 1 USD off cart }
        promotion two { when cart.subtotal >= 11 USD and cart.quantity >= 2  take 1 USD off cart }
    """

    assert near(rules, item(10)) == {"one": "when"}


def test_what_lost_took_nothing_or_fell_out_is_told():
    rules = """
        promotion best { take 3 USD off cart  best of g }
        promotion lost { take 2 USD off cart  best of g }
        promotion nothing { take 1 USD off items where category = "B" }
        promotion later { when cart.remaining >= 9 USD  take 1 USD off cart  priority -1 }
        promotion broke { take 5 USD off cart  budget 1 USD }
    """

    assert near(rules, item(10)) == {
        "lost": "outdone",
        "nothing": "nothing",
        "later": "when",
        "broke": "budget",
    }


def test_codes_given_in_vain_are_told_first():
    rules = """
        promotion coded { code "TEN" when cart.subtotal >= 900 USD  take 10% off cart }
        promotion over { code "OLD" active from 2020-01-01 to 2020-02-01  take 10% off cart }
        promotion near { when cart.subtotal >= 11 USD  take 1 USD off cart }
        promotion secret { code "SECRET"  take 10% off cart }
    """

    found = near(rules, item(10), codes=[" ten", "old"])

    assert found == {"coded": "when", "over": "not_active", "near": "when"}
    assert list(found)[-1] == "near"


HIDDEN = """
    attributes user { vip: bool }
    promotion theirs { for user.vip = true  when cart.subtotal >= 11 USD  take 1 USD off cart }
    promotion coded { code "TEN"  when cart.subtotal >= 11 USD  take 1 USD off cart }
    promotion both { for user.vip = true  code "TEN"  active from 2030-01-01  take 1 USD off cart }
    promotion held { holdout 99.99999%  take 1 USD off cart }
    promotion later { active from 2030-01-01  take 1 USD off cart }
    promotion open { when cart.subtotal >= 900 USD  take 1 USD off cart }
"""


def told(*names, **named):
    found = telling(HIDDEN, item(10), user=ANN, **named).some(names or None, 100)
    return {each.name: each.reason.code for each in found}


def test_a_customer_never_hears_of_what_only_others_or_codes_open():
    assert told(as_customer=True) == {"open": "when"}
    assert told("theirs", "coded", "held", "later", as_customer=True) == {}
    assert told("coded", codes=["ten"], as_customer=True) == {"coded": "when"}
    assert told("both", codes=["ten"], as_customer=True) == {}


def test_others_hear_of_everything():
    assert told() == {
        "theirs": "audience",
        "coded": "code",
        "both": "not_active",
        "held": "holdout",
        "later": "not_active",
        "open": "when",
    }
    assert told("both", codes=["ten"]) == {"both": "not_active"}


def test_so_many_are_told_near_misses_first():
    rules = """
        promotion a { when cart.subtotal >= 900 USD  take 1 USD off cart }
        promotion b { when cart.subtotal >= 11 USD  take 1 USD off cart }
    """

    found = telling(rules, item(10))

    assert [each.name for each in found.some(None, 1)] == ["b"]
    assert [each.name for each in found.some(None, 5)] == ["b", "a"]
    assert [each.name for each in found.some(["a", "nobody", "a"], 5)] == ["a"]


# --- what has run out -----------------------------------------------------------------------------


def used_up(limits, **uses):
    rules = f"promotion p {{ take 1 USD off cart {limits} }}"
    return reason("p", rules, item(10), user=ANN, more={"usage": {"p": Used(**uses)}})


def test_a_limit_in_a_time_says_when_it_leaves_a_use_again():
    days = [NOW - timedelta(days=6), NOW - timedelta(days=2), NOW - timedelta(days=9)]

    found = used_up("limit 2 per user per 7 days", times=days)

    assert found.clause == "limit 2 per user per 7 days"
    assert found.values == {"used": 2, "limit": 2}
    again = datetime(2026, 3, 6, 12, tzinfo=UTC)
    assert (found.unlock.path, found.unlock.to) == ("now", again.isoformat().replace("+00:00", "Z"))
    assert found.unlock.text == "possible again from 2026-03-06T12:00:00Z"


def test_the_next_use_is_possible_then_and_not_before():
    rules = "promotion p { take 1 USD off cart limit 2 per user per 1 month }"
    usage = {"p": Used(times=[NOW - timedelta(days=day) for day in (3, 5, 8, 20)])}
    again = datetime.fromisoformat(
        reason("p", rules, item(10), user=ANN, more={"usage": usage}).unlock.to
    )

    before = again - timedelta(microseconds=1)
    late = {"user": ANN, "more": {"usage": usage}}
    assert reason("p", rules, item(10), at=before, **late).code == "limit"
    assert reason("p", rules, item(10), at=again, **late) is None


def test_what_never_leaves_a_use_again_has_no_way_round():
    times = [NOW - timedelta(days=1)]

    assert used_up("limit 1 per user", times=times).unlock is None
    assert used_up("limit 5 total", total=5).values == {"used": 5, "limit": 5}
    assert used_up("limit 5 total", total=5).unlock is None
    both = used_up("limit 1 per user per 2 days  limit 5 total", times=times, total=5)
    assert (both.clause, both.unlock) == ("limit 5 total", None)
    unknown = used_up("limit 1 per user per 2 days", by_user=1)
    assert unknown.unlock is None


def test_a_budget_says_what_is_left_and_what_was_to_be_saved():
    rules = "promotion p { take 5 USD off cart  budget 20 USD }"

    found = reason("p", rules, item(10), more={"usage": {"p": Used(spent=1700)}})

    assert (found.code, found.values) == ("budget", {"left": "3.00", "saving": "5.00"})


def test_of_a_campaigns_budget_that_is_left_which_the_members_before_it_left():
    rules = """
        campaign c { budget 9 USD }
        promotion a { take 6 USD off cart }
        promotion p { take 5 USD off cart }
        promotion z { take 1 USD off cart }
    """

    found = reason("p", rules, item(20))

    assert (found.code, found.values) == ("budget", {"left": "3.00", "saving": "5.00"})


def test_a_member_of_a_group_may_be_outdone_by_what_is_exclusive():
    rules = """
        promotion a { take 1 USD off cart  best of g }
        promotion b { take 2 USD off cart  best of g }
        promotion x { take 3 USD off cart  exclusive }
    """

    found = reason("a", rules, item(20))

    assert (found.code, found.clause, found.values) == ("outdone", "exclusive", {"by": ["x"]})


def test_of_two_budgets_the_one_that_stopped_it_is_told():
    rules = """
        campaign c { budget 9 USD }
        promotion p { take 5 USD off cart  budget 20 USD }
    """

    found = reason("p", rules, item(10), more={"usage": {"c": Used(spent=700)}})

    assert found.values == {"left": "2.00", "saving": "5.00"}
