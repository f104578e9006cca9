"""Rules kept in files become live together, or not at all."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from models.campaign import Act, Status
from models.errors import Conflict, Invalid
from models.store import Stores
from models.template import Template
from services import campaigns
from services.folders import Folder, RulesFile
from services.publications import RulesRefused
from services.releases import release, release_folder

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


def folder(*files: tuple[str, str], templates=(), prune=False) -> Folder:
    return Folder(tuple(RulesFile.of(key, text) for key, text in files), tuple(templates), prune)


WELCOME = ("welcome", 'trigger hello { on order_placed then { send email "hello" } }')
HELLO = Template(channel="email", name="hello", subject="Hello", text="Hello!\n")
A = ("a", "segment a { user.points > 1 }")
B = ("b", "segment b { user.points > 2 }")


async def go(files: Folder, stores: Stores, **more):
    return await release_folder(files, ACT, stores=stores, **more)


async def test_templates_come_with_the_rules_that_send_them(stores):
    released = await go(folder(WELCOME, templates=[HELLO]), stores)

    assert [template.name for template in released.templates] == ["hello"]
    assert released.publication == 1


async def test_nothing_to_do_is_nothing_done(stores):
    await go(folder(WELCOME, A, templates=[HELLO]), stores)

    again = await go(folder(WELCOME, A, templates=[HELLO]), stores)

    assert (again.publication, again.templates, again.ended) == (None, (), ())


async def test_a_template_that_is_wrong_keeps_everything_out(stores):
    broken = replace(HELLO, text="{% if %}")

    with pytest.raises(Invalid, match="template hello: "):
        await go(folder(A, templates=[broken]), stores)

    assert await stores.campaigns.count() == 0


async def test_a_file_that_is_gone_ends_its_campaign_only_on_request(stores):
    await go(folder(A, B), stores)

    kept = await go(folder(A), stores)
    pruned = await go(folder(A, prune=True), stores)

    assert kept.publication is None
    assert [campaign.key for campaign in pruned.ended] == ["b"]
    assert pruned.ended[0].status is Status.ENDED
    assert pruned.publication == 2


async def test_what_was_never_in_a_file_is_not_pruned(stores):
    await publish_by_hand("Mine", A[1], stores)

    released = await go(folder(B, prune=True), stores)

    assert released.ended == ()


async def test_a_file_that_comes_back_is_a_new_campaign(stores):
    first = await go(folder(A, B), stores)
    await go(folder(A, prune=True), stores)

    again = await go(folder(A, B), stores)

    assert again.campaigns[1].id != first.campaigns[1].id
    assert again.campaigns[1].status is Status.RUNNING
    assert (await stores.campaigns.get(first.campaigns[1].id)).key is None


async def test_a_file_with_another_name_is_the_same_campaign(stores):
    (before,) = (await go(folder(A), stores)).campaigns

    released = await go(folder(("offers/a", A[1] + " # moved"), prune=True), stores)

    (after,) = released.campaigns
    assert (after.id, after.key, released.ended) == (before.id, "offers/a", ())


async def test_names_can_be_swapped(stores):
    first, second = (await go(folder(A, B), stores)).campaigns

    swapped = await go(folder(("a", B[1]), ("b", A[1])), stores)

    assert [c.live.source for c in swapped.campaigns] == [B[1], A[1]]
    assert {c.id for c in swapped.campaigns} == {first.id, second.id}


async def test_a_campaign_made_by_hand_is_taken_over_with_its_title(stores):
    made = await publish_by_hand("By hand", A[1], stores)

    released = await go(folder(("a", A[1].replace("1", "5"))), stores)

    (campaign,) = released.campaigns
    assert (campaign.id, campaign.title, campaign.key) == (made.id, "By hand", "a")
    assert await stores.campaigns.count() == 1


async def test_a_revision_under_way_stays_beside_what_is_released(stores):
    (campaign,) = (await go(folder(A), stores)).campaigns
    mine = A[1].replace("1", "7")
    await campaigns.edit(campaign.id, ACT, stores=stores, source=mine)

    released = await go(folder(("a", A[1].replace("1", "5"))), stores)

    (campaign,) = released.campaigns
    assert campaign.live.source == A[1].replace("1", "5")
    assert (campaign.source, campaign.revision) == (mine, Status.DRAFT)


async def test_a_draft_left_by_a_release_cut_short_goes_live(stores):
    await campaigns.create("a", "segment a {", ACT, stores=stores, key="a")

    released = await go(folder(A), stores)

    (campaign,) = released.campaigns
    assert (campaign.status, campaign.revision, campaign.source) == (Status.RUNNING, None, A[1])


async def test_what_was_planned_upon_something_else_is_refused(stores):
    await go(folder(A), stores, publication=0)

    with pytest.raises(Conflict, match="plan again"):
        await go(folder(B), stores, publication=0)

    assert await stores.campaigns.count() == 1


async def test_of_two_releases_at_once_one_is_refused(stores):
    both = await asyncio.gather(
        go(folder(A), stores, publication=0),
        go(folder(B), stores, publication=0),
        return_exceptions=True,
    )

    assert sorted(type(each).__name__ for each in both) == ["Conflict", "Released"]


async def test_lines_may_end_in_any_way(stores):
    await go(folder(("a", "\ufeffsegment a {\r\n user.points > 1 }\r\n")), stores)

    released = await go(folder(("a", "segment a {\n user.points > 1 }\n")), stores)

    assert released.publication is None


@pytest.mark.parametrize(
    "key", ["", "../a", "/a", "a//b", ".a", "a.", "a\\b", "a\n", "a:b", "x" * 201]
)
def test_a_name_that_leads_elsewhere_is_refused(key):
    with pytest.raises(Invalid, match="no name that a file"):
        RulesFile.of(key, "")


@pytest.mark.parametrize("key", ["a", "春节", "offers/spring 2026", "v1.2"])
def test_other_names_are_taken(key):
    assert RulesFile.of(key, "").key == key


async def publish_by_hand(title: str, source: str, stores: Stores):
    campaign = await campaigns.create(title, source, ACT, stores=stores)
    await campaigns.submit(campaign.id, ACT, stores=stores)
    await campaigns.approve(campaign.id, Act("reviewer", ACT.at), stores=stores)
    return await campaigns.publish(campaign.id, ACT, stores=stores)
