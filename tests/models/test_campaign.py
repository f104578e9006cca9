"""A campaign's path from draft to archive, and what is refused on the way."""

from datetime import UTC, datetime, timedelta

import pytest

from models.campaign import Act, Campaign, Live, Status
from models.errors import Conflict, Forbidden, Invalid

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
ANN = Act("ann", NOW)
BOB = Act("bob", NOW)


@pytest.fixture
def draft() -> Campaign:
    return Campaign.draft("c1", "Spring", "promotion spring {}", ANN)


@pytest.fixture
def approved(draft: Campaign) -> Campaign:
    return draft.submit(ANN).approve(BOB)


@pytest.fixture
def running(approved: Campaign) -> Campaign:
    return approved.go_live(Live(1, approved.source), "published", BOB)


def test_a_draft_goes_all_the_way_to_the_archive(draft):
    approved = draft.submit(ANN).approve(BOB)
    scheduled = approved.schedule(BOB, NOW + timedelta(days=1))
    running = scheduled.go_live(Live(3, scheduled.source), "published", BOB)
    archived = running.pause(ANN).resume(ANN).go_off(4, ANN).archive(ANN)

    assert [step.verb for step in archived.history] == [
        "created",
        "submitted",
        "approved",
        "scheduled",
        "published",
        "paused",
        "resumed",
        "ended",
        "archived",
    ]
    assert archived.status is Status.ARCHIVED
    assert scheduled.scheduled_for is not None
    assert running.scheduled_for is None


def test_each_step_is_told_once_with_an_id_of_its_own(running):
    assert [entry.type for entry in running.untold] == [
        "campaign.created",
        "campaign.submitted",
        "campaign.approved",
        "campaign.published",
    ]
    assert len({entry.id for entry in running.untold}) == 4


def test_only_a_draft_can_be_submitted(running):
    with pytest.raises(Conflict, match="“Spring” is running, not a draft"):
        running.submit(ANN)


def test_authors_do_not_review_their_own_work(draft):
    submitted = draft.edit(BOB, goal="more baskets").submit(ANN)

    for author in (ANN, BOB):
        with pytest.raises(Forbidden):
            submitted.approve(author)
        with pytest.raises(Forbidden):
            submitted.reject(author)
    assert submitted.approve(Act("cleo", NOW)).status is Status.APPROVED


def test_a_rejection_needs_a_reason_and_makes_a_draft(draft):
    submitted = draft.submit(ANN)

    with pytest.raises(Invalid, match="why"):
        submitted.reject(BOB)
    rejected = submitted.reject(Act("bob", NOW, "too generous"))

    assert rejected.status is Status.DRAFT
    assert rejected.history[-1].act.why == "too generous"


@pytest.mark.parametrize("later", [False, True])
def test_editing_what_is_approved_makes_a_draft_again(approved, later):
    if later:
        approved = approved.schedule(BOB, NOW + timedelta(days=1))

    edited = approved.edit(BOB, title="Spring again")

    assert edited.status is Status.DRAFT
    assert edited.scheduled_for is None
    with pytest.raises(Conflict):
        edited.require_publishable()


def test_a_running_campaign_is_revised_beside_the_live_text(running):
    revised = running.edit(BOB, source="promotion summer {}")

    assert (revised.status, revised.revision) == (Status.RUNNING, Status.DRAFT)
    assert revised.live.source == "promotion spring {}"
    with pytest.raises(Forbidden):
        revised.submit(BOB).approve(BOB)
    published = revised.submit(BOB).approve(ANN).go_live(Live(2, revised.source), "published", ANN)
    assert (published.status, published.revision) == (Status.RUNNING, None)
    assert published.live == Live(2, "promotion summer {}")


def test_a_new_title_of_a_running_campaign_needs_no_review(running):
    retitled = running.edit(ANN, title="Spring at last")

    assert (retitled.title, retitled.revision) == ("Spring at last", None)


def test_an_edit_during_publication_becomes_a_revision(approved):
    edited = approved.edit(ANN, source="promotion late {}")

    live = edited.go_live(Live(1, approved.source), "published", BOB)

    assert (live.status, live.revision, live.source) == (
        Status.RUNNING,
        Status.DRAFT,
        "promotion late {}",
    )


def test_publishing_a_revision_of_a_paused_campaign_leaves_it_paused(running):
    revised = running.pause(ANN).edit(ANN, source="promotion summer {}")

    live = revised.submit(ANN).approve(BOB).go_live(Live(2, revised.source), "published", BOB)

    assert (live.status, live.revision) == (Status.PAUSED, None)


def test_rolling_back_replaces_the_text_unless_a_revision_is_under_way(running):
    revised = running.edit(ANN, source="promotion summer {}")

    back = running.go_live(Live(2, "promotion winter {}"), "rolled_back", ANN)
    beside = revised.go_live(Live(2, "promotion winter {}"), "rolled_back", ANN)

    assert (back.source, back.revision) == ("promotion winter {}", None)
    assert (beside.source, beside.revision) == ("promotion summer {}", Status.DRAFT)


def test_what_has_ended_can_neither_be_edited_nor_paused(running):
    ended = running.go_off(2, ANN)

    with pytest.raises(Conflict, match="ended and cannot be edited"):
        ended.edit(ANN, source="")
    with pytest.raises(Conflict, match="ended, not running"):
        ended.pause(ANN)


def test_a_running_campaign_is_not_archived(running):
    with pytest.raises(Conflict, match="running, not ended"):
        running.archive(ANN)


def test_a_schedule_lies_ahead(approved):
    with pytest.raises(Invalid, match="passed"):
        approved.schedule(BOB, NOW)


def test_a_title_is_needed_and_a_novel_is_too_much():
    with pytest.raises(Invalid, match="title"):
        Campaign.draft("c1", " ", "", ANN)
    with pytest.raises(Invalid, match="256 KiB"):
        Campaign.draft("c1", "Spring", "é" * 131_073, ANN)
