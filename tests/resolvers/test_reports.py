"""What came of campaigns, asked over the API."""

from datetime import timedelta

import pytest

from models.campaign import Act
from models.feed import Block, FeedEntry
from models.principal import Role
from schema.ids import to_global
from services.releases import RulesFile, release
from services.reporting import rollup
from tests.shop import NOW
from tests.staging import once

REPORT = """
query ($id: ID!, $from: DateTime, $until: DateTime) {
  campaign(id: $id) {
    report(from: $from, until: $until) {
      people
      journeys { trigger started heldOut converted heldOutConverted conversion heldOutConversion }
      messages { step template sent clicked }
      promotions { promotion redemptions discount { amount currency } givenBack { amount } }
      sales { orders revenue { amount currency } refunded { amount } }
    }
  }
}
"""
EXPERIMENTS = """
query ($id: ID!) {
  campaign(id: $id) {
    report {
      journeyExperiments {
        trigger
        split
        chance
        summary
        arms { arm share people converted conversion difference { value low high } }
      }
      promotionExperiments {
        promotion
        split
        currency
        chance
        summary
        arms {
          arm share people orders cancelled ratio { value low high }
          revenue { amount } refunded { amount } discount { amount } givenBack { amount }
        }
      }
    }
  }
}
"""
ALL = "{ campaigns(first: 10) { edges { node { title report { people } } } } }"


@pytest.fixture
@once
async def campaign(api):
    """A campaign with a journey of two people, two held out, and an order in two currencies."""
    rules = [RulesFile(name, name.title(), "") for name in ("spring", "autumn")]
    await release(rules, Act("marketer", NOW), stores=api.stores)
    spring = (await api.stores.campaigns.find_keys(["spring"]))["spring"].id
    arms = [{"arm": arm, "share": "50"} for arm in ("five", "six")]
    size = {"split": "size", "arm": "five", "arms": arms}
    share = {"promotion": "ten", "campaign": spring, "amount": "5.00", "splits": [size]}
    halves = [{"arm": arm, "share": "50"} for arm in ("held_out", "begun")]
    begun, held_out = [
        {"splits": [{"split": "@holdout", "arm": arm, "arms": halves}]}
        for arm in ("begun", "held_out")
    ]
    message = {"trigger": "t", "step": "hello", "channel": "email", "template": "greeting"}
    order = {"currency": "USD", "total": "45.00", "promotions": [share]}
    yen = {"currency": "JPY", "total": "700", "promotions": [share | {"amount": "70"}]}
    told = [
        *(("run.started", user, {"trigger": "t", **begun}) for user in ("ann", "ben")),
        *(
            ("run.started", user, {"trigger": "t", "held_out": True, **held_out})
            for user in ("cyd", "dan")
        ),
        ("run.converted", "ann", {"trigger": "t", **begun}),
        ("message.sent", "ann", message),
        ("message.clicked", "ann", message),
        ("order.placed", "ann", order),
        ("order.placed", "ann", yen),
        ("order.returned", "ann", {**order, "refund": "9.00", "promotions": [share]}),
    ]
    entries = tuple(
        FeedEntry(f"e{n}", kind, NOW + timedelta(hours=n), spring, user, data)
        for n, (kind, user, data) in enumerate(told)
    )
    last = await api.stores.feed.find_last()
    number, seq = (last.number, last.last_seq) if last else (0, 0)
    await api.stores.feed.append(Block(number + 1, seq + 1, entries, NOW))
    await rollup.follow(stores=api.stores)
    return to_global("Campaign", spring)


async def test_a_report_says_what_came_of_a_campaign(api, campaign):
    analyst = await api.caller(Role.ANALYST)

    found = await api.ask(REPORT, {"id": campaign}, by=analyst)

    assert found["campaign"]["report"] == {
        "people": 2,
        "journeys": [
            {
                "trigger": "t",
                "started": 2,
                "heldOut": 2,
                "converted": 1,
                "heldOutConverted": 0,
                "conversion": 0.5,
                "heldOutConversion": 0.0,
            }
        ],
        "messages": [{"step": "hello", "template": "greeting", "sent": 1, "clicked": 1}],
        "promotions": [
            {
                "promotion": "ten",
                "redemptions": 1,
                "discount": {"amount": "70", "currency": "JPY"},
                "givenBack": {"amount": "0"},
            },
            {
                "promotion": "ten",
                "redemptions": 1,
                "discount": {"amount": "5.00", "currency": "USD"},
                "givenBack": {"amount": "5.00"},
            },
        ],
        "sales": [
            {
                "orders": 1,
                "revenue": {"amount": "700", "currency": "JPY"},
                "refunded": {"amount": "0"},
            },
            {
                "orders": 1,
                "revenue": {"amount": "45.00", "currency": "USD"},
                "refunded": {"amount": "9.00"},
            },
        ],
    }


async def test_it_may_be_of_whole_hours_and_of_nothing_else(api, campaign):
    analyst = await api.caller(Role.ANALYST)

    def over(start, end):
        times = [(NOW + timedelta(hours=hours)).isoformat() for hours in (start, end)]
        return {"id": campaign, "from": times[0], "until": times[1]}

    first = await api.ask(REPORT, over(0, 1), by=analyst)
    later = await api.ask(REPORT, over(100, 200), by=analyst)

    assert first["campaign"]["report"]["people"] == 1
    assert later["campaign"]["report"] == {
        "people": 0,
        "journeys": [],
        "messages": [],
        "promotions": [],
        "sales": [],
    }
    for span in (over(0.5, 2), over(2, 1)):
        assert await api.code(REPORT, span, by=analyst) == "INVALID"


async def test_each_campaign_of_a_list_has_its_own(api, campaign):
    found = await api.ask(ALL, by=await api.caller(Role.MARKETER))

    assert {
        edge["node"]["title"]: edge["node"]["report"]["people"]
        for edge in found["campaigns"]["edges"]
    } == {"Spring": 2, "Autumn": 0}


async def test_experiments_have_their_arms_side_by_side(api, campaign):
    analyst = await api.caller(Role.ANALYST)

    found = await api.ask(EXPERIMENTS, {"id": campaign}, by=analyst)

    (holdout,) = found["campaign"]["report"]["journeyExperiments"]
    held_out, begun = holdout.pop("arms")
    assert holdout == {
        "trigger": "t",
        "split": None,
        "chance": None,
        "summary": [
            "`held_out`: 0.0% of 2 people reached the goal.",
            "`begun`: 50.0% of 2 people reached the goal, +50.0 points beside `held_out` "
            "(-27.3 to +90.5): that may be chance.",
        ],
    }
    assert (held_out["people"], held_out["converted"], held_out["difference"]) == (2, 0, None)
    assert (begun["share"], begun["people"], begun["conversion"]) == (50, 2, 0.5)
    assert begun["difference"]["value"] == 0.5
    yen, dollars = found["campaign"]["report"]["promotionExperiments"]
    assert (yen["currency"], dollars["currency"], dollars["split"]) == ("JPY", "USD", "size")
    five, six = dollars["arms"]
    assert five == {
        "arm": "five",
        "share": 50.0,
        "people": 1,
        "orders": 1,
        "cancelled": 0,
        "ratio": None,
        "revenue": {"amount": "45.00"},
        "refunded": {"amount": "9.00"},
        "discount": {"amount": "5.00"},
        "givenBack": {"amount": "5.00"},
    }
    assert (six["arm"], six["orders"], six["ratio"]) == ("six", 0, None)
