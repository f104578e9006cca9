"""What a release would do is told before it does it."""

from datetime import UTC, datetime

import pytest

import dsl
from models.campaign import Act
from models.errors import Invalid
from models.ids import new_id
from models.store import Stores
from models.template import Template
from models.user import User
from services import plans
from services.folders import Folder, RulesFile
from services.plans import JourneyChange, SegmentChange
from services.releases import release_folder
from tests.shop import event

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
ACT = Act("cli", NOW)
FACTS = ("facts", "attributes user { size: number }")
LARGE = ("large", "segment large { user.size >= 3 }")
OFFER = ("offer", "promotion offer { for user in segment large  take 5% off cart }")
JOURNEY = "trigger thanks {{ on order_placed then {{ wait {} send email {!r} }} }}"
HELLO = Template(channel="email", name="hello", subject="Hello", text="Hello!\n")


@pytest.fixture
def stores(database) -> Stores:
    return Stores.over(database)


def folder(*files: tuple[str, str], templates=(), prune=False) -> Folder:
    return Folder(tuple(RulesFile.of(key, text) for key, text in files), tuple(templates), prune)


async def plan(files: Folder, stores: Stores) -> plans.ReleasePlan:
    return await plans.plan(files, stores=stores, now=NOW)


def names(planned: plans.ReleasePlan) -> list[tuple[str, str, bool, bool]]:
    return [(c.kind, c.name, c.before is not None, c.after is not None) for c in planned.changes]


async def people(stores: Stores, *sizes: int) -> None:
    for size in sizes:
        await stores.users.add(User(id=new_id(), created_at=NOW, attributes={"size": size}))


async def test_upon_nothing_everything_is_added(stores):
    planned = await plan(folder(FACTS, LARGE), stores)

    assert (planned.publication, planned.valid, planned.empty) == (0, True, False)
    assert names(planned) == [
        ("attributes", "user", False, True),
        ("segment", "large", False, True),
    ]
    assert planned.files == ("facts", "large")


async def test_a_plan_does_nothing(stores):
    await plan(folder(FACTS, LARGE, templates=[HELLO]), stores)

    assert await stores.campaigns.count() == 0
    assert await stores.templates.all() == []
    assert (await stores.workspace.get()).current == 0


async def test_what_is_released_has_nothing_left_to_do(stores):
    files = folder(FACTS, LARGE, templates=[HELLO])
    await release_folder(files, ACT, stores=stores)

    planned = await plan(files, stores)

    assert planned.empty
    assert (planned.publication, planned.changes, planned.segments) == (1, (), ())


async def test_another_comment_is_published_but_changes_no_declaration(stores):
    await release_folder(folder(FACTS), ACT, stores=stores)

    planned = await plan(folder((FACTS[0], f"# facts\n{FACTS[1]}")), stores)

    assert (planned.files, planned.changes, planned.empty) == (("facts",), (), False)


async def test_people_gained_and_lost_are_counted(stores):
    await people(stores, 1, 2, 2, 3, 4, 5)
    await release_folder(folder(FACTS, LARGE), ACT, stores=stores)

    middle = ("large", "segment large { user.size between 2 and 4 }")
    planned = await plan(folder(FACTS, middle), stores)

    assert planned.segments == (SegmentChange("large", before=3, after=4, gained=2, lost=1),)


async def test_new_segments_and_those_that_are_gone_are_counted(stores):
    await people(stores, 1, 2, 3)
    await release_folder(folder(FACTS, LARGE), ACT, stores=stores)

    planned = await plan(folder(FACTS, ("large", "segment small { user.size < 3 }")), stores)

    assert planned.segments == (
        SegmentChange("small", after=2, gained=2, lost=0),
        SegmentChange("large", before=1, gained=0, lost=1),
    )


async def test_a_segment_changes_with_one_that_it_uses(stores):
    await people(stores, 1, 2, 3)
    member = ("member", "segment member { user in segment large }")
    await release_folder(folder(FACTS, LARGE, member), ACT, stores=stores)

    planned = await plan(folder(FACTS, ("large", LARGE[1].replace("3", "2")), member), stores)

    assert [(c.name, c.gained, c.lost) for c in planned.segments] == [
        ("large", 1, 0),
        ("member", 1, 0),
    ]


async def test_mistakes_are_told_with_their_files_and_all_of_them(stores):
    wrong = ("a", "promotion p { take 10% of cart }"), ("b", "segment s { user.nope = 1 }")

    planned = await plan(folder(*wrong), stores)

    assert not planned.valid
    assert {d.span.file for d in planned.diagnostics} == {"a", "b"}


async def test_mistakes_that_are_caused_elsewhere_are_told_by_title(stores):
    await release_folder(folder(FACTS, LARGE, OFFER), ACT, stores=stores)

    planned = await plan(folder(FACTS, ("large", "segment big { user.size >= 3 }")), stores)

    (error,) = (d for d in planned.diagnostics if d.severity is dsl.Severity.ERROR)
    assert error.span.file == ""
    assert error.message.startswith("in “offer”, line 1, column 39: there is no segment `large`")


async def test_what_is_missing_from_the_folder_stays_or_ends(stores):
    await release_folder(folder(FACTS, LARGE, OFFER), ACT, stores=stores)

    kept = await plan(folder(FACTS, LARGE), stores)
    pruned = await plan(folder(FACTS, LARGE, prune=True), stores)

    assert (kept.empty, [c.title for c in kept.unclaimed], kept.ended) == (True, ["offer"], ())
    assert ([c.key for c in pruned.ended], pruned.unclaimed) == (["offer"], ())
    assert names(pruned) == [("promotion", "offer", True, False)]


async def test_templates_that_say_something_else_are_told(stores):
    trigger = ("thanks", JOURNEY.format("1 day", "hello").replace("'", '"'))

    without = await plan(folder(trigger), stores)
    beside = await plan(folder(trigger, templates=[HELLO]), stores)

    assert [d.code for d in without.diagnostics] == ["E291"]
    assert beside.valid
    assert [template.name for template in beside.templates] == ["hello"]


async def test_a_template_that_is_wrong_is_refused(stores):
    broken = Template(channel="email", name="hello", subject="Hello", text="{% if %}")

    with pytest.raises(Invalid, match="template hello"):
        await plan(folder(templates=[broken]), stores)


async def test_journeys_under_way_are_told(shop):
    await shop.template("hello")
    await shop.person()
    trigger = JOURNEY.format("1 day", "hello").replace("'", '"')
    await release_folder(
        folder(("thanks", trigger)), Act("cli", shop.clock.now()), stores=shop.stores
    )
    await shop.rulebook.refresh()
    await shop.tell(event("order_placed", "1"))
    await shop.work()

    changed = await plan(folder(("thanks", trigger.replace("1 day", "2 days"))), shop.stores)
    ended = await plan(folder(prune=True), shop.stores)
    same = await plan(folder(("thanks", f"# hi\n{trigger}")), shop.stores)

    assert changed.journeys == (JourneyChange("thanks", 1, ends=False),)
    assert ended.journeys == (JourneyChange("thanks", 1, ends=True),)
    assert same.journeys == ()


def test_files_are_compared_with_other_files():
    before = [dsl.SourceFile("a", "segment a { user.points > 1 }")]

    planned = plans.compare(
        folder(("a", "segment a { user.points > 2 }")), before, dsl.Settings(), now=NOW
    )

    assert planned.valid
    assert planned.changes[0].lines == ("-   user.points > 1", "+   user.points > 2")
