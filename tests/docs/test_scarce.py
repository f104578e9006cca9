"""docs/scarce.md: what it shows of buying something scarce is done, step by step."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from models.campaign import Act
from models.principal import Role
from models.user import User
from services import releases
from services.releases import RulesFile
from services.sessions import open_session
from tests.client import Caller
from tests.docs.pages import ROOT, blocks
from tests.docs.test_api import is_like

EVERY = list(blocks(ROOT / "docs" / "scarce.md"))
WINDOW = re.compile(r"active from .*$", re.MULTILINE)


@pytest.fixture
async def world(api):
    """The page's sale, on whenever this is run; Ann, and the shop's own system."""
    rules = next(block.text for block in EVERY if block.language == "rules")
    now = datetime.now(UTC)
    await releases.release(
        [RulesFile("sale", "Sale", WINDOW.sub("active from 2020-01-01", rules))],
        Act("marketer", now),
        stores=api.stores,
    )
    ann = User(id="ann", created_at=now, name="Ann", roles=frozenset((Role.CUSTOMER,)))
    await api.stores.users.add(ann)
    pair = await open_session(ann, stores=api.stores, tokens=api.tokens, wall=now)
    access = api.tokens.read(pair.access_token, now=now)
    return {
        "ann": Caller("ann", pair.access_token, pair.refresh_token, access),
        "integrator": await api.caller(Role.INTEGRATOR, name="Shop"),
    }


def steps():
    """Yield each operation that has variables and an answer right after it."""
    for operation, given, shown in zip(EVERY, EVERY[1:], EVERY[2:], strict=False):
        if "variables" in given.words and "answer" in shown.words:
            yield operation, given.text, json.loads(shown.text)


async def test_every_step_gets_the_answer_that_is_shown(api, world):
    claim = ""
    done = 0

    for operation, given, shown in steps():
        real: dict[str, Any] = await api.ask(
            operation.text,
            json.loads(given.replace("CLAIM", claim)),
            by=world[operation.value("as")],
        )
        assert is_like(shown, real), f"{operation.id}: {json.dumps(real, indent=2)}"
        claim = real.get("claimStock", {}).get("claim", {}).get("id", claim)
        done += 1

    assert done == sum("answer" in block.words for block in EVERY)
