"""Experiments against a shop in which it is known who was dealt what, and what they did."""

from datetime import timedelta
from decimal import Decimal

import pytest

from engine import chance
from engine.chance import arm_of
from models.experiment import HOLDOUT
from models.paging import EVER, Span
from models.report import Count, Part, Row, Series
from services import orders
from services.orders import Till
from services.reporting import checking, reports, rollup
from services.reporting.experiments import outcomes
from services.reporting.wording import in_words
from tests.services.reporting.test_rollup import campaign_of, count, placing
from tests.shop import NOW, event

RULES = """
campaign spring { goal order_placed within 3 days  holdout 20% }
event cart_updated { total: money USD }
trigger greet { on cart_updated  reenter parallel
  then {
    wait 1 hours
    split call { 50% quiet { tag "quiet" }  50% loud { tag "loud" } }
    wait 5 hours
  }
}
promotion sized { split size { 50% ten { take 10% off cart }  50% five { take 5% off cart } } }
"""
PEOPLE = [f"p{number}" for number in range(12)]
HALVES = [50, 50]


def arm(user, split, *names):
    return names[arm_of(user, split, HALVES)]


async def results(shop, span=EVER):
    rows = await reports.of_campaign(await campaign_of(shop), span, stores=shop.stores)
    return {
        (each.name, each.experiment.name): {
            arm.name: {name.value: number for name, number in arm.row.counts.items()}
            for arm in each.arms
        }
        for each in outcomes(rows)
    }


@pytest.fixture
async def till(shop):
    await shop.publish(RULES)
    for name in PEOPLE:
        await shop.person(name)
    return Till(stores=shop.stores, rulebook=shop.rulebook, jobs=shop.bells, clock=shop.clock)


async def begin(shop):
    await shop.tell(*(event("cart_updated", f"c-{n}", user=n, total="20") for n in PEOPLE))
    await shop.work()


async def held_out(shop):
    return {run["user"] async for run in shop.stores.runs.documents.find({"reason": "held_out"})}


async def buy(till, name, number=0):
    total = {"ten": "40.00", "five": "42.00"}[arm(name, "size", "ten", "five")]
    if chance.held_out(name, "spring", Decimal(20)):
        total = "44.00"
    await orders.place(placing(f"o-{name}-{number}", name, total), till)
    assert await till.stores.orders.find(f"o-{name}-{number}")


async def test_people_count_for_their_arm_from_the_split_on(shop, till):
    await begin(shop)
    held = await held_out(shop)
    rest = [name for name in PEOPLE if name not in held]
    await buy(till, rest[0])  # before the split
    await shop.work()
    shop.clock.turn(hours=2)
    await shop.work()
    for name in (*rest[1:5], *sorted(held)[:1]):
        await buy(till, name)
    await shop.work()
    # Someone begins again and buys again: that is nobody new.
    await shop.tell(event("cart_updated", "again", user=rest[1], total="20"))
    await shop.work()
    shop.clock.turn(hours=2)
    await shop.work()
    await buy(till, rest[1], 1)
    await shop.work()

    await count(shop)

    arms = {name: arm(name, "call", "quiet", "loud") for name in rest}
    found = await results(shop)
    assert found["greet", "call"] == {
        each: {
            "people": sum(arms[name] == each for name in rest),
            "converted": sum(arms[name] == each for name in rest[1:5]),
        }
        for each in ("quiet", "loud")
    }
    assert found["greet", HOLDOUT] == {
        "held_out": {"people": len(held), "converted": 1},
        "begun": {"people": len(rest), "converted": 5},
    }
    assert (await checking.check(stores=shop.stores))[1] == []


async def test_a_goal_counts_in_the_hour_in_which_its_arm_was_dealt(shop, till):
    await begin(shop)
    held = await held_out(shop)
    name = next(name for name in PEOPLE if name not in held)
    shop.clock.turn(hours=1)
    await shop.work()
    shop.clock.turn(hours=20)
    await buy(till, name)
    await shop.work()
    await count(shop)

    first = await results(shop, Span(NOW + timedelta(hours=1), NOW + timedelta(hours=2)))
    later = await results(shop, Span(NOW + timedelta(hours=2), None))

    assert first["greet", "call"][arm(name, "call", "quiet", "loud")]["converted"] == 1
    assert ("greet", "call") not in later


async def test_orders_count_for_the_arm_of_their_buyer(shop, till):
    for name in PEOPLE:
        await buy(till, name)
    rest = [name for name in PEOPLE if not chance.held_out(name, "spring", Decimal(20))]
    await buy(till, rest[0], 1)
    await count(shop)

    found = (await results(shop))["sized", "size"]

    bought = [*rest, rest[0]]
    for each, cost, discount in (("ten", 4_000, 400), ("five", 4_200, 200)):
        number = sum(arm(name, "size", "ten", "five") == each for name in bought)
        assert found[each] == {
            "people": sum(arm(name, "size", "ten", "five") == each for name in rest),
            "orders": number,
            "revenue": number * cost,
            "discount": number * discount,
        }
    assert (await checking.check(stores=shop.stores))[1] == []


