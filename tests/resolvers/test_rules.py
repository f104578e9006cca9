"""Rules being written, through the API: diagnostics, declarations, whom a segment reaches."""

from datetime import UTC, datetime
from typing import Any

import pytest

from models.campaign import Act
from models.ids import new_id
from models.principal import Role
from models.user import User
from services.releases import RulesFile, release
from tests.client import Api, Caller

CHECK = """
query ($source: String!, $withPublished: Boolean!, $campaignId: ID) {
  checkRules(source: $source, withPublished: $withPublished, campaignId: $campaignId) {
    valid
    diagnostics {
      code severity message hint offset endOffset line column endLine endColumn
    }
    declarations { kind name title span { offset line column endLine } }
  }
}
"""
PREVIEW = """
query ($source: String, $segment: String!, $first: Int!) {
  segmentPreview(source: $source, segment: $segment, first: $first) { count sample { name } }
}
"""
FAMILIES = 'attributes user { size: number }\nsegment families "Families" { user.size >= 3 }'
ACT = Act("cli", datetime(2026, 3, 1, tzinfo=UTC))


@pytest.fixture
async def ann(api: Api) -> Caller:
    return await api.caller(Role.ANALYST)


async def check(api: Api, by: Caller, source: str, with_published: bool = False) -> dict[str, Any]:
    variables = {"source": source, "withPublished": with_published}
    report: dict[str, Any] = (await api.ask(CHECK, variables, by=by))["checkRules"]
    return report


async def people(api: Api, *sizes: int) -> None:
    for size in sizes:
        user = User(id=new_id(), created_at=ACT.at, name=f"size {size}", attributes={"size": size})
        await api.stores.users.add(user)


async def test_good_rules_are_valid_and_listed(api, ann):
    report = await check(api, ann, FAMILIES)

    assert (report["valid"], report["diagnostics"]) == (True, [])
    assert report["declarations"] == [
        {
            "kind": "ATTRIBUTES",
            "name": "user",
            "title": None,
            "span": {"offset": 0, "line": 1, "column": 1, "endLine": 1},
        },
        {
            "kind": "SEGMENT",
            "name": "families",
            "title": "Families",
            "span": {"offset": 33, "line": 2, "column": 1, "endLine": 2},
        },
    ]


async def test_a_mistake_is_placed_for_an_editor(api, ann):
    report = await check(api, ann, "# 🎉\nsegment s { user.emial is known }")

    (diagnostic,) = report["diagnostics"]
    assert report["valid"] is False
    assert diagnostic["severity"] == "ERROR"
    assert "email" in diagnostic["hint"]
    assert (diagnostic["line"], diagnostic["endLine"]) == (2, 2)
    assert diagnostic["offset"] == 4 + diagnostic["column"] - 1
    assert diagnostic["endColumn"] > diagnostic["column"]


async def test_broken_text_still_lists_what_could_be_read(api, ann):
    report = await check(api, ann, "segment ok { user.email is known }\npromotion { take")

    assert report["valid"] is False
    assert [each["name"] for each in report["declarations"]] == ["ok"]


async def test_a_text_can_be_checked_with_what_is_live(api, ann):
    await release([RulesFile("families", "Families", FAMILIES)], ACT, stores=api.stores)
    text = "promotion p { for user in segment families  take 5% off cart }"

    assert (await check(api, ann, text))["valid"] is False
    assert (await check(api, ann, text, with_published=True))["valid"] is True
    double = await check(api, ann, FAMILIES, with_published=True)
    assert double["valid"] is False


async def test_a_campaigns_own_live_text_does_not_clash_with_its_next(api, ann):
    (campaign,) = await release(
        [RulesFile("families", "Families", FAMILIES)], ACT, stores=api.stores
    )
    await release(
        [RulesFile("p", "P", "promotion p { for user in segment families  take 5% off cart }")],
        ACT,
        stores=api.stores,
    )
    id_of = (await api.ask("{ campaigns { edges { node { id title } } } }", by=ann))["campaigns"]
    (key,) = [
        edge["node"]["id"] for edge in id_of["edges"] if edge["node"]["title"] == campaign.title
    ]

    async def next_text(source: str) -> dict[str, Any]:
        variables = {"source": source, "withPublished": True, "campaignId": key}
        report: dict[str, Any] = (await api.ask(CHECK, variables, by=ann))["checkRules"]
        return report

    assert (await next_text(FAMILIES.replace("3", "4")))["valid"] is True
    without = await next_text("")
    assert "in “P”, line 1" in without["diagnostics"][0]["message"]


