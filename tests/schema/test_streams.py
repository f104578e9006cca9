"""Subscriptions: each event is carried out once for all who ask the same with the same rights."""

import asyncio
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime

import orjson
import pytest

from app.admission import Admitted
from models.principal import Role
from resolvers.api import api as schema
from schema.streams import Asked, Refused, Streams
from tests.telling import add_block

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
FEED = """subscription ($after: String, $with: Boolean = false) {
  feed(after: $after) { cursor entries { cursor type data @include(if: $with) } }
}"""


@pytest.fixture
def streams():
    return Streams(schema)


async def tell(api, *types, **data):
    await add_block(api.stores, *types, data=data)


def context(api, caller):
    return api.context(Admitted("request-1", "", caller.access if caller else None))


async def first(streams, asked, context):
    async with asyncio.timeout(30), aclosing(streams.follow(asked, context)) as answers:
        return orjson.loads((await anext(answers)).text)["data"]


async def test_who_asks_the_same_shares_one_execution(api, streams):
    await tell(api, "order.placed", "run.started")
    shops = [await api.caller(Role.INTEGRATOR) for _ in range(5)]

    answers = await asyncio.gather(
        *(first(streams, Asked(FEED, {"after": "0"}), context(api, shop)) for shop in shops)
    )

    assert answers[0]["feed"]["cursor"] == "2"
    assert [e["type"] for e in answers[0]["feed"]["entries"]] == ["order.placed", "run.started"]
    assert all(answer == answers[0] for answer in answers)
    assert streams.executed == 1


async def test_where_someone_began_makes_no_difference_but_what_they_see_does(api, streams):
    for _ in range(3):
        await tell(api, "order.placed", order="o1")
    text = "subscription ($after: String, $with: Boolean = false) { orderEvents(after: $after) "
    text += "{ cursor data @include(if: $with) } }"
    shop = context(api, await api.caller(Role.INTEGRATOR))
    async with AsyncExitStack() as stack:
        read = [
            await stack.enter_async_context(aclosing(streams.follow(Asked(text, each), shop)))
            for each in ({"after": "1"}, {"after": "2"}, {"after": "2", "with": True})
        ]
        async with asyncio.timeout(30):
            await anext(read[0])
            shown = [(await anext(answers)).text for answers in read]

    assert shown[0] == shown[1] == '{"data":{"orderEvents":{"cursor":"3"}}}'
    assert orjson.loads(shown[2])["data"]["orderEvents"]["data"] == {"order": "o1"}
    assert streams.executed == 3


async def test_other_rights_are_another_execution(api, streams):
    await tell(api, "segment.entered")
    asked = Asked('subscription { segmentChanges(after: "0") { type } }')

    for role in (Role.MARKETER, Role.ANALYST):
        await first(streams, asked, context(api, await api.caller(role)))

    assert streams.executed == 2


async def test_what_is_kept_is_bounded(api, streams, monkeypatch):
    monkeypatch.setattr("schema.streams.ROOM", 150)
    shop = context(api, await api.caller(Role.INTEGRATOR))
    for _ in range(5):
        await tell(api, "order.placed", order="o" * 60)
    asked = Asked('subscription { orderEvents(after: "0") { data } }')

    async with asyncio.timeout(30), aclosing(streams.follow(asked, shop)) as answers:
        for _ in range(5):
            await anext(answers)

    assert len(streams._kept) == 1


@pytest.mark.parametrize(
    ("text", "role", "code"),
    [
        ('subscription { feed(after: "9") { cursor } }', Role.ADMIN, "CURSOR_UNKNOWN"),
        ("subscription { feed(batch: 501) { cursor } }", Role.ADMIN, "INVALID"),
        ('subscription { feed(types: ["Order!"]) { cursor } }', Role.ADMIN, "INVALID"),
        ('subscription { feed(types: ["order.palced"]) { cursor } }', Role.ADMIN, "INVALID"),
        ("subscription { feed { cursor } }", Role.MARKETER, "FORBIDDEN"),
        ("subscription { orderEvents { cursor } }", Role.CUSTOMER, "FORBIDDEN"),
        ("subscription { alerts { cursor } }", None, "UNAUTHENTICATED"),
    ],
)
async def test_a_refusal_has_its_code(api, streams, text, role, code):
    caller = await api.caller(role) if role else None

    with pytest.raises(Refused) as refusal:
        await first(streams, Asked(text), context(api, caller))

    assert [error["extensions"]["code"] for error in refusal.value.errors] == [code]


async def test_entries_shown_at_one_go_are_as_graphql_shows_them(api, streams, monkeypatch):
    await tell(api, "order.placed", at=NOW, lines=[{"sku": "A"}], text=None)
    fields = "__typename cursor type at campaignId userId data"
    asked = Asked(f'subscription {{ orderEvents(after: "0") {{ first: cursor {fields} }} }}')
    shop = context(api, await api.caller(Role.INTEGRATOR))

    quick = await first(streams, asked, shop)
    monkeypatch.setattr("schema.execution.plans_of", lambda _: None)
    slow = await first(Streams(schema), asked, shop)

    assert quick == slow
    assert quick["orderEvents"]["data"]["at"] == "2026-03-01T09:00:00Z"