async def test_what_was_dealt_stays_so_when_the_rules_change(shop, till):
    await begin(shop)
    held = await held_out(shop)
    shop.clock.turn(hours=2)
    await shop.work()
    await shop.publish(RULES.replace("50% quiet", "10% quiet").replace("50% loud", "90% loud"))
    shop.clock.turn(hours=1)
    await buy(till, next(name for name in PEOPLE if name not in held))
    await shop.tell(event("cart_updated", "new", user=PEOPLE[0], total="20"))
    await shop.work()
    shop.clock.turn(hours=2)
    await shop.work()
    await count(shop)

    rows = await reports.of_campaign(await campaign_of(shop), EVER, stores=shop.stores)
    calls = {
        each.experiment.key: sum(arm.row[Count.PEOPLE] for arm in each.arms)
        for each in outcomes(rows)
        if each.experiment.name == "call"
    }
    rest = len(PEOPLE) - len(held)
    assert calls == {
        "call quiet 50 loud 50": rest,
        "call quiet 10 loud 90": int(PEOPLE[0] not in held),
    }


async def without_splits(shop):
    """Make the feed what an earlier version told, with reports counted and experiments not."""
    blocks = shop.stores.feed.documents
    async for block in blocks.find():
        for entry in block["entries"]:
            entry["data"].pop("splits", None)
            for promotion in entry["data"].get("promotions", ()):
                promotion.pop("splits", None)
        await blocks.replace_one({"_id": block["_id"]}, block)
    await shop.stores.positions.documents.delete_one({"_id": rollup.EXPERIMENTS})
    for store in (shop.stores.metrics, shop.stores.reached):
        await store.documents.delete_many({"_id": {"$regex": "arm"}})


async def test_orders_from_before_an_upgrade_count_for_the_arms_of_their_rules(shop, till):
    for name in PEOPLE:
        await buy(till, name)
    await shop.work()
    await count(shop)
    before = await results(shop)
    assert before["sized", "size"]
    await without_splits(shop)
    assert await results(shop) == {}
    # The rules have other arms now.
    await shop.publish(RULES.replace("ten {", "tenth {"))

    assert await rollup.follow(stores=shop.stores) > 0

    assert await results(shop) == before
    assert await rollup.follow(stores=shop.stores) == 0
    assert (await checking.check(stores=shop.stores))[1] == []


def row(arm, part=Part.ARM, key="call quiet 50 loud 50", **counts):
    by = f"{arm} USD" if part is Part.PROMOTION_ARM else arm
    return Row(Series("c", part, "t", key, by), {Count(name): n for name, n in counts.items()})


def test_sentences_say_which_arm_did_better():
    quiet = row("quiet", people=1000, converted=100)
    (better,) = outcomes([quiet, row("loud", people=1010, converted=180)])
    (same,) = outcomes([quiet, row("loud", people=1010, converted=110)])
    (worse,) = outcomes([quiet, row("loud", people=1010, converted=50)])

    assert in_words(better) == [
        "`quiet`: 10.0% of 1000 people reached the goal.",
        "`loud`: 17.8% of 1010 people reached the goal, +7.8 points beside `quiet` "
        "(+4.8 to +10.8): it did better.",
    ]
    assert in_words(same)[1].endswith("(-1.8 to +3.6): that may be chance.")
    assert in_words(worse)[1].endswith("it did worse.")


def test_arms_that_nobody_came_to_are_there():
    (found,) = outcomes([row("loud", people=3, converted=1)])

    assert [(each.name, each.share, each.rate) for each in found.arms] == [
        ("quiet", 50, None),
        ("loud", 50, pytest.approx(1 / 3)),
    ]
    assert in_words(found) == [
        "`quiet`: nobody yet.",
        "`loud`: 33.3% of 3 people reached the goal.",
    ]


def test_where_people_are_not_as_the_shares_say_nothing_is_concluded():
    (found,) = outcomes(
        [row("quiet", people=1000, converted=100), row("loud", people=800, converted=180)]
    )

    said = in_words(found)
    assert found.is_skewed
    assert said[1].endswith("(+9.1 to +16.0).")
    assert said[2].startswith("People are not dealt as the shares say (p = 2.4e-06)")


def test_arms_of_promotions_are_compared_by_who_ordered():
    key, part = "size ten 50 five 50", Part.PROMOTION_ARM
    (found,) = outcomes(
        [
            row("ten", part, key, people=300, orders=310, revenue=1_240_000, discount=124_000),
            row("five", part, key, people=200, orders=200, revenue=840_000, discount=40_000),
        ]
    )

    assert found.currency == "USD"
    assert in_words(found) == [
        "`ten`: 310 orders of 300 people, 40.00 USD each, for 1240.00 USD off.",
        "`five`: 200 orders of 200 people, 42.00 USD each, for 400.00 USD off; 0.67 times as many "
        "people as `ten` for its share (0.56 to 0.80): it drew fewer people.",
    ]
