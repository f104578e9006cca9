"""Rules kept in files become live together, or not at all."""

from datetime import UTC, datetime

import pytest

from models.campaign import Act, Status
from models.store import Stores
from services.publications import RulesRefused
from services.releases import RulesFile, release

ACT = Act("cli", datetime(2026, 3, 1, 9, tzinfo=UTC))
FAMILIES = RulesFile(
    "families",
    "Families",
    "attributes user { size: number }\nsegment families { user.size >= 3 }",
)
FAMILY_DAY = RulesFile(
    "family_day",
    "Family day",
    "promotion family_day { for user in segment families  take 5% off cart }",
)


@pytest.fixture
def stores(database) -> Stores:
    return Stores.over(database)


async def test_files_that_need_each_other_go_live_in_one_publication(stores):
    first, second = await release([FAMILY_DAY, FAMILIES], ACT, stores=stores)

    assert (first.title, second.title) == ("Family day", "Families")
    assert first.status is second.status is Status.RUNNING
    assert first.live.publication == second.live.publication == 1


async def test_the_same_files_again_change_nothing(stores):
    before = await release([FAMILY_DAY, FAMILIES], ACT, stores=stores)

    assert await release([FAMILY_DAY, FAMILIES], ACT, stores=stores) == before
    assert (await stores.workspace.get()).current == 1


async def test_a_changed_file_updates_its_campaign(stores):
    await release([FAMILIES], ACT, stores=stores)
    bigger = RulesFile("families", "Big families", FAMILIES.text.replace("3", "5"))

    (campaign,) = await release([bigger], ACT, stores=stores)

    assert (campaign.title, campaign.live.source) == ("Big families", bigger.text)
    assert (campaign.status, campaign.revision) == (Status.RUNNING, None)
    assert await stores.campaigns.count() == 1


async def test_files_that_do_not_check_write_nothing(stores):
    with pytest.raises(RulesRefused):
        await release([FAMILY_DAY], ACT, stores=stores)

    assert await stores.campaigns.count() == 0
