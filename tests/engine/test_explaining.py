"""Accounts of segments, promotions and triggers: every clause, and the verdict of the whole."""

from datetime import UTC, datetime

import pytest

import dsl
from engine.explaining import Situation, account_of
from engine.explaining.writing import write_account
from engine.pricing import Request
from engine.pricing.buyer import read_buyer
from engine.pricing.candidates import Sieve
from engine.pricing.plan import plan
from engine.pricing.reading import read_cart
from models.errors import Invalid
from models.quote import Why
from tests.engine.shop import NOW, item, program_of

RULES = """
event visit { page: text }
attributes user { kids: number }
segment parents "Parents" { user.kids >= 1 }
segment big { user in segment parents and user.kids >= 3 }
promotion p {
  active from 2026-03-01 to 2026-03-08 in "Asia/Shanghai"
  code "SPRING"
  for user in segment parents
  when cart.subtotal >= 50 USD
  take 10% off cart
  limit 2 per user
}
promotion fridays { active every friday 17:00 to 19:00  take 1 USD off cart }
promotion ticket { codes unique  take 1 USD off cart }
promotion late { when cart.remaining >= 20 USD  free shipping }
promotion some { take 1% off cart  holdout 50% }
trigger t {
  on order_placed where total >= 20 USD
  for user.kids >= 1 and event.total < 100 USD
  then { tag "x" }
}
trigger seen { on visit  then { tag "x" } }
trigger enters { when user enters segment parents  then { tag "x" } }
trigger nightly { every day at 09:00 in user timezone  for hour(now) >= 12  then { tag "x" } }
"""
ANN = {"id": "ann", "kids": 1}


def account(name, *lines, user=None, at=NOW, paused=(), **cart):
    program = program_of(RULES)
    sent = read_cart({"currency": "USD", "lines": list(lines), **cart}, program) if lines else None
    facts, usage = ({}, {}) if user is None else read_buyer(user, program, "UTC")
    moment = dsl.Moment(at, "UTC", program)
    return account_of(name, Situation(moment, facts, sent, usage, frozenset(paused)))


def verdicts(found):
    return {clause.name: clause.holds for clause in found.clauses}


def clause(found, name):
    return next(clause for clause in found.clauses if clause.name == name)


def test_a_segment_is_explained_with_the_segments_in_it():
    found = account("big", user=ANN)

    (members,) = found.clauses
    assert (found.kind, found.holds) == ("segment", False)
    both = members.tree.parts[0]
    assert [part.holds for part in both.parts] == [True, False]
    assert [(c.name, c.to, c.by) for c in members.tree.changes] == [("user.kids", 3, 2)]


def test_everything_about_a_promotion_is_said():
    found = account("p", item(60), user=ANN, codes=["spring"])

    assert found.holds
    assert verdicts(found) == dict.fromkeys(("active", "code", "for", "limit", "when"), True)
    assert clause(found, "active").change == "ends in 3 days 4 hours"


def test_every_clause_in_the_way_is_found_at_once():
    user = {"id": "bob", "kids": 0, "uses": {"p": 2}}

    found = account("p", item(42), user=user, at=datetime(2026, 2, 26, tzinfo=UTC))

    assert verdicts(found) == dict.fromkeys(("active", "code", "for", "limit", "when"), False)
    assert clause(found, "active").change == "2 days 16 hours too early"
    assert clause(found, "limit").text == "2 per user, 2 used"
    assert clause(found, "when").tree.change == "8.00 USD short"


def test_nobody_is_asked_to_sign_in():
    found = account("p", item(60), codes=["SPRING"])

    assert verdicts(found) == {
        "active": True,
        "code": True,
        "when": True,
        "for": False,
        "limit": False,
    }
    assert clause(found, "for").text == "needs someone who is signed in"


def test_without_a_cart_nothing_is_known_of_one():
    tree = clause(account("p", user=ANN), "when").tree

    assert tree.missing == ("cart.subtotal",)
    assert tree.change == "cart.subtotal is not known; would have to be at least 50.00 USD"


@pytest.mark.parametrize(
    ("at", "holds", "change"),
    [
        (datetime(2026, 3, 5, 12, tzinfo=UTC), False, "1 day 5 hours too early"),
        (datetime(2026, 3, 6, 18, tzinfo=UTC), True, ""),
        (datetime(2026, 3, 6, 19, tzinfo=UTC), False, "6 days 22 hours too early"),
    ],
)
def test_a_recurring_window_says_when_it_opens(at, holds, change):
    (active,) = account("fridays", at=at).clauses

    assert (active.holds, active.change) == (holds, change)
    assert active.text == "every friday 17:00 to 19:00 in UTC"


