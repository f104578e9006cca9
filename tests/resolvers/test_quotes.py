"""Carts priced through the API."""

from datetime import UTC, datetime
from typing import Any

import pytest

from models.campaign import Act
from models.principal import Role
from services.releases import RulesFile, release
from tests.client import Api, Caller
from tests.staging import once

QUOTE = """
query ($input: QuoteCartInput!) {
  quoteCart(input: $input) {
    quote {
      currency subtotal { amount } total { amount currency } points reduced
      shipping { price { amount } discount { amount } applied { promotion amount { amount } } }
      lines { sku quantity subtotal { amount } discount { amount } total { amount }
        applied { promotion amount { amount } } }
      promotions { ...verdict }
      whyNot { ...verdict }
      gifts { sku quantity } grants { promotion for }
    }
    userErrors { code field message }
  }
}
fragment verdict on PromotionVerdict {
  name title status saved { amount } reason { code clause values unlock { path to by text } }
}
"""
RULES = """
attributes user { household_size: number }
attributes item { on_sale: bool }
promotion tenth "A tenth off" { when cart.subtotal >= 50 USD  take 10% off cart  priority 1 }
promotion families { for user.household_size >= 3  free shipping }
promotion staff_day { code "STAFF"  take 25% off items where on_sale = true }
"""
ACT = Act("cli", datetime(2026, 3, 1, tzinfo=UTC))


@pytest.fixture
@once
async def ann(api: Api) -> Caller:
    await release([RulesFile("rules", "Rules", RULES)], ACT, stores=api.stores)
    return await api.caller(Role.MARKETER, attributes={"household_size": 4})


def cart(price: str = "60.00", **fields: Any) -> dict[str, Any]:
    line = {"sku": "A", "price": price, "quantity": 1, "attributes": {"on_sale": True}}
    return {"currency": "USD", "lines": [line], "shipping": "5.00", **fields}


async def quote(api: Api, by: Caller, of: dict[str, Any], **fields: Any) -> dict[str, Any]:
    payload = (await api.ask(QUOTE, {"input": {"cart": of, **fields}}, by=by))["quoteCart"]
    assert payload["userErrors"] == []
    quoted: dict[str, Any] = payload["quote"]
    return quoted


async def refused(api: Api, by: Caller, of: dict[str, Any], **fields: Any) -> list[dict[str, Any]]:
    payload = (await api.ask(QUOTE, {"input": {"cart": of, **fields}}, by=by))["quoteCart"]
    assert payload["quote"] is None
    errors: list[dict[str, Any]] = payload["userErrors"]
    return errors


def told(verdicts: list[dict[str, Any]]) -> dict[str, str]:
    return {
        each["name"]: each["reason"]["code"] if each["reason"] else each["status"]
        for each in verdicts
    }


def status(quoted: dict[str, Any]) -> dict[str, str]:
    """What became of every promotion."""
    return told([*quoted["promotions"], *quoted["whyNot"]])


async def test_a_cart_is_priced_under_the_published_rules(api, ann):
    quoted = await quote(api, ann, cart(codes=["staff "]), userId=ann.global_id)

    assert quoted["total"] == {"amount": "40.50", "currency": "USD"}
    assert quoted["lines"][0]["applied"] == [
        {"promotion": "tenth", "amount": {"amount": "6.00"}},
        {"promotion": "staff_day", "amount": {"amount": "13.50"}},
    ]
    assert quoted["shipping"]["discount"] == {"amount": "5.00"}
    assert set(status(quoted).values()) == {"APPLIED"}


async def test_nobody_in_particular_is_asked_to_sign_in(api, ann):
    quoted = await quote(api, ann, cart())

    assert status(quoted) == {"tenth": "APPLIED", "families": "SIGN_IN", "staff_day": "CODE"}


async def test_what_is_missing_is_said(api, ann):
    (verdict, *_) = (await quote(api, ann, cart("35.00")))["promotions"]

    assert verdict["title"] == "A tenth off"
    assert verdict["reason"] == {
        "code": "WHEN",
        "clause": "when",
        "values": {"cart.subtotal": "35.00"},
        "unlock": {
            "path": "cart.subtotal",
            "to": "50.00",
            "by": "15.00",
            "text": "cart.subtotal: 15.00 USD short",
        },
    }


async def test_staff_may_try_rules_and_times_before_they_are_live(api, ann):
    source = "promotion p { active from 2030-01-01  take 1 USD off cart }"

    before = await quote(api, ann, cart(), source=source, at="2029-12-31T23:59:59Z")
    after = await quote(api, ann, cart(), source=source, at="2030-01-01T00:00:00Z")

    assert (status(before), status(after)) == ({"p": "NOT_ACTIVE"}, {"p": "APPLIED"})


async def test_rules_that_do_not_check_are_refused_one_by_one(api, ann):
    errors = await refused(
        api,
        ann,
        cart(),
        source="promotion p { take 1% off crt } promotion q { take 1 XQX off cart }",
    )

    assert len(errors) == 2
    assert {error["code"] for error in errors} <= {"E101", "E222"}


