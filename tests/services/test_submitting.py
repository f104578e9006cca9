"""Asking for approval: what could not be live now stays a draft, and is told why."""

import asyncio
from datetime import UTC, datetime

import pytest

from models.campaign import Act, Status
from models.store import Stores
from services import campaigns
from services.publications import RulesRefused

ANN = Act("ann", datetime(2026, 3, 1, 9, tzinfo=UTC))
SPRING = "promotion spring { take 10% off cart }"


@pytest.fixture
def stores(database) -> Stores:
    return Stores.over(database)


async def test_a_draft_with_errors_is_not_reviewed_but_told_what_they_are(stores):
    source = "promotion spring { take 10% of cart }\npromotion tea { take 5% off carts }"
    campaign = await campaigns.create("Spring", source, ANN, stores=stores)

    with pytest.raises(RulesRefused) as refusal:
        await campaigns.submit(campaign.id, ANN, stores=stores)

    assert [part.message[:15] for part in refusal.value.parts] == [
        "line 1, column ",
        "line 2, column ",
    ]
    assert {part.field for part in refusal.value.parts} == {("source",)}
    found = await stores.campaigns.get(campaign.id)
    assert (found.status, found.version) == (Status.DRAFT, campaign.version)


async def test_what_cannot_be_sent_is_not_reviewed_either(stores):
    source = 'event visited { page: text }\ntrigger t { on visited  then { send email "hello" } }'
    campaign = await campaigns.create("Hello", source, ANN, stores=stores)

    with pytest.raises(RulesRefused, match="no email template 'hello'"):
        await campaigns.submit(campaign.id, ANN, stores=stores)


async def test_a_text_that_nobody_checked_is_never_in_review(stores):
    for _ in range(8):
        campaign = await campaigns.create("Spring", SPRING, ANN, stores=stores)

        await asyncio.gather(
            campaigns.submit(campaign.id, ANN, stores=stores),
            campaigns.edit(campaign.id, ANN, stores=stores, source="promotion spring {"),
            return_exceptions=True,
        )

        assert (await stores.campaigns.get(campaign.id)).status is Status.DRAFT
