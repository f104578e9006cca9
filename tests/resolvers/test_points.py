"""Points in the API: spent by their owner, and seen by them and the shop's own people."""

from datetime import UTC, datetime, timedelta

import pytest

from models.campaign import Act
from models.principal import Role
from services import draws, points
from services.points import Award
from services.releases import RulesFile, release
from services.rulebook import Rulebook
from tests.client import Api, Caller
from tests.staging import once

RULES = """
loyalty club {
  earn 1 point per 1 USD of order_placed.total
  tier silver at 100 points in 365 days
  points expire after 365 days
  redeem 100 points for 1 USD
}
lottery lucky {
  active from 2026-01-01
  enter on order_placed
  enter for 100 points
  draw at %s
  prize "Phone" quantity 1
}
"""
BUY = """
mutation ($input: BuyDrawEntryInput!) {
  buyDrawEntry(input: $input) { receipt { source } pointsLeft userErrors { code message } }
}
"""


ACCOUNT = """
query ($who: ID) { pointsAccount(userId: $who) {
  balance available tier nextTier { name missing } expiring { points }
} }
"""
STATEMENT = """
query ($who: ID, $first: Int, $after: String) {
  pointsStatement(userId: $who, first: $first, after: $after) {
    totalCount
    pageInfo { hasNextPage endCursor }
    edges { node { reason points balanceAfter trigger lottery } }
  }
}
"""


@pytest.fixture
@once
async def club(api: Api) -> Api:
    """The rules are live, and the draw is open."""
    now = datetime.now(UTC)
    ends = (now + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M")
    await release([RulesFile("r", "Rules", RULES % ends)], Act("cli", now), stores=api.stores)
    current = await Rulebook(api.stores, fresh=0).current()
    await draws.look_after(current, stores=api.stores, now=now, wall=now)
    return api


async def give(api: Api, who: Caller, amount: int, key: str = "gift") -> None:
    current = await Rulebook(api.stores, fresh=0).current()
    now = datetime.now(UTC)
    award = Award(key=key, user_id=who.id, points=amount, at=now, rules=current)
    await points.award(award, stores=api.stores, current=current, now=now)


async def test_an_entry_is_bought_by_its_owner_and_nobody_for_others(club: Api) -> None:
    ann, bob = [await club.caller(Role.CUSTOMER) for _ in range(2)]
    await give(club, ann, 150)

    async def buy(by: Caller, **more):
        wanted = {"lottery": "lucky", "idempotencyKey": "one", **more}
        return (await club.ask(BUY, {"input": wanted}, by=by))["buyDrawEntry"]

    assert await buy(ann) == {
        "receipt": {"source": "points:one"},
        "pointsLeft": 50,
        "userErrors": [],
    }
    (refused,) = (await buy(ann, idempotencyKey="two"))["userErrors"]
    assert refused["code"] == "NOT_ENOUGH_POINTS"
    (refused,) = (await buy(bob, userId=ann.global_id))["userErrors"]
    assert refused["code"] == "FORBIDDEN"


async def test_someone_sees_what_they_have_and_what_it_takes(club: Api) -> None:
    ann = await club.caller(Role.CUSTOMER)
    await give(club, ann, 60)
    assert (await club.ask(ACCOUNT, by=ann))["pointsAccount"] == {
        "balance": 60,
        "available": 60,
        "tier": None,
        "nextTier": {"name": "silver", "missing": 40},
        "expiring": [{"points": 60}],
    }

    await give(club, ann, 40, "more")

    account = (await club.ask(ACCOUNT, by=ann))["pointsAccount"]
    assert (account["tier"], account["nextTier"]) == ("silver", None)


async def test_a_statement_comes_in_pages_with_the_balance_after_each_line(club: Api) -> None:
    ann = await club.caller(Role.CUSTOMER)
    for number in range(4):
        await give(club, ann, 10 + number, f"gift{number}")
    lines: list[tuple[int, int]] = []
    after = None
    while True:
        asked = {"first": 3, "after": after}
        page = (await club.ask(STATEMENT, asked, by=ann))["pointsStatement"]
        lines += [(e["node"]["points"], e["node"]["balanceAfter"]) for e in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]

    assert lines == [(13, 46), (12, 33), (11, 21), (10, 10)]
    assert page["totalCount"] == 4


async def test_a_statement_is_listed_by_time_either_way_with_the_same_balances(club: Api) -> None:
    ann = await club.caller(Role.CUSTOMER)
    began = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(5):
        await give(club, ann, 10 + number, f"gift{number}")
        await club.stores.points.documents.update_one(
            {"user": ann.id, "at": {"$gt": began + timedelta(days=30)}},
            {"$set": {"at": began + timedelta(days=number)}},
        )
    query = """query ($filter: PointsFilter, $direction: OrderDirection!, $after: String) {
      pointsStatement(first: 2, after: $after, filter: $filter,
                      orderBy: {field: AT, direction: $direction}) {
        totalCount pageInfo { hasNextPage endCursor } edges { node { points balanceAfter } }
      }
    }"""
    middle = {"movedAfter": "2026-01-02T00:00:00Z", "movedBefore": "2026-01-05T00:00:00Z"}

    async def read(direction: str, after: str | None = None) -> list[tuple[int, int]]:
        asked = {"filter": middle, "direction": direction, "after": after}
        page = (await club.ask(query, asked, by=ann))["pointsStatement"]
        assert page["totalCount"] == 3
        lines = [(e["node"]["points"], e["node"]["balanceAfter"]) for e in page["edges"]]
        more = page["pageInfo"]["hasNextPage"]
        return lines + (await read(direction, page["pageInfo"]["endCursor"]) if more else [])

    assert await read("ASC") == [(11, 21), (12, 33), (13, 46)]
    assert await read("DESC") == [(13, 46), (12, 33), (11, 21)]


async def test_points_are_seen_by_their_owner_and_the_shops_own_people_only(club: Api) -> None:
    ann, bob = [await club.caller(Role.CUSTOMER) for _ in range(2)]
    analyst = await club.caller(Role.ANALYST)
    await give(club, ann, 60)
    who = {"who": ann.global_id}

    for query, name in ((ACCOUNT, "pointsAccount"), (STATEMENT, "pointsStatement")):
        assert (await club.ask(query, who, by=bob))[name] is None
        assert (await club.ask(query, who, by=analyst))[name] is not None