async def test_only_near_misses_are_told_of_unless_more_is_asked(api, ann):
    quoted = await quote(api, ann, cart("35.00"))

    assert told(quoted["promotions"]) == {"tenth": "WHEN"}
    assert status(quoted) == {"tenth": "WHEN", "families": "SIGN_IN", "staff_day": "CODE"}


async def test_reasons_are_asked_for_by_name_or_so_many(api, ann):
    some = QUOTE.replace("whyNot {", 'whyNot(promotions: ["staff_day", "nobody", "tenth"]) {')
    one = QUOTE.replace("whyNot {", "whyNot(first: 1) {")
    variables = {"input": {"cart": cart()}}

    by_name = (await api.ask(some, variables, by=ann))["quoteCart"]["quote"]["whyNot"]
    first = (await api.ask(one, variables, by=ann))["quoteCart"]["quote"]["whyNot"]

    assert told(by_name) == {"staff_day": "CODE"}  # the tenth applied
    assert len(first) == 1


async def test_more_reasons_than_one_answer_holds_are_refused(api, ann):
    many = QUOTE.replace("whyNot {", "whyNot(first: 101) {")

    answer = (await api.post(many, {"input": {"cart": cart()}}, by=ann)).json()

    assert "`first` is 1 to 100" in answer["errors"][0]["message"]


async def test_a_customer_is_told_only_what_they_may_know(api, ann):
    bob = await api.caller(Role.CUSTOMER)

    quoted = await quote(api, bob, cart("35.00"))

    assert status(quoted) == {"tenth": "WHEN"}
    assert told(quoted["whyNot"]) == {"tenth": "WHEN"}


async def test_a_customer_asks_for_themselves_under_the_rules_that_are_live(api, ann):
    bob = await api.caller(Role.CUSTOMER, attributes={"household_size": 5})

    assert status(await quote(api, bob, cart()))["families"] == "APPLIED"
    for fields in ({"userId": ann.global_id}, {"source": ""}, {"at": "2030-01-01T00:00:00Z"}):
        (error,) = await refused(api, bob, cart(), **fields)
        assert error["code"] == "FORBIDDEN"


async def test_an_integrator_asks_for_anyone(api, ann):
    shop = await api.caller(Role.INTEGRATOR)

    quoted = await quote(api, shop, cart(), userId=ann.global_id)

    assert status(quoted)["families"] == "APPLIED"


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"currency": "XQX"}, ["cart", "currency"]),
        ({"lines": [{"price": "1.001"}]}, ["cart", "lines", "0", "price"]),
        ({"lines": [{"price": "1", "quantity": 0}]}, ["cart", "lines", "0", "quantity"]),
        ({"lines": [{"price": "1"}] * 501}, ["cart", "lines"]),
        ({"lines": [{"price": "1", "attributes": [1]}]}, ["cart", "lines", "0", "attributes"]),
    ],
)
async def test_a_bad_cart_is_refused_by_its_place(api, ann, fields, path):
    (error,) = await refused(api, ann, cart(**fields))

    assert (error["code"], error["field"]) == ("INVALID", path)


async def test_nan_is_no_price(api, ann):
    answer = (await api.post(QUOTE, {"input": {"cart": cart("NaN")}}, by=ann)).json()

    assert "cart.lines[0].price" in answer["errors"][0]["message"]


@pytest.mark.parametrize("id", ["VXNlcjpub2JvZHk", "T3JkZXI6bm9ib2R5", "no id"])
async def test_a_person_who_does_not_exist_is_refused(api, ann, id):
    (error,) = await refused(api, ann, cart(), userId=id)

    assert (error["code"], error["field"]) == ("NOT_FOUND", ["userId"])


async def test_paused_promotions_do_not_apply(api, ann):
    campaigns = await api.stores.campaigns.find_many(
        [each.campaign_id for each in (await api.stores.publications.get(1)).sources]
    )
    assert len(campaigns) == 1
    (campaign,) = campaigns.values()
    pause = "mutation ($id: ID!) { pauseCampaign(input: {id: $id}) { userErrors { message } } }"
    from schema.ids import to_global

    await api.ask(pause, {"id": to_global("Campaign", campaign.id)}, by=ann)

    quoted = await quote(api, ann, cart())

    assert set(status(quoted).values()) == {"PAUSED"}
    assert quoted["total"]["amount"] == "65.00"


async def test_rules_being_tried_can_stand_beside_those_that_are_live(api, ann):
    source = "promotion extra { take 1 USD off cart }"

    alone = await quote(api, ann, cart(), source=source)
    beside = await quote(api, ann, cart(), source=source, withPublished=True)

    assert status(alone) == {"extra": "APPLIED"}
    assert status(beside) == {
        "extra": "APPLIED",
        "tenth": "APPLIED",
        "families": "SIGN_IN",
        "staff_day": "CODE",
    }
