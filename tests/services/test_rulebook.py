"""The rules in use follow what is published, and are compiled once."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

import dsl
from models.campaign import Act
from models.errors import NotFound
from models.store import Stores
from services import campaigns
from services.releases import RulesFile, release
from services.rulebook import Rulebook
from tests.waiting import until

ACT = Act("cli", datetime(2026, 3, 1, 9, tzinfo=UTC))
SPRING = RulesFile("spring", "Spring", "promotion spring { take 10% off cart }")


@pytest.fixture
def stores(database) -> Stores:
    return Stores.over(database)


async def test_before_the_first_publication_there_is_what_is_built_in(stores):
    workspace = await stores.workspace.get()
    await stores.workspace.edit(version=workspace.version, zone="Europe/Vienna", currency="EUR")

    published = await Rulebook(stores).current()

    assert published.number == 0
    assert not published.program.promotions
    assert "order_placed" in published.program.events
    assert (published.program.zone, published.program.currency) == ("Europe/Vienna", "EUR")


async def test_what_came_before_the_first_publication_stays_with_what_held_then(stores):
    await release([SPRING], ACT, stores=stores)

    before = await Rulebook(stores).version(0)

    assert "order_placed" in before.program.events
    assert not before.program.promotions


async def test_a_declaration_is_known_with_its_campaign(stores):
    (campaign,) = await release([SPRING], ACT, stores=stores)

    published = await Rulebook(stores).current()

    assert published.campaign_of == {"spring": campaign.id}
    assert published.campaigns == {campaign.id}
    assert "spring" in published.program.promotions


async def test_every_process_notices_by_itself(stores):
    rulebook = Rulebook(stores)
    await rulebook.current()
    (campaign,) = await release([SPRING], ACT, stores=stores)
    await campaigns.pause(campaign.id, ACT, stores=stores)

    async def noticed() -> bool:
        return (await rulebook.current()).number > 0

    await until(noticed)
    assert (await rulebook.current()).paused == {campaign.id}


async def test_whoever_publishes_sees_it_at_once(stores):
    rulebook = Rulebook(stores, fresh=60)
    await rulebook.current()
    await release([SPRING], ACT, stores=stores)

    await rulebook.notice()

    assert (await rulebook.current()).number == 1


async def test_work_in_flight_keeps_its_version(stores):
    rulebook = Rulebook(stores, fresh=0)
    await release([SPRING], ACT, stores=stores)
    await release([replace(SPRING, text=SPRING.text.replace("10%", "20%"))], ACT, stores=stores)

    earlier, now = await rulebook.version(1), await rulebook.current()

    assert (earlier.number, now.number) == (1, 2)
    assert earlier.program != now.program
    assert (await rulebook.version(1)).program is earlier.program
    with pytest.raises(NotFound):
        await rulebook.version(3)


async def test_many_who_ask_at_once_compile_once(stores):
    await release([SPRING], ACT, stores=stores)
    rulebook = Rulebook(stores)

    programs = await asyncio.gather(*(rulebook.current() for _ in range(50)))

    assert len({id(published.program) for published in programs}) == 1


async def test_another_process_takes_what_the_first_has_made_of_the_text(stores):
    (campaign,) = await release([SPRING], ACT, stores=stores)
    await Rulebook(stores).current()
    # What is kept differs from the text, which tells that the text is not checked again.
    source = dsl.SourceFile(campaign.id, "promotion autumn { take 10% off cart }")
    packed = dsl.pack(dsl.check([source]).program)
    await stores.programs.documents.update_one({}, {"$set": {"packed": packed}})

    published = await Rulebook(stores).current()

    assert [*published.program.promotions] == ["autumn"]
    assert published.campaign_of == {"autumn": campaign.id}


async def test_what_was_kept_and_cannot_be_read_is_made_anew(stores):
    await release([SPRING], ACT, stores=stores)
    await Rulebook(stores).current()
    await stores.programs.documents.update_many({}, {"$set": {"packed": b"damaged"}})

    published = await Rulebook(stores).current()

    assert "spring" in published.program.promotions
    (kept,) = await stores.programs.documents.find().to_list(None)
    assert dsl.unpack(kept["packed"]) == published.program