def test_the_end_of_a_window_is_past():
    found = account("p", at=datetime(2026, 3, 9, 16, tzinfo=UTC))

    assert clause(found, "active").change == "1 day too late"


def test_another_currency_is_in_the_way():
    found = account("p", item(60), user=ANN, currency="EUR", codes=["SPRING"])

    assert verdicts(found)["currency"] is False


def test_a_single_use_code_is_needed():
    assert verdicts(account("ticket", item(9))) == {"codes": False}


def test_a_paused_campaign_is_in_the_way():
    assert verdicts(account("fridays", paused=["fridays"]))["campaign"] is False


def test_a_condition_on_what_remains_is_judged_on_the_cart_as_sent():
    found = account("late", item(15))

    assert clause(found, "when").tree.change == "5.00 USD short"
    assert "before it" in clause(found, "when").text


def test_those_held_out_are_told():
    held = {account("some", user={"id": f"u{n}"}).holds for n in range(20)}

    assert held == {True, False}


@pytest.mark.parametrize("price", [10, 60])
@pytest.mark.parametrize("codes", [[], ["SPRING"]])
@pytest.mark.parametrize("user", [None, ANN, {"id": "b"}, {**ANN, "uses": {"p": 2}}])
@pytest.mark.parametrize("day", [1, 5, 9])
@pytest.mark.parametrize("name", ["p", "fridays", "ticket", "some", "late"])
def test_an_account_agrees_with_the_pricing(name, price, codes, user, day):
    at = datetime(2026, 3, day, 18, tzinfo=UTC)
    program = program_of(RULES)
    sent = read_cart({"currency": "USD", "lines": [item(price)], "codes": codes}, program)
    facts, usage = ({}, {}) if user is None else read_buyer(user, program, "UTC")
    moment = dsl.Moment(at, "UTC", program)
    (planned,) = [each for each in plan(program).turns if each.name == name]

    stopped = Sieve.of(Request(sent, facts, moment, usage)).stops(planned)
    if stopped is None and planned.waits and price < 20:
        stopped = Why.WHEN

    assert account_of(name, Situation(moment, facts, sent, usage)).holds is (stopped is None)


def test_a_trigger_looks_at_the_latest_event_of_its_name():
    events = [
        {"name": "order_placed", "time": "2026-03-01T09:00Z", "total": "50.00"},
        {"name": "order_placed", "time": "2026-03-02T09:00Z", "total": "12.60"},
        {"name": "order_placed", "time": "2026-04-02T09:00Z", "total": "99.00"},
    ]

    found = account("t", user={**ANN, "events": events})

    on = clause(found, "on order_placed where")
    assert on.text == "the latest, of 2026-03-02T09:00Z"
    assert (on.tree.text, on.tree.change) == ("total is at least 20.00 USD", "7.40 USD short")
    assert clause(found, "for").holds


def test_a_trigger_without_its_event_does_not_start():
    found = account("seen", user=ANN)

    assert verdicts(found) == {"on visit": False}
    assert found.clauses[0].text == "no visit of this user is known"


def test_a_trigger_on_a_segment_is_about_the_membership():
    assert account("enters", user=ANN).holds
    assert not account("enters", user={"id": "b", "kids": 0}).holds


def test_a_trigger_in_the_users_zone_is_judged_in_it():
    assert account("nightly", user={**ANN, "timezone": "Asia/Tokyo"}).holds
    assert not account("nightly", user={**ANN, "timezone": "America/New_York"}).holds


def test_a_name_that_nothing_has_is_refused():
    with pytest.raises(Invalid, match="Did you mean parents"):
        account("parent")


def test_an_account_is_written_in_the_form_of_the_outside():
    document = write_account(account("p", item(42), user=ANN), "USD")

    when = document["clauses"][-1]["condition"]
    assert document["kind"] == "promotion"
    assert when["values"] == {"cart.subtotal": "42.00"}
    assert when["changes"] == [
        {"name": "cart.subtotal", "to": "50.00", "by": "8.00", "text": "8.00 USD short"}
    ]