async def test_a_segment_shows_how_many_and_who(api, ann):
    await people(api, 1, 2, 3, 4, 5)
    variables = {"source": FAMILIES, "segment": "families", "first": 2}

    preview = (await api.ask(PREVIEW, variables, by=ann))["segmentPreview"]

    assert preview["count"] == 3
    assert len(preview["sample"]) == 2
    assert {each["name"] for each in preview["sample"]} <= {"size 3", "size 4", "size 5"}


async def test_a_segment_that_is_live_needs_no_text(api, ann):
    await people(api, 2, 3)
    await release([RulesFile("families", "Families", FAMILIES)], ACT, stores=api.stores)

    for source in (None, FAMILIES):
        variables = {"source": source, "segment": "families", "first": 5}
        preview = (await api.ask(PREVIEW, variables, by=ann))["segmentPreview"]
        assert preview == {"count": 1, "sample": [{"name": "size 3"}]}


@pytest.mark.parametrize(
    ("source", "segment", "code"),
    [(FAMILIES, "nobody", "INVALID"), ("segment s { user.emial }", "s", "RULES")],
)
async def test_a_segment_that_cannot_be_asked_is_refused(api, ann, source, segment, code):
    variables = {"source": source, "segment": segment, "first": 5}

    assert await api.code(PREVIEW, variables, by=ann) == code


# --- help while writing ---------------------------------------------------------------------------

COMPLETE = """
query ($source: String!, $offset: Int!, $withPublished: Boolean! = false) {
  completeRules(source: $source, offset: $offset, withPublished: $withPublished) {
    label kind detail documentation insert offset endOffset
  }
}
"""
FORMAT = """
query ($source: String!) { formatRules(source: $source) { source diagnostics { code line } } }
"""
HOVER = """
query ($source: String!, $offset: Int!) {
  hoverRules(source: $source, offset: $offset) { title text span { offset endOffset } }
}
"""


async def test_rules_are_formatted(api, ann):
    source = "# 🎉\nsegment s{user.name   is known}"

    answer = (await api.ask(FORMAT, {"source": source}, by=ann))["formatRules"]

    assert answer == {"source": "# 🎉\nsegment s { user.name is known }\n", "diagnostics": []}


async def test_rules_with_syntax_errors_are_not_formatted(api, ann):
    answer = (await api.ask(FORMAT, {"source": "segment s {"}, by=ann))["formatRules"]

    assert answer["source"] is None
    assert [each["line"] for each in answer["diagnostics"]] == [1]


async def test_half_written_rules_are_completed(api, ann):
    source = f"# 🎉\n{FAMILIES}\nsegment s {{ user.si"
    variables = {"source": source, "offset": len(source)}

    found = (await api.ask(COMPLETE, variables, by=ann))["completeRules"]

    assert found == [
        {
            "label": "size",
            "kind": "FACT",
            "detail": "number",
            "documentation": None,
            "insert": "size",
            "offset": len(source) - 2,
            "endOffset": len(source),
        }
    ]


async def test_completion_knows_what_is_live_if_asked(api, ann):
    await release([RulesFile("families", "Families", FAMILIES)], ACT, stores=api.stores)
    source = "promotion p { for user in segment "

    async def labels(with_published: bool) -> list[str]:
        variables = {"source": source, "offset": len(source), "withPublished": with_published}
        found = (await api.ask(COMPLETE, variables, by=ann))["completeRules"]
        return [each["label"] for each in found]

    assert await labels(False) == []
    assert await labels(True) == ["families"]


async def test_a_word_says_what_it_means(api, ann):
    variables = {"source": FAMILIES, "offset": FAMILIES.index("user.size") + 6}

    found = (await api.ask(HOVER, variables, by=ann))["hoverRules"]

    assert found["title"] == "user.size: number"
    start, end = found["span"]["offset"], found["span"]["endOffset"]
    assert FAMILIES[start:end] == "size"
    nothing = {"source": FAMILIES, "offset": FAMILIES.index(">= 3") + 3}
    assert (await api.ask(HOVER, nothing, by=ann))["hoverRules"] is None


@pytest.mark.parametrize("offset", [-1, len(FAMILIES) + 1])
async def test_a_place_outside_the_text_is_refused(api, ann, offset):
    variables = {"source": FAMILIES, "offset": offset}

    assert await api.code(COMPLETE, variables, by=ann) == "INVALID"
