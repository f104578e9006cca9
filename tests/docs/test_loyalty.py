"""docs/loyalty.md: what it shows of points is done, step by step."""

import json
from datetime import UTC, datetime

import pytest

from app.clock import Clock
from models.campaign import Act
from models.principal import Role
from models.user import User
from services import lanes, releases
from services.lanes import Lanes
from services.releases import RulesFile
from services.rulebook import Rulebook
from services.sessions import open_session
from tests.client import Caller
from tests.docs.pages import ROOT, blocks
from tests.docs.test_api import is_like
from tests.shop import Bells

EVERY = list(blocks(ROOT / "docs" / "loyalty.md"))


@pytest.fixture
async def world(api):
    """The page's programme is live; Ann, and the shop's own system."""
    (rules,) = [block.text for block in EVERY if block.language == "rules"]
    now = datetime.now(UTC)
    await releases.release(
        [RulesFile("club", "Club", rules)], Act("marketer", now), stores=api.stores
    )
    ann = User(id="ann", created_at=now, name="Ann", roles=frozenset((Role.CUSTOMER,)))
    await api.stores.users.add(ann)
    pair = await open_session(ann, stores=api.stores, tokens=api.tokens, wall=now)
    access = api.tokens.read(pair.access_token, now=now)
    return {
        "ann": Caller("ann", pair.access_token, pair.refresh_token, access),
        "integrator": await api.caller(Role.INTEGRATOR, name="Shop"),
    }


async def work(stores):
    """Do what a worker does."""
    rulebook = Rulebook(stores, fresh=0)
    worker = Lanes(stores=stores, rulebook=rulebook, jobs=Bells(), clock=Clock())
    for lane in await stores.events.pending_lanes():
        await lanes.work([lane], worker)


async def test_every_step_gets_the_answer_that_is_shown(api, world):
    done = 0

    for operation, given, shown in zip(EVERY, EVERY[1:], EVERY[2:], strict=False):
        if "variables" not in given.words or "answer" not in shown.words:
            continue
        real = await api.ask(
            operation.text, json.loads(given.text), by=world[operation.value("as")]
        )
        assert is_like(json.loads(shown.text), real), (
            f"{operation.id}: {json.dumps(real, indent=2)}"
        )
        await work(api.stores)
        done += 1

    assert done == sum("answer" in block.words for block in EVERY)
