"""docs/api.md: its operations are sent to the real API, its socket is opened, its table is true."""

import asyncio
import json
import re
from datetime import UTC, datetime

import pytest
from websockets.asyncio.client import connect

from models.campaign import Act
from models.principal import Role
from models.user import User
from resolvers.access import declared
from resolvers.api import api as schema
from services import releases, sequencer
from services.releases import RulesFile
from tests.client import NO_REDIS, listening
from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs" / "api.md"
EVERY = list(blocks(PAGE))
SHOWN = "…"
CREATE = 'mutation { createCampaign(input: {title: "Spring"}) { campaign { id } } }'
COLUMNS = (Role.ADMIN, Role.MARKETER, Role.ANALYST, Role.INTEGRATOR, Role.CUSTOMER, None)


def is_like(shown, real):
    """Whether an answer is the one that the page shows, `…` being any value."""
    match shown, real:
        case dict(), dict():
            return shown.keys() == real.keys() and all(is_like(shown[k], real[k]) for k in shown)
        case list(), list():
            return len(shown) == len(real) and all(map(is_like, shown, real))
        case _:
            return shown in (SHOWN, real) and (shown != SHOWN or real is not None)


def marked(word):
    return [json.loads(block.text) for block in EVERY if word in block.words]


@pytest.fixture
async def world(api):
    """What the page says there is: rules that are live, a person, callers."""
    (rules,) = [block for block in EVERY if block.language == "rules"]
    now = datetime.now(UTC)
    await releases.release(
        [RulesFile("live", "Live", rules.text)], Act("marketer", now), stores=api.stores
    )
    await api.stores.users.add(User(id="customer-17", created_at=now, name="Ann"))
    await api.stores.identities.link_external("C-1017", "customer-17")
    return {
        "admin": await api.caller(Role.ADMIN, name="Ada"),
        "integrator": await api.caller(Role.INTEGRATOR, name="Shop"),
        "marketer": await api.caller(Role.MARKETER, name="Max"),
    }


async def test_every_operation_gets_the_answer_that_is_shown(api, world):
    operations = [block for block in EVERY if block.language == "graphql"]
    variables, answers = marked("variables"), marked("answer")
    assert len(operations) == len(variables) == len(answers)

    for operation, given, shown in zip(operations, variables, answers, strict=True):
        real = await api.ask(operation.text, given, by=world.get(operation.value("as") or ""))
        assert is_like(shown, real), f"{operation.id}: {json.dumps(real, indent=2)}"


@pytest.fixture
async def address(api, database, mongodb_uri):
    """A server with a socket of its own, and the sequencer beside it."""
    stopping = asyncio.Event()
    ordering = asyncio.create_task(
        sequencer.run(stores=api.stores, wall=lambda: datetime.now(UTC), stopping=stopping)
    )
    async with listening(
        mongodb_uri=mongodb_uri, database=database.name, redis_url=NO_REDIS
    ) as host:
        yield f"ws://{host}/graphql"
    stopping.set()
    await ordering


async def test_a_subscription_goes_as_it_is_shown(api, address):
    marketer = await api.caller(Role.MARKETER)
    begin, subscribe, complete = [
        json.dumps(message).replace("ACCESS_TOKEN", marketer.token) for message in marked("client")
    ]
    greeting, news = marked("server")
    async with asyncio.timeout(60), connect(address, subprotocols=["graphql-transport-ws"]) as ws:
        await ws.send(begin)
        assert is_like(greeting, json.loads(await ws.recv()))

        await ws.send(subscribe)
        receiving = asyncio.create_task(ws.recv())
        # The server says nothing when it has begun to follow: until then, what happens is missed.
        while not receiving.done():
            await api.ask(CREATE, by=marketer)
            await asyncio.wait({receiving}, timeout=0.5)
        real = json.loads(await receiving)
        await ws.send(complete)

    assert is_like(news, real), real


def test_the_table_of_roles_is_the_apis():
    rows = re.findall(r"^\| `(\w+)` \|(.+)\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    shown = {
        name: {role for role, cell in zip(COLUMNS, cells.split("|"), strict=True) if "yes" in cell}
        for name, cells in rows
        if cells.count("|") == len(COLUMNS) - 1
    }

    real = {}
    for kind in ("Query", "Mutation", "Subscription"):
        for name in getattr(schema._schema, f"{kind.lower()}_type").fields:
            access = declared(schema.get_field_for_type(name, kind))
            real[name] = {*access.roles, *([None] if access.nobody else [])}
    assert shown == real, "docs/api.md has a row for each root field, under Roles"
