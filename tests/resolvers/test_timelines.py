"""A person's timeline and what keeps a journey from them, as the API tells it."""

from datetime import UTC, datetime, timedelta

import pytest

from models.campaign import Act
from models.event import Event
from models.principal import Role
from services.releases import RulesFile, release
from tests.client import Api, Caller
from tests.staging import once

TIMELINE = """
query Timeline($user: ID!, $after: String) {
  userTimeline(userId: $user, first: 2, after: $after) {
    totalCount
    edges { node { id at kind name why data } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
WHY = """
query Why($user: ID!, $trigger: String!) {
  whyNotSent(userId: $user, trigger: $trigger) { holds nodes { depth text holds } }
}
"""
RULES = """
event clicked { link: text }
trigger greet { on clicked where link = "/4"  then { tag "x" } }
"""
MARCH = [datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2, 3)]


@pytest.fixture
@once
async def ann(api: Api) -> Caller:
    await release([RulesFile("r", "Rules", RULES)], Act("cli", MARCH[0]), stores=api.stores)
    ann = await api.caller(Role.CUSTOMER)
    await api.stores.events.add(
        [
            Event(
                id=f"api|{at.day}",
                name="clicked",
                user_id=ann.id,
                at=at,
                received_at=at,
                publication=1,
                data={"link": f"/{at.day}"},
            )
            for at in MARCH
        ]
    )
    return ann


async def test_a_timeline_is_read_page_by_page(api, ann):
    staff = await api.caller(Role.ANALYST)

    first = (await api.ask(TIMELINE, {"user": ann.global_id}, by=staff))["userTimeline"]
    after = first["pageInfo"]["endCursor"]
    rest = (await api.ask(TIMELINE, {"user": ann.global_id, "after": after}, by=staff))[
        "userTimeline"
    ]

    nodes = [edge["node"] for edge in (*first["edges"], *rest["edges"])]
    assert [node["data"]["link"] for node in nodes] == ["/3", "/2", "/1"]
    assert {(node["kind"], node["name"]) for node in nodes} == {("EVENT", "clicked")}
    assert (first["totalCount"], rest["pageInfo"]["hasNextPage"]) == (3, False)


async def test_what_keeps_a_journey_away_is_named(api, ann):
    staff = await api.caller(Role.MARKETER)

    found = (await api.ask(WHY, {"user": ann.global_id, "trigger": "greet"}, by=staff))[
        "whyNotSent"
    ]

    assert found["holds"] is False
    (clause,) = [node for node in found["nodes"] if not node["holds"] and node["depth"] == 0]
    assert clause["text"].startswith("on clicked")


@pytest.mark.parametrize(
    ("late", "imported", "said"),
    [
        (timedelta(hours=24), False, None),
        (timedelta(hours=25), False, "the latest came 25 hours after it happened"),
        (timedelta(days=3), False, "the latest came 3 days after it happened"),
        (timedelta(), True, "the latest came with an import"),
    ],
)
async def test_an_event_that_came_too_late_to_start_anything_is_named(
    api, ann, late, imported, said
):
    staff = await api.caller(Role.MARKETER)
    at = datetime.now(UTC) - timedelta(days=4)
    wanted = Event(
        id="api|late",
        name="clicked",
        user_id=ann.id,
        at=at,
        received_at=at + late,
        publication=1,
        data={"link": "/4"},
    )
    await api.stores.events.add([wanted], pending=not imported)

    found = await api.ask(WHY, {"user": ann.global_id, "trigger": "greet"}, by=staff)

    texts = [node["text"] for node in found["whyNotSent"]["nodes"] if not node["holds"]]
    assert found["whyNotSent"]["holds"] is (said is None)
    assert (said is None) or any(said in text for text in texts)


async def test_nobody_and_nothing_are_null(api, ann):
    staff = await api.caller(Role.ANALYST)
    nobody = ann.global_id[:-4] + "AAAA"

    timeline = await api.ask(TIMELINE, {"user": nobody}, by=staff)
    why = await api.ask(WHY, {"user": ann.global_id, "trigger": "nothing"}, by=staff)

    assert (timeline["userTimeline"], why["whyNotSent"]) == (None, None)
