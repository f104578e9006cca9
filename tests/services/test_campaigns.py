"""Campaigns and publications against a real database: what is published, by whom, how safely."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from models.campaign import Act, Campaign, Status
from models.errors import Conflict, Invalid, NotFound
from models.publication import Publication, PublishedSource
from models.store import Stores
from services import campaigns, outbox, publications
from services.publications import RulesRefused

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
ANN = Act("ann", NOW)
BOB = Act("bob", NOW)

SPRING = "promotion spring { take 10% off cart }"
FAMILIES = "attributes user { size: number }\nsegment families { user.size >= 3 }"
FAMILY_DAY = "promotion family_day { for user in segment families  take 5% off cart }"


@pytest.fixture
def stores(database) -> Stores:
    return Stores.over(database)


async def approved(stores: Stores, source: str, title: str = "Spring") -> Campaign:
    campaign = await campaigns.create(title, source, ANN, stores=stores)
    await campaigns.submit(campaign.id, ANN, stores=stores)
    return await campaigns.approve(campaign.id, BOB, stores=stores)


async def live(stores: Stores, source: str, title: str = "Spring") -> Campaign:
    campaign = await approved(stores, source, title)
    return await campaigns.publish(campaign.id, BOB, stores=stores)


async def revise(stores: Stores, campaign: Campaign, source: str) -> Campaign:
    edited = await campaigns.update(
        campaign.id, campaign.version, ANN, stores=stores, source=source
    )
    await campaigns.submit(edited.id, ANN, stores=stores)
    await campaigns.approve(edited.id, BOB, stores=stores)
    return await campaigns.publish(edited.id, BOB, stores=stores)


async def current(stores: Stores) -> Publication:
    return await stores.publications.get((await stores.workspace.get()).current)


async def test_publishing_makes_a_numbered_publication_current(stores):
    campaign = await live(stores, SPRING)

    publication = await current(stores)
    assert campaign.status is Status.RUNNING
    assert campaign.live.publication == publication.number == 1
    assert publication.find(campaign.id).text == SPRING
    assert (publication.act.by, publication.previous) == ("bob", 0)
    assert (await stores.workspace.get()).unsettled == ()


async def test_a_draft_is_not_published(stores):
    campaign = await campaigns.create("Spring", SPRING, ANN, stores=stores)

    with pytest.raises(Conflict, match="“Spring” is draft, not approved"):
        await campaigns.publish(campaign.id, BOB, stores=stores)

    assert (await stores.workspace.get()).current == 0


async def test_rules_are_checked_together_with_what_is_live(stores):
    needy = await campaigns.create("Family day", FAMILY_DAY, ANN, stores=stores)
    with pytest.raises(RulesRefused, match="families"):
        await campaigns.submit(needy.id, ANN, stores=stores)
    families = await live(stores, FAMILIES, "Families")

    await campaigns.submit(needy.id, ANN, stores=stores)
    await campaigns.approve(needy.id, BOB, stores=stores)
    await campaigns.publish(needy.id, BOB, stores=stores)

    with pytest.raises(RulesRefused, match="“Family day”, line 1"):
        await campaigns.end(families.id, ANN, stores=stores)
    assert (await stores.campaigns.get(families.id)).status is Status.RUNNING


async def test_what_was_right_when_it_was_submitted_is_checked_once_more(stores):
    families = await live(stores, FAMILIES, "Families")
    needy = await approved(stores, FAMILY_DAY, "Family day")
    await campaigns.end(families.id, ANN, stores=stores)

    with pytest.raises(RulesRefused, match="families"):
        await campaigns.publish(needy.id, BOB, stores=stores)

    assert (await current(stores)).sources == ()
    assert (await stores.campaigns.get(needy.id)).status is Status.APPROVED


async def test_two_campaigns_with_one_name_cannot_both_be_live(stores):
    second = await approved(stores, SPRING, "Another spring")
    await live(stores, SPRING, "Spring")

    with pytest.raises(RulesRefused, match="line 1"):
        await campaigns.publish(second.id, BOB, stores=stores)


async def test_many_publish_at_once_and_nothing_is_lost(stores):
    ready = [
        await approved(stores, f"promotion p{n} {{ take 10% off cart }}", f"P{n}") for n in range(8)
    ]

    await asyncio.gather(*(campaigns.publish(c.id, BOB, stores=stores) for c in ready))

    publication = await current(stores)
    assert {source.campaign_id for source in publication.sources} == {c.id for c in ready}
    chain = [publication]
    while chain[-1].previous:
        chain.append(await stores.publications.get(chain[-1].previous))
    assert [len(each.sources) for each in chain] == [8, 7, 6, 5, 4, 3, 2, 1]


async def test_of_two_names_that_clash_at_once_one_is_published(stores):
    first, second = await approved(stores, SPRING, "A"), await approved(stores, SPRING, "B")

    outcomes = await asyncio.gather(
        *(campaigns.publish(c.id, BOB, stores=stores) for c in (first, second)),
        return_exceptions=True,
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Campaign", "RulesRefused"]
    assert len((await current(stores)).sources) == 1


async def test_publishing_one_campaign_twice_at_once_happens_once(stores):
    campaign = await approved(stores, SPRING)

    outcomes = await asyncio.gather(
        *(campaigns.publish(campaign.id, BOB, stores=stores) for _ in range(4)),
        return_exceptions=True,
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Campaign"] + ["Conflict"] * 3


async def test_an_edit_of_what_was_not_read_is_refused(stores):
    campaign = await campaigns.create("Spring", SPRING, ANN, stores=stores)

    outcomes = await asyncio.gather(
        *(
            campaigns.update(campaign.id, campaign.version, ANN, stores=stores, title=title)
            for title in ("Early", "Late", "Never")
        ),
        return_exceptions=True,
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Campaign"] + ["Conflict"] * 2


async def test_a_revision_replaces_what_is_live_only_when_published(stores):
    campaign = await live(stores, SPRING)
    text = SPRING.replace("10%", "20%")
    edited = await campaigns.update(campaign.id, campaign.version, ANN, stores=stores, source=text)

    assert (await current(stores)).find(campaign.id).text == SPRING
    assert (edited.status, edited.revision) == (Status.RUNNING, Status.DRAFT)
    await campaigns.submit(campaign.id, ANN, stores=stores)
    await campaigns.approve(campaign.id, BOB, stores=stores)
    published = await campaigns.publish(campaign.id, BOB, stores=stores)

    assert (await current(stores)).find(campaign.id).text == text
    assert (published.status, published.revision) == (Status.RUNNING, None)


async def test_a_campaign_goes_back_to_an_earlier_text(stores):
    campaign = await live(stores, SPRING)
    await revise(stores, campaign, SPRING.replace("10%", "90%"))

    back = await campaigns.roll_back(campaign.id, 1, replace(ANN, why="too much"), stores=stores)

    assert (await current(stores)).number == 3
    assert (await current(stores)).find(campaign.id).text == SPRING == back.source
    assert (back.history[-1].verb, back.history[-1].act.why) == ("rolled_back", "too much")
    with pytest.raises(Conflict, match="already"):
        await campaigns.roll_back(campaign.id, 1, ANN, stores=stores)
    with pytest.raises(NotFound):
        await campaigns.roll_back(campaign.id, 9, ANN, stores=stores)


async def test_everything_goes_back_to_an_earlier_publication(stores):
    first = await live(stores, SPRING)
    second = await live(stores, FAMILIES, "Families")

    publication = await publications.roll_back(1, ANN, stores=stores)

    assert publication.changed == (second.id,)
    assert [source.campaign_id for source in publication.sources] == [first.id]
    assert (await stores.campaigns.get(second.id)).status is Status.ENDED
    again = await publications.roll_back(2, ANN, stores=stores)
    assert again.content_hash == (await stores.publications.get(2)).content_hash
    assert (await stores.campaigns.get(second.id)).status is Status.RUNNING


async def test_a_publication_that_never_became_current_cannot_be_gone_back_to(stores):
    campaign = await live(stores, SPRING)
    workspace = await stores.workspace.get()
    lost = Publication.following(workspace, 0, [], changed=(campaign.id,), verb="ended", act=ANN)
    orphan = await stores.publications.add(lost)

    with pytest.raises(NotFound):
        await publications.roll_back(orphan.number, ANN, stores=stores)
    await campaigns.end(campaign.id, ANN, stores=stores)

    assert (await current(stores)).number == orphan.number + 1


async def test_ending_publishes_without_it(stores):
    campaign = await live(stores, SPRING)

    ended = await campaigns.end(campaign.id, ANN, stores=stores)

    assert (ended.status, ended.live) == (Status.ENDED, None)
    assert (await current(stores)).sources == ()
    assert (await campaigns.archive(campaign.id, ANN, stores=stores)).status is Status.ARCHIVED


async def test_killed_after_the_switch_the_next_one_finishes_the_work(stores):
    campaign = await approved(stores, SPRING)
    workspace = await stores.workspace.get()
    source = PublishedSource(campaign.id, campaign.version, SPRING)
    draft = Publication.following(
        workspace, 0, [source], changed=(campaign.id,), verb="published", act=BOB
    )
    publication = await stores.publications.add(draft)
    assert await stores.workspace.switch(workspace, publication.number)

    await asyncio.gather(*(publications.settle(stores=stores) for _ in range(5)))

    settled = await stores.campaigns.get(campaign.id)
    assert (settled.status, settled.live.publication) == (Status.RUNNING, publication.number)
    assert [step.verb for step in settled.history].count("published") == 1
    # Bob's answer was lost with whoever was killed: he asks again, and nobody publishes twice.
    assert await campaigns.publish(campaign.id, BOB, stores=stores) == settled
    with pytest.raises(Conflict, match="running"):
        await campaigns.publish(campaign.id, ANN, stores=stores)
    assert (await stores.workspace.get()).current == publication.number


async def test_what_is_told_survives_a_kill_between_saving_and_telling(stores):
    saved = await stores.campaigns.add(Campaign.draft("c1", "Spring", SPRING, ANN))
    assert await stores.outbox.waiting(9) == []

    assert await outbox.tell_rest(stores=stores) == 1
    assert await outbox.tell_rest(stores=stores) == 0

    assert [entry.id for entry in await stores.outbox.waiting(9)] == [saved.untold[0].id]


async def test_each_transition_is_told(stores):
    campaign = await live(stores, SPRING)
    await campaigns.pause(campaign.id, ANN, stores=stores)

    told = await stores.outbox.waiting(99)

    assert [entry.type for entry in told] == [
        "campaign.created",
        "campaign.submitted",
        "campaign.approved",
        "campaign.published",
        "campaign.paused",
    ]
    assert {entry.campaign_id for entry in told} == {campaign.id}
    assert (await stores.campaigns.get(campaign.id)).untold == ()


async def test_a_scheduled_campaign_goes_live_when_it_is_due(stores):
    campaign = await approved(stores, SPRING)
    due = NOW + timedelta(hours=2)
    await campaigns.publish(campaign.id, BOB, stores=stores, at=due)

    assert await campaigns.publish_due(NOW + timedelta(hours=1), stores=stores) == []
    outcomes = await asyncio.gather(*(campaigns.publish_due(due, stores=stores) for _ in range(3)))

    assert [key for published in outcomes for key in published] == [campaign.id]
    assert (await stores.campaigns.get(campaign.id)).status is Status.RUNNING
    assert (await current(stores)).act == Act("bob", due)


async def test_what_another_process_published_meanwhile_is_its_doing(stores, monkeypatch):
    campaign = await approved(stores, SPRING)
    due = NOW + timedelta(hours=2)
    await campaigns.publish(campaign.id, BOB, stores=stores, at=due)
    scheduled_until = stores.campaigns.scheduled_until
    others = []

    async def slowly(now, limit):
        found = await scheduled_until(now, limit=limit)
        monkeypatch.undo()
        others.extend(await campaigns.publish_due(due, stores=stores))
        return found

    monkeypatch.setattr(stores.campaigns, "scheduled_until", slowly)

    assert await campaigns.publish_due(due, stores=stores) == []
    assert others == [campaign.id]


async def test_a_schedule_that_cannot_be_kept_says_why(stores):
    families = await live(stores, FAMILIES, "Families")
    needy = await approved(stores, FAMILY_DAY, "Family day")
    due = NOW + timedelta(hours=2)
    await campaigns.publish(needy.id, BOB, stores=stores, at=due)
    await campaigns.end(families.id, ANN, stores=stores)

    assert await campaigns.publish_due(due, stores=stores) == []

    failed = await stores.campaigns.get(needy.id)
    assert (failed.status, failed.scheduled_for) == (Status.APPROVED, None)
    assert failed.history[-1].verb == "publication_failed"
    assert "families" in failed.history[-1].act.why
    assert await campaigns.publish_due(due, stores=stores) == []


async def test_a_time_that_has_passed_is_no_schedule(stores):
    campaign = await approved(stores, SPRING)

    with pytest.raises(Invalid, match="passed"):
        await campaigns.publish(campaign.id, BOB, stores=stores, at=NOW)


async def test_a_campaign_ends_by_its_own_dates(stores):
    text = "campaign march { active from 2026-03-01 to 2026-03-31 }\n" + SPRING
    campaign = await live(stores, text)
    assert campaign.ends_at == datetime(2026, 4, 1, tzinfo=UTC)

    assert await campaigns.end_due(NOW, stores=stores) == []
    assert await campaigns.end_due(campaign.ends_at, stores=stores) == [campaign.id]

    assert (await stores.campaigns.get(campaign.id)).status is Status.ENDED


async def test_a_campaign_that_others_need_outlives_its_dates(stores):
    text = "campaign march { active from 2026-03-01 to 2026-03-31 }\n" + FAMILIES
    campaign = await live(stores, text, "Families")
    await live(stores, FAMILY_DAY, "Family day")

    assert await campaigns.end_due(campaign.ends_at, stores=stores) == []

    kept = await stores.campaigns.get(campaign.id)
    assert (kept.status, kept.ends_at) == (Status.RUNNING, None)
    assert kept.history[-1].verb == "kept"


async def test_an_example_that_fails_keeps_rules_from_going_live_but_not_from_going_back(stores):
    example = """
    example "ten off" {
      cart { 1 of { price: 100 USD } }
      expect total 90 USD
    }
    """
    campaign = await live(stores, SPRING + example)
    with pytest.raises(RulesRefused, match="80"):
        await revise(stores, campaign, SPRING.replace("10%", "20%") + example)

    await campaigns.end(campaign.id, ANN, stores=stores)

    assert (await publications.roll_back(1, ANN, stores=stores)).number == 3


async def test_killed_anywhere_in_publishing_a_campaign_is_live_or_not_and_a_retry_helps(stores):
    ready = [
        await approved(stores, f"promotion p{n} {{ take 10% off cart }}", f"P{n}")
        for n in range(20)
    ]
    for place, campaign in enumerate(ready):
        publishing = asyncio.create_task(campaigns.publish(campaign.id, BOB, stores=stores))
        await asyncio.sleep(0.003 * place)
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)

    await publications.settle(stores=stores)
    await outbox.tell_rest(stores=stores)
    half = await current(stores) if (await stores.workspace.get()).current else None
    for campaign in ready:
        status = (await stores.campaigns.get(campaign.id)).status
        there = half is not None and half.find(campaign.id) is not None
        assert status is (Status.RUNNING if there else Status.APPROVED)
        if not there:
            await campaigns.publish(campaign.id, BOB, stores=stores)

    assert len((await current(stores)).sources) == 20
    told = [entry.type for entry in await stores.outbox.waiting(999)]
    assert told.count("campaign.published") == 20
