"""Segments through the API: who is in them, since when and why, and what a draft would share."""

from datetime import UTC, datetime

import pytest

from models.campaign import Act
from models.principal import Role
from models.user import User
from services import fillings, releases
from services.releases import RulesFile
from services.rulebook import Rulebook
from tests.shop import undisputed
from tests.staging import once
from tests.waiting import until

RULES = """
attributes user { size: number }
segment families { user.size >= 3 }
segment large { user.size >= 5 }
"""
MEMBERS = """
query ($segment: String!, $first: Int, $after: String, $publication: Int) {
  segmentMembers(segment: $segment, first: $first, after: $after, publication: $publication) {
    totalCount
    pageInfo { hasNextPage endCursor }
    edges { node { user { name segments { segment } } since why { kind of } } }
  }
}
"""
PREVIEW = """
query ($source: String!) {
  segmentPreview(source: $source, segment: "draft") {
    count
    cost { people lookups steps timed }
    overlaps { segment members shared }
  }
}
"""


@pytest.fixture
@once
async def filled(api):
    """People p0 to p7 of sizes 0 to 7, and two segments that are filled."""
    now = datetime.now(UTC)
    for size in range(8):
        user = User(id=f"p{size}", created_at=now, name=f"P{size}", attributes={"size": size})
        await api.stores.users.add(user)
    await releases.release([RulesFile("f", "F", RULES)], Act("marketer", now), stores=api.stores)
    rulebook = Rulebook(api.stores, fresh=0)
    while await fillings.step(undisputed, stores=api.stores, rulebook=rulebook, now=now):
        pass
    return api


async def test_members_come_in_pages_with_since_when_and_why(filled):
    marketer = await filled.caller(Role.MARKETER)

    first = (await filled.ask(MEMBERS, {"segment": "families", "first": 3}, by=marketer))[
        "segmentMembers"
    ]
    cursor = first["pageInfo"]["endCursor"]
    rest = (
        await filled.ask(MEMBERS, {"segment": "families", "first": 3, "after": cursor}, by=marketer)
    )["segmentMembers"]

    assert first["totalCount"] == 5
    names = [edge["node"]["user"]["name"] for edge in (*first["edges"], *rest["edges"])]
    assert names == ["P3", "P4", "P5", "P6", "P7"]
    assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)
    assert {edge["node"]["why"]["kind"] for edge in first["edges"]} == {"PUBLICATION"}
    assert rest["edges"][1]["node"]["user"]["segments"] == [
        {"segment": "families"},
        {"segment": "large"},
    ]


SINCE = """
query ($after: String, $before: String, $last: Int, $way: OrderDirection!) {
  segmentMembers(
    segment: "families", first: %s, after: $after, last: $last, before: $before,
    orderBy: { field: SINCE, direction: $way }
  ) { totalCount pageInfo { endCursor startCursor } edges { node { user { name } } } }
}
"""


async def test_members_are_listed_by_when_they_came(filled):
    marketer = await filled.caller(Role.MARKETER)
    came = {"p3": 3, "p4": 1, "p5": 2, "p6": 1, "p7": 5}
    for user, day in came.items():
        at = datetime(2026, 3, day, tzinfo=UTC)
        members = filled.stores.memberships.documents
        await members.update_one({"user": user, "set": "families|1"}, {"$set": {"since": at}})

    async def page(size, **given):
        found = (await filled.ask(SINCE % size, given, by=marketer))["segmentMembers"]
        return [edge["node"]["user"]["name"] for edge in found["edges"]], found["pageInfo"]

    first, place = await page(2, way="ASC")
    rest, _ = await page(9, way="ASC", after=place["endCursor"])
    last, _ = await page(1, way="DESC")
    back, _ = await page("null", way="ASC", last=1, before=place["endCursor"])

    assert (first, rest) == (["P4", "P6"], ["P5", "P3", "P7"])
    assert (last, back) == (["P7"], ["P4"])


@pytest.mark.parametrize(("publication", "count"), [(1, 5), (2, 0)])
async def test_only_those_whom_a_publication_brought_in(filled, publication, count):
    marketer = await filled.caller(Role.MARKETER)
    given = {"segment": "families", "publication": publication}

    found = await filled.ask(MEMBERS, given, by=marketer)

    assert found["segmentMembers"]["totalCount"] == count


async def test_customers_do_not_see_what_segments_they_are_in(filled):
    customer = await filled.caller(Role.CUSTOMER)

    found = await filled.ask("{ me { name segments { segment } } }", by=customer)

    assert found["me"]["segments"] is None
    assert await filled.code(MEMBERS, {"segment": "families"}, by=customer) == "FORBIDDEN"


async def test_a_segment_that_is_not_there_yet_or_not_at_all_is_refused(filled):
    marketer = await filled.caller(Role.MARKETER)
    text = RULES + "segment fresh { user.size = 1 }"
    act = Act("marketer", datetime.now(UTC))
    await releases.release([RulesFile("f", "F", text)], act, stores=filled.stores)

    async def noticed() -> bool:
        return await filled.code(MEMBERS, {"segment": "fresh"}, by=marketer) != "NOT_FOUND"

    await until(noticed)
    codes = [
        await filled.code(MEMBERS, {"segment": name}, by=marketer) for name in ("fresh", "nobody")
    ]

    assert codes == ["BEING_FILLED", "NOT_FOUND"]


async def test_a_preview_says_what_it_costs_and_whom_it_shares(filled):
    marketer = await filled.caller(Role.MARKETER)
    source = """
      segment draft { user.size >= 4 and count(order_placed, last 30 days) = 0 }
    """

    found = (await filled.ask(PREVIEW, {"source": source}, by=marketer))["segmentPreview"]

    assert found["count"] == 4
    assert found["overlaps"] == [
        {"segment": "families", "members": 5, "shared": 4},
        {"segment": "large", "members": 3, "shared": 3},
    ]
    assert found["cost"]["people"] >= 8
    assert (found["cost"]["lookups"], found["cost"]["timed"]) == (1, True)
