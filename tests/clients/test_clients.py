"""Other people's clients against a running API: the audit of GraphQL over HTTP, Apollo, codegen."""

import asyncio
from datetime import UTC, datetime

import pytest

from models.principal import Role
from services import sequencer
from tests.client import NO_REDIS, listening
from tests.node import run, told

OPTIONS = "--strict --noEmit --module nodenext --target es2022 --skipLibCheck".split()  # noqa: SIM905


@pytest.fixture
async def host(api, database, mongodb_uri):
    """A server with a socket of its own, and the sequencer beside it."""
    stopping = asyncio.Event()
    ordering = asyncio.create_task(
        sequencer.run(stores=api.stores, wall=lambda: datetime.now(UTC), stopping=stopping)
    )
    async with listening(
        mongodb_uri=mongodb_uri, database=database.name, redis_url=NO_REDIS
    ) as address:
        yield address
    stopping.set()
    await ordering


async def test_every_audit_of_graphql_over_http_passes(host, desk, api):
    """What MUST, SHOULD and MAY be, and no warning."""
    marketer = await api.caller(Role.MARKETER)

    results = await told(desk, "audit.mjs", f"http://{host}/graphql", marketer.token)

    assert [each for each in results if each["status"] != "ok"] == []
    assert len(results) == 61


async def test_apollo_client_asks_changes_and_follows(host, desk, api):
    marketer = await api.caller(Role.MARKETER)

    seen = await told(desk, "apollo.mjs", host, marketer.token)

    spring, summer = seen["begun"]
    assert (spring["title"], summer["title"]) == ("Spring", "Summer")
    assert seen["heard"] == [
        {"type": "campaign.created", "campaignId": each["id"]} for each in (spring, summer)
    ]
    assert [edge["node"]["title"] for edge in seen["page"]["edges"]] == ["Summer"]
    assert (seen["page"]["totalCount"], seen["page"]["pageInfo"]["hasNextPage"]) == (2, True)
    assert (seen["again"]["__typename"], seen["again"]["title"]) == ("Campaign", "Spring")
    assert seen["wrong"] == ["BAD_USER_INPUT"]


async def test_what_codegen_makes_of_the_schema_compiles(desk):
    made = await run(desk, "codegen.mjs", "schema.graphql", "made")
    assert made == (0, "")

    assert await run(desk, "node_modules/typescript/bin/tsc", *OPTIONS, "shop.ts") == (0, "")

    wrong = (desk / "shop.ts").read_text().replace("edge.node.title", "edge.node.titel")
    (desk / "wrong.ts").write_text(wrong)
    code, said = await run(desk, "node_modules/typescript/bin/tsc", *OPTIONS, "wrong.ts")
    assert code != 0
    assert "titel" in said
