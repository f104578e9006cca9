"""Campaigns through the API."""

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.admission import Admitted
from models.principal import Role
from resolvers.api import api as schema
from schema.ids import to_global
from services import sequencer
from tests.client import Api, Caller

SPRING = "promotion spring { take 10% off cart }"
CAMPAIGN = """
fragment C on Campaign {
  id title goal channels source status revision liveSource livePublication scheduledFor version
  authorId history { verb before after at byId reason }
}
"""


def mutation(name: str) -> str:
    kind = name[0].upper() + name[1:]
    return (
        f"mutation ($input: {kind}Input!) {{ {name}(input: $input) "
        "{ campaign { ...C } userErrors { code field message } } }" + CAMPAIGN
    )


@pytest.fixture
async def ann(api: Api) -> Caller:
    return await api.caller(Role.MARKETER)


@pytest.fixture
async def bob(api: Api) -> Caller:
    return await api.caller(Role.MARKETER)


async def do(api: Api, by: Caller, name: str, **input: Any) -> dict[str, Any]:
    """Run a mutation that must succeed; return the campaign."""
    payload = (await api.ask(mutation(name), {"input": input}, by=by))[name]
    assert payload["userErrors"] == []
    campaign: dict[str, Any] = payload["campaign"]
    return campaign


async def refused(api: Api, by: Caller, name: str, **input: Any) -> list[dict[str, Any]]:
    """Run a mutation that must be refused; return why."""
    payload = (await api.ask(mutation(name), {"input": input}, by=by))[name]
    assert payload["campaign"] is None
    errors: list[dict[str, Any]] = payload["userErrors"]
    return errors


async def published(api: Api, ann: Caller, bob: Caller, source: str = SPRING) -> dict[str, Any]:
    campaign = await do(api, ann, "createCampaign", title="Spring", source=source)
    await do(api, ann, "submitCampaign", id=campaign["id"])
    await do(api, bob, "approveCampaign", id=campaign["id"])
    return await do(api, bob, "publishCampaign", id=campaign["id"])


async def test_a_campaign_goes_from_draft_to_running(api, ann, bob):
    campaign = await published(api, ann, bob)

    assert (campaign["status"], campaign["revision"]) == ("RUNNING", None)
    assert (campaign["livePublication"], campaign["liveSource"]) == (1, SPRING)
    assert campaign["authorId"] == ann.global_id
    assert [(step["verb"], step["byId"]) for step in campaign["history"]] == [
        ("created", ann.global_id),
        ("submitted", ann.global_id),
        ("approved", bob.global_id),
        ("published", bob.global_id),
    ]


async def test_it_is_paused_resumed_ended_and_archived(api, ann, bob):
    key = (await published(api, ann, bob))["id"]

    for name, status in [
        ("pauseCampaign", "PAUSED"),
        ("resumeCampaign", "RUNNING"),
        ("endCampaign", "ENDED"),
        ("archiveCampaign", "ARCHIVED"),
    ]:
        campaign = await do(api, ann, name, id=key, reason="so be it")
        assert campaign["status"] == status
        assert campaign["history"][-1]["reason"] == "so be it"


async def test_authors_cannot_approve_or_reject_their_own(api, ann, bob):
    campaign = await do(api, ann, "createCampaign", title="Spring", source=SPRING)
    await do(api, ann, "submitCampaign", id=campaign["id"])

    for name in ("approveCampaign", "rejectCampaign"):
        (error,) = await refused(api, ann, name, id=campaign["id"], reason="because")
        assert error["code"] == "OWN_WORK"
    rejected = await do(api, bob, "rejectCampaign", id=campaign["id"], reason="too dear")
    assert rejected["status"] == "DRAFT"


async def test_a_wrong_step_says_where_the_campaign_stands(api, ann, bob):
    campaign = await published(api, ann, bob)

    (error,) = await refused(api, ann, "submitCampaign", id=campaign["id"])

    assert error["code"] == "CONFLICT"
    assert error["message"] == "“Spring” is running, not a draft."


async def test_an_edit_of_an_old_version_is_refused(api, ann):
    campaign = await do(api, ann, "createCampaign", title="Spring", channels=["EMAIL"])
    first = await do(
        api, ann, "updateCampaign", id=campaign["id"], version=campaign["version"], goal="more"
    )

    (error,) = await refused(
        api, ann, "updateCampaign", id=campaign["id"], version=campaign["version"], goal="less"
    )

    assert error["code"] == "CONFLICT"
    assert (first["goal"], first["channels"]) == ("more", ["EMAIL"])


async def test_rules_that_cannot_be_live_are_refused_with_each_reason(api, ann):
    source = "promotion a { take 10% off carts }\npromotion b { take 20% off shopping }"
    campaign = await do(api, ann, "createCampaign", title="Spring", source=source)

    errors = await refused(api, ann, "submitCampaign", id=campaign["id"])

    assert [error["message"][:6] for error in errors] == ["line 1", "line 2"]
    assert {error["code"][:1] for error in errors} == {"E"}
    assert {tuple(error["field"]) for error in errors} == {("source",)}


async def test_a_scheduled_campaign_shows_when(api, ann, bob):
    campaign = await do(api, ann, "createCampaign", title="Spring", source=SPRING)
    await do(api, ann, "submitCampaign", id=campaign["id"])
    await do(api, bob, "approveCampaign", id=campaign["id"])
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)

    scheduled = await do(
        api, bob, "publishCampaign", id=campaign["id"], at=at.isoformat().replace("+00:00", "Z")
    )

    assert scheduled["status"] == "SCHEDULED"
    assert datetime.fromisoformat(scheduled["scheduledFor"]) == at


