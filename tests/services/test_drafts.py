"""Whom the segments that are live reach."""

from datetime import UTC, datetime

import pytest

from models.campaign import Act
from models.ids import new_id
from models.store import Stores
from models.user import User
from services import drafts
from services.releases import RulesFile, release
from services.rulebook import Rulebook

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
RULES = """
attributes user { size: number }
segment families { user.size >= 3 }
segment big_families { user in segment families and user.size >= 5 }
segment nobody { user.size > 99 }
"""


@pytest.fixture
def stores(database) -> Stores:
    return Stores.over(database)


async def test_every_live_segment_is_counted(stores):
    for size in (1, 3, 4, 5, 6):
        await stores.users.add(User(id=new_id(), created_at=NOW, attributes={"size": size}))
    await release([RulesFile("all", "All", RULES)], Act("cli", NOW), stores=stores)
    published = await Rulebook(stores).current()

    counts = await drafts.segment_counts(published, stores=stores, now=NOW)

    assert counts == {"families": 4, "big_families": 2, "nobody": 0}
