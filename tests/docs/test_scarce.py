"""docs/scarce.md: what it shows of buying something scarce is done, step by step."""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from models.principal import Role
from models.user import User
from services.sessions import open_session
from tests.client import Api, Caller
from tests.docs.pages import ROOT, Block, blocks
from tests.docs.test_api import is_like
from tests.shop import Shop

EVERY = list(blocks(ROOT / "docs" / "scarce.md"))
WINDOW = re.compile(r"active from .*$", re.MULTILINE)
DRAW = re.compile(r"draw at \d{4}-\d\d-\d\d")
ALWAYS = "active from 2020-01-01"


@dataclass
class World:
    """Whoever acts on the page; `names` stand on it for what an answer before gave."""

    api: Api
    shop: Shop
    callers: dict[str, Caller]
    names: dict[str, str] = field(default_factory=dict)

    async def ask(self, operation: Block, given: str) -> dict[str, Any]:
        for name, value in self.names.items():
            given = given.replace(f'"{name}"', json.dumps(value))
        by = self.callers.get(operation.value("as") or "")
        real = await self.api.ask(operation.text, json.loads(given), by=by)
        await self.shop.work()
        match real:
            case {"claimStock": {"claim": {"id": claim}}}:
                self.names["CLAIM"] = claim
            case {"openGroup": {"group": {"id": group}}}:
                self.names["GROUP"] = group
            case {"codes": {"edges": [{"node": {"code": code}}]}}:
                self.names["CODE"] = code
            case {"draws": [{"id": draw}]}:
                self.names["DRAW"] = draw
        return real


@pytest.fixture
async def world(api, smtp):
    """All the page's rules, in force whenever this is run; three customers, and who works there."""
    now = datetime.now(UTC)
    shop = Shop(api.stores, smtp.url)
    shop.clock.business = shop.clock.real = now
    rules = [block.text for block in EVERY if block.language == "rules"]
    await shop.publish(*(DRAW.sub("draw at 2100-01-01", WINDOW.sub(ALWAYS, r)) for r in rules))
    callers = {
        "integrator": await api.caller(Role.INTEGRATOR, name="Shop"),
        "marketer": await api.caller(Role.MARKETER, name="Max"),
    }
    for name in ("ann", "bob", "cleo"):
        user = User(id=name, created_at=now, name=name.title(), roles=frozenset((Role.CUSTOMER,)))
        await api.stores.users.add(user)
        pair = await open_session(user, stores=api.stores, tokens=api.tokens, wall=now)
        access = api.tokens.read(pair.access_token, now=now)
        callers[name] = Caller(name, pair.access_token, pair.refresh_token, access)
    return World(api, shop, callers)


def steps():
    """Yield each operation that has variables and an answer right after it."""
    for operation, given, shown in zip(EVERY, EVERY[1:], EVERY[2:], strict=False):
        if "variables" in given.words and "answer" in shown.words:
            yield operation, given.text, json.loads(shown.text)


async def test_every_step_gets_the_answer_that_is_shown(world):
    done = 0

    for operation, given, shown in steps():
        real = await world.ask(operation, given)
        assert is_like(shown, real), f"{operation.id}: {json.dumps(real, indent=2)}"
        done += 1

    assert done == sum("answer" in block.words for block in EVERY)