async def test_an_earlier_text_is_made_live_again(api, ann, bob):
    campaign = await published(api, ann, bob)
    text = SPRING.replace("10%", "20%")
    key = campaign["id"]
    await do(api, ann, "updateCampaign", id=key, version=campaign["version"], source=text)
    await do(api, ann, "submitCampaign", id=key)
    await do(api, bob, "approveCampaign", id=key)
    assert (await do(api, bob, "publishCampaign", id=key))["liveSource"] == text

    back = await do(api, ann, "rollbackCampaign", id=key, publication=1, reason="too dear")

    assert (back["liveSource"], back["source"], back["livePublication"]) == (SPRING, SPRING, 3)
    listed = await api.ask(
        "query ($id: ID!) { publications(campaignId: $id) { totalCount"
        " edges { node { number previous verb reason changedIds campaignIds byId } } } }",
        {"id": key},
        by=ann,
    )
    assert listed["publications"]["totalCount"] == 3
    newest = listed["publications"]["edges"][0]["node"]
    assert newest == {
        "number": 3,
        "previous": 2,
        "verb": "rolled_back",
        "reason": "too dear",
        "changedIds": [key],
        "campaignIds": [key],
        "byId": ann.global_id,
    }
    payload = await api.ask(
        "mutation { rollbackPublication(input: {publication: 2}) "
        "{ publication { number } userErrors { code } } }",
        by=bob,
    )
    assert payload["rollbackPublication"] == {"publication": {"number": 4}, "userErrors": []}


async def test_campaigns_are_listed_newest_first_by_status(api, ann, bob):
    ids = [(await do(api, ann, "createCampaign", title=f"C{n}"))["id"] for n in range(3)]
    running = (await published(api, ann, bob))["id"]
    query = """
    query ($after: String, $status: CampaignStatus) {
      campaigns(first: 2, after: $after, filter: {status: $status}) {
        totalCount edges { node { id } } pageInfo { hasNextPage endCursor }
      }
    }
    """

    first = (await api.ask(query, {"status": "DRAFT"}, by=ann))["campaigns"]
    after = first["pageInfo"]["endCursor"]
    rest = (await api.ask(query, {"status": "DRAFT", "after": after}, by=ann))["campaigns"]

    assert first["totalCount"] == 3
    found = [edge["node"]["id"] for edge in first["edges"] + rest["edges"]]
    assert found == ids[::-1]
    assert rest["pageInfo"]["hasNextPage"] is False
    live = (await api.ask(query, {"status": "RUNNING"}, by=ann))["campaigns"]
    assert [edge["node"]["id"] for edge in live["edges"]] == [running]


async def test_a_campaign_that_is_not_there_is_null_or_not_found(api, ann):
    key = to_global("Campaign", "nowhere")

    data = await api.ask("query ($id: ID!) { campaign(id: $id) { id } }", {"id": key}, by=ann)
    (error,) = await refused(api, ann, "submitCampaign", id=key)

    assert data == {"campaign": None}
    assert error["code"] == "NOT_FOUND"


async def test_analysts_read_and_do_not_write(api, ann):
    analyst = await api.caller(Role.ANALYST)
    campaign = await do(api, ann, "createCampaign", title="Spring")
    query = "query ($id: ID!) { campaign(id: $id) { title } }"

    data = await api.ask(query, {"id": campaign["id"]}, by=analyst)
    code = await api.code(mutation("submitCampaign"), {"input": {"id": campaign["id"]}}, by=analyst)

    assert data["campaign"]["title"] == "Spring"
    assert code == "FORBIDDEN"


async def test_activity_is_replayed_and_then_followed(api, ann, bob):
    stopping = asyncio.Event()
    wall = lambda: datetime.now(UTC)  # noqa: E731
    sequencing = asyncio.create_task(sequencer.run(stores=api.stores, wall=wall, stopping=stopping))
    campaign = await do(api, ann, "createCampaign", title="Spring", source=SPRING)
    await do(api, ann, "submitCampaign", id=campaign["id"])
    other = await do(api, ann, "createCampaign", title="Other", source=SPRING)
    context = api.context(Admitted(request_id="r1", address="", access=ann.access))
    following = await schema.subscribe(
        'subscription ($id: ID!) { campaignActivity(campaignId: $id, after: "0") '
        "{ cursor type at campaignId userId data } }",
        variable_values={"id": campaign["id"]},
        context_value=context,
    )

    entries = []
    async with asyncio.timeout(60), aclosing(following):
        async for result in following:
            assert result.errors is None
            entries.append(result.data["campaignActivity"])
            if len(entries) == 2:
                await do(api, ann, "updateCampaign", id=other["id"], version=1, goal="x")
                await do(api, bob, "approveCampaign", id=campaign["id"])
            if len(entries) == 3:
                break
    stopping.set()
    await sequencing

    assert [entry["type"] for entry in entries] == [
        "campaign.created",
        "campaign.submitted",
        "campaign.approved",
    ]
    assert {entry["campaignId"] for entry in entries} == {campaign["id"]}
    assert entries[2]["data"]["by"] == bob.id


async def test_a_cursor_from_nowhere_ends_the_subscription(api, ann):
    context = api.context(Admitted(request_id="r1", address="", access=ann.access))

    for after in ("abc", "7"):
        following = await schema.subscribe(
            f'subscription {{ campaignActivity(after: "{after}") {{ cursor }} }}',
            context_value=context,
        )
        async with aclosing(following):
            result = await anext(following)
        assert result.errors[0].extensions["code"] == "CURSOR_UNKNOWN"
